package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TurnsTest {
    private final List<Duration> rests = new ArrayList<>();
    private long now = Long.MAX_VALUE - 5;
    private final Turns turns = new Turns(() -> now, nanos -> {
        rests.add(Duration.ofNanos(nanos));
        now += nanos;
    });

    @Test
    void aWriterThatIsAloneDoesNotRest() {
        write(Duration.ofMillis(5));
        write(Duration.ofMillis(5));

        assertThat(rests).isEmpty();
    }

    @Test
    void aWriterAmongOthersRestsNineTimesAsLongAsItWrote() {
        turns.setShared(true);
        write(Duration.ofMillis(5));
        write(Duration.ofMillis(3));
        write(Duration.ofMillis(1));

        assertThat(rests).containsExactly(Duration.ofMillis(45), Duration.ofMillis(27));
    }

    @Test
    void timeThatPassedAnywayCounts() {
        turns.setShared(true);
        write(Duration.ofMillis(5));
        now += Duration.ofMillis(40).toNanos();
        write(Duration.ofMillis(5));
        now += Duration.ofMillis(50).toNanos();
        write(Duration.ofMillis(5));

        assertThat(rests).containsExactly(Duration.ofMillis(5));
    }

    @Test
    void aLongWriteIsNotFollowedByAVeryLongRest() {
        turns.setShared(true);
        write(Duration.ofSeconds(3));
        write(Duration.ofMillis(1));

        assertThat(rests).containsExactly(Duration.ofMillis(200));
    }

    @Test
    void anInterruptedThreadDoesNotWait() {
        turns.setShared(true);
        write(Duration.ofMillis(5));
        Thread.currentThread().interrupt();
        try {
            write(Duration.ofMillis(5));
        } finally {
            assertThat(Thread.interrupted()).as("still interrupted").isTrue();
        }

        assertThat(rests).isEmpty();
    }

    private void write(Duration time) {
        turns.begin();
        now += time.toNanos();
        turns.end();
    }
}
