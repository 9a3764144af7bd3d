package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class SpeedTest {
    private final Speed speed = new Speed();

    private void countUp(long fromSecond, long toSecond, long perSecond, long start) {
        for (long second = fromSecond; second <= toSecond; second++) {
            speed.note(start + (second - fromSecond) * perSecond, nanos(second));
        }
    }

    private static long nanos(long seconds) {
        return TimeUnit.SECONDS.toNanos(seconds);
    }

    @Test
    void isNotKnownBeforeTwoSeconds() {
        speed.note(0, 0);
        speed.note(50, nanos(1));

        assertThat(speed.perSecond(50, nanos(1))).isNull();
        assertThat(speed.perSecond(100, nanos(2))).isEqualTo(50);
    }

    @Test
    void isThatOfTheLastHalfMinute() {
        countUp(0, 60, 100, 0);
        countUp(61, 120, 10, 6_010);

        assertThat(speed.perSecond(6_600, nanos(120))).isEqualTo(10);
    }

    @Test
    void fallsToNothingWhenNothingGetsDone() {
        countUp(0, 10, 100, 0);

        for (long second = 11; second < 60; second++) {
            speed.note(1_000, nanos(second));
        }

        assertThat(speed.perSecond(1_000, nanos(60))).isZero();
    }

    @Test
    void survivesALongPauseBetweenLooks() {
        speed.note(0, 0);
        speed.note(10, nanos(1));
        speed.note(1_000, nanos(3_601));

        assertThat(speed.perSecond(1_000, nanos(3_601))).isBetween(0.27, 0.28);
    }
}
