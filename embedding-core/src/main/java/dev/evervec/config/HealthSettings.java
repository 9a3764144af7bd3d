package dev.evervec.config;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The {@code [health]} table: what is no longer healthy. A threshold that is null is not looked at.
 *
 * @param maxFailed most records that may be failed
 * @param maxPending most records that may be pending
 * @param maxStale most records that may have a vector of an earlier text
 * @param maxOldestPending longest that a record may have been pending
 * @param minSuccessRate least share of embedded records among the embedded and failed ones, from 0 to 1
 */
public record HealthSettings(
        @Nullable Long maxFailed,
        @Nullable Long maxPending,
        @Nullable Long maxStale,
        @Nullable Duration maxOldestPending,
        @Nullable Double minSuccessRate) {
    /** No threshold at all. */
    public static final HealthSettings NONE = new HealthSettings(null, null, null, null, null);
}
