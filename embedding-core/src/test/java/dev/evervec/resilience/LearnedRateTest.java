package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class LearnedRateTest {
    private static final long SECOND = 1_000_000_000L;
    /** By itself the rate grows while it is used: after some seconds it may be a few times what it was. */
    private static final double NOT_PROVEN = 60;

    private final LearnedRate rate = new LearnedRate();
    private long now;

    /** About nine calls a second. */
    @BeforeEach
    void learn() {
        for (int call = 0; call < 50; call++) {
            now += SECOND / 10;
            rate.take(1, now);
        }
        rate.refused(1, now, now, true);
        assertThat(callsASecond()).isBetween(5.0, 20.0);
    }

    /** Of calls that go as soon as they may. */
    private double callsASecond() {
        long began = now;
        for (int call = 0; call < 20; call++) {
            now += rate.until(1, now) + SECOND / 1_000;
            rate.take(1, now);
        }
        return 20.0 * SECOND / (now - began);
    }

    @Test
    void aCallThatWaitedAndWasGivenUpProvesNothing() {
        assertThat(rate.until(1, now)).isPositive();

        now += Duration.ofMinutes(10).toNanos();

        assertThat(callsASecond()).isLessThan(NOT_PROVEN);
    }

    @Test
    void aPauseThatGrowsProvesNothing() {
        rate.refused(1, now, now + SECOND, true);
        rate.refusedToo(1, now, now + 20 * SECOND);
        assertThat(rate.until(1, now)).isPositive();

        now += 20 * SECOND;

        assertThat(callsASecond()).isBetween(0.5, NOT_PROVEN);
    }

    @Test
    void timeThatACallWaitedForSomethingElseProvesNothing() {
        assertThat(rate.until(1, now)).isPositive();
        now += 30 * SECOND;
        rate.take(1, now);

        assertThat(callsASecond()).isLessThan(NOT_PROVEN);
    }

    @Test
    void aPauseOfHoursTellsNothingOfTheRate() {
        long pause = Duration.ofHours(8).toNanos();
        rate.refused(1, now, now + pause, true);

        now += pause;

        assertThat(rate.until(1, now)).isLessThan(SECOND);
        assertThat(callsASecond()).isGreaterThan(3);
    }
}
