package dev.evervec.pipeline.store;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The records of one source by state. After a complete scan embedded, pending, skipped and failed add up to
 * {@code withContent}.
 *
 * @param source the source
 * @param total records in the source, or null before the first complete scan
 * @param withContent records whose raw content is not blank, or null before the first complete scan
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
