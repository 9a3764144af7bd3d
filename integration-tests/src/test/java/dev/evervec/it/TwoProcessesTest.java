package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.it.Debugger.Target;
import dev.evervec.it.KilledBuild.Mode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Two processes on one SQLite file: one works, the other is told so, and nothing breaks. */
final class TwoProcessesTest {
    private static final List<String> PLAIN = List.of();

    @TempDir
    Path folder;

    @RepeatedTest(3)
    void ofTwoStartedTogetherOnAFreshFileOneWorksAndTheOtherIsTold() throws Exception {
        KillSite site = new KillSite(folder, Mode.PLAIN);
        try (BuildProcess one = site.start(Traffic.heldFrom(1), PLAIN).awaitReady();
                BuildProcess other = site.start(Traffic.heldFrom(1), PLAIN).awaitReady()) {
            Stream.of(one, other).parallel().forEach(BuildProcess::go);
            BuildProcess told = CompletableFuture.anyOf(one.onExit(), other.onExit())
                    .thenApply(BuildProcess.class::cast)
                    .join();
            BuildProcess worker = told == one ? other : one;

            assertRefused(told, "(the job " + worker.jobId() + "|another job)");
            worker.traffic().release();
            site.finish(worker);
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no SIGSTOP")
    void aSecondIsToldWhileTheFirstIsPausedAndTheFirstGoesOnAfterwards() throws Exception {
        KillSite site = new KillSite(folder, Mode.REWRITING);
        try (BuildProcess first = site.start(Traffic.heldFrom(2), PLAIN).go()) {
            assertThat(first.traffic().awaitEmbeddings(2)).isTrue();
            first.signal("STOP");

            try (BuildProcess second = site.start(Traffic.answered(), PLAIN).go()) {
                assertRefused(second, "the job " + first.jobId());
            }
            first.signal("CONT");
            first.traffic().release();
            site.finish(first);
        }
    }

    @Test
    void aSecondIsToldWhileTheFirstIsPausedInTheMiddleOfATransaction() throws Exception {
        KillSite site = new KillSite(folder, Mode.PLAIN);
        try (Debugger debugger = new Debugger();
                BuildProcess first =
                        site.start(Traffic.answered(), debugger.options()).go()) {
            Target target = debugger.accept();
            assertThat(target.runTo(Failpoint.INSIDE_COMMIT, 1)).isTrue();

            try (BuildProcess second = site.start(Traffic.answered(), PLAIN).go()) {
                assertRefused(second, "the job " + first.jobId());
            }
            target.detach();
            site.finish(first);
        }
    }

    private static void assertRefused(BuildProcess build, String job) throws Exception {
        int code = build.exitCode();
        String output = build.output();
        assertThat(code).as(output).isEqualTo(2);
        assertThat(output.strip().lines().reduce("", (before, line) -> line))
                .matches(job + " is running in another process on the store .*: wait for it to end, or cancel it");
        assertThat(build.traffic().texts()).isEmpty();
    }
}
