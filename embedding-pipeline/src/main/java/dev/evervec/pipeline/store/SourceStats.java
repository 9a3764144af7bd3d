package dev.evervec.pipeline.store;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The records of one source by state. From the first complete scan on embedded, pending, skipped and failed always add up to
 * {@code withContent}, also while a build scans, after changes that were embedded live, and if records that had vanished were
 * left in the ledger.
 *
 * @param source the source
 * @param total records in the source: those with content, and those without that the last complete scan has met; null before
 *     the first one
 * @param withContent records in the ledger: their raw content was not blank when it was last looked at; null before the first
 *     complete scan
 * @param embedded records with a vector of their current text
 * @param pending new and changed records
 * @param skipped records left out for a reason
 * @param failed records that failed
 * @param asOf end of the last complete scan, or null before the first
 */
public record SourceStats(
        String source,
        @Nullable Long total,
        @Nullable Long withContent,
        long embedded,
        long pending,
        long skipped,
        long failed,
        @Nullable Instant asOf) {}
