package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.progress.JobLog;
import org.junit.jupiter.api.Test;

final class LogTailTest {
    private final LogTail tail = new LogTail(10);

    @Test
    void keepsWhatFits() {
        tail.add("one\n");
        tail.add("two\n");

        assertThat(tail.take()).isEqualTo(new JobLog("one\ntwo\n", false));
    }

    @Test
    void dropsTheOldestLinesAsAWhole() {
        tail.add("one\n");
        tail.add("two\n");
        tail.add("three\n");

        assertThat(tail.take()).isEqualTo(new JobLog("two\nthree\n", true));
    }

    @Test
    void countsBytesOfUtf8() {
        tail.add("three\n");
        tail.add("三\n");
        tail.add("\n");

        assertThat(tail.take()).isEqualTo(new JobLog("三\n\n", true));
    }

    @Test
    void aLineThatFitsNowhereIsCutOff() {
        tail.add("a line too long\n");
        tail.add("next\n");

        assertThat(tail.take()).isEqualTo(new JobLog("next\n", true));
    }
}
