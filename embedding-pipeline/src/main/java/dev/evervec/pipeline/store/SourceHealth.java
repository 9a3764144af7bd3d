package dev.evervec.pipeline.store;

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
        @Nullable Instant oldestPending) {}
