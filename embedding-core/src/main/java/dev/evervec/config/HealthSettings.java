package dev.evervec.config;

import java.time.Duration;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The {@code [health]} table: what a healthy state of the records is. A threshold is passed by the first value beyond it; one
 * that is not set is never passed.
 *
 * @param maxFailed failed records at most; 0 allows none
 * @param maxPending pending records at most
 * @param maxStale records at most whose vector is not of their current text
 * @param maxOldestPending age at most of the record that has been pending longest, or null
 * @param minSuccessRate embedded / (embedded + failed) at least, from 0 to 1; never passed while nothing is either
 */
public record HealthSettings(
        OptionalInt maxFailed,
        OptionalInt maxPending,
        OptionalInt maxStale,
        @Nullable Duration maxOldestPending,
        OptionalDouble minSuccessRate) {
    /** No threshold at all. */
    public static final HealthSettings NONE = new HealthSettings(
            OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), null, OptionalDouble.empty());

    /**
     * Checks the thresholds.
     *
     * @throws IllegalArgumentException if one is negative, or the success rate above 1
     */
    public HealthSettings {
        checkNotNegative(maxFailed, "maxFailed");
        checkNotNegative(maxPending, "maxPending");
        checkNotNegative(maxStale, "maxStale");
        Objects.requireNonNull(minSuccessRate, "minSuccessRate");
        if (maxOldestPending != null && maxOldestPending.isNegative()) {
            throw new IllegalArgumentException("maxOldestPending must not be negative: " + maxOldestPending);
        }
        double rate = minSuccessRate.orElse(0);
        if (!(rate >= 0 && rate <= 1)) {
            throw new IllegalArgumentException("minSuccessRate must be from 0 to 1: " + rate);
        }
    }

    private static void checkNotNegative(OptionalInt records, String name) {
        if (records.orElse(0) < 0) {
            throw new IllegalArgumentException(name + " must not be negative: " + records.getAsInt());
        }
    }
}
