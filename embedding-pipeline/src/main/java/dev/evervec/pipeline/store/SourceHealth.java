package dev.evervec.pipeline.store;

import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How one source stands in the ledger.
 *
 * @param source the source
 * @param embedded records with a vector of their current text
 * @param pending new and changed records
 * @param skipped records left out for a reason
 * @param failed records that failed
 * @param stale records that have a vector, but not of their current text
 * @param oldestPending since when the oldest pending record has been pending, or null if none is
 */
public record SourceHealth(
        String source,
        long embedded,
        long pending,
        long skipped,
        long failed,
        long stale,
        @Nullable Instant oldestPending) {
    /** Embedded records among the embedded and the failed ones, from 0 to 1; null if there is neither. */
    public @Nullable Double successRate() {
        long tried = embedded + failed;
        return tried == 0 ? null : (double) embedded / tried;
    }

    /** How long the oldest pending record has been pending by then, zero if a clock went back; null if none is pending. */
    public @Nullable Duration oldestPendingAge(Instant now) {
        if (oldestPending == null) {
            return null;
        }
        Duration age = Duration.between(oldestPending, now);
        return age.isNegative() ? Duration.ZERO : age;
    }

    /** Both together, under this name. */
    SourceHealth plus(SourceHealth other, String name) {
        return new SourceHealth(
                name,
                embedded + other.embedded,
                pending + other.pending,
                skipped + other.skipped,
                failed + other.failed,
                stale + other.stale,
                earlier(oldestPending, other.oldestPending));
    }

    private static @Nullable Instant earlier(@Nullable Instant one, @Nullable Instant other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return one.isBefore(other) ? one : other;
    }
}
