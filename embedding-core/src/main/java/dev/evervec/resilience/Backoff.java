package dev.evervec.resilience;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * How long to wait before a failed request is tried again: exponential with full jitter, that is, a uniformly random time
 * between zero and a ceiling that grows with each failure in a row.
 *
 * @param initial the ceiling after the first failure
 * @param multiplier factor by which the ceiling grows with each further failure; at least 1
 * @param max the highest ceiling
 */
public record Backoff(Duration initial, double multiplier, Duration max) {
    /** 500 ms after the first failure, doubled with each further one, at most 30 s. */
    public static final Backoff DEFAULT = new Backoff(Duration.ofMillis(500), 2, Duration.ofSeconds(30));

    public Backoff {
        if (initial.isNegative() || initial.isZero() || !(multiplier >= 1) || max.compareTo(initial) < 0) {
            throw new IllegalArgumentException(
                    "initial must be positive, multiplier at least 1 and max at least initial: " + initial + ", "
                            + multiplier + ", " + max);
        }
    }

    /**
     * The longest wait after so many failures in a row.
     *
     * @throws IllegalArgumentException if there was no failure
     */
    public Duration ceiling(int failures) {
        if (failures < 1) {
            throw new IllegalArgumentException("failures must be positive: " + failures);
        }
        double nanos = initial.toNanos() * Math.pow(multiplier, failures - 1);
        return nanos >= max.toNanos() ? max : Duration.ofNanos((long) nanos);
    }

    /**
     * A random wait after so many failures in a row.
     *
     * @throws IllegalArgumentException if there was no failure
     */
    public Duration delay(int failures, RandomGenerator random) {
        return Duration.ofNanos(random.nextLong(ceiling(failures).toNanos() + 1));
    }
}
