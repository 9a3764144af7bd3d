package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class BackoffTest {
    @ParameterizedTest
    @CsvSource({"1,500", "2,1000", "3,2000", "6,16000", "7,30000", "8,30000", "100,30000", "2147483647,30000"})
    void theCeilingDoublesUpToHalfAMinute(int failures, long millis) {
        assertThat(Backoff.DEFAULT.ceiling(failures)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 7, 50})
    void delaysAreSpreadEvenlyBelowTheCeiling(int failures) {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        double ceiling = Backoff.DEFAULT.ceiling(failures).toNanos();
        int[] tenths = new int[10];
        for (int i = 0; i < 10_000; i++) {
            long delay = Backoff.DEFAULT.delay(failures, random).toNanos();
            assertThat((double) delay).as("seed %d", seed).isBetween(0.0, ceiling);
            tenths[(int) Math.min(9, delay / ceiling * 10)]++;
        }
        for (int count : tenths) {
            assertThat(count).as("seed %d", seed).isCloseTo(1000, within(200));
        }
    }

    @Test
    void thereIsNoDelayBeforeAFailure() {
        assertThatThrownBy(() -> Backoff.DEFAULT.delay(0, new Random(1))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void numbersThatMakeNoSenseAreRefused() {
        Duration second = Duration.ofSeconds(1);
        assertThatThrownBy(() -> new Backoff(Duration.ZERO, 2, second)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Backoff(second, 0.5, second)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Backoff(second, Double.NaN, second)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Backoff(second, 2, Duration.ofMillis(1)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
