package dev.evervec.pipeline.store;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Which failed records are to be tried again: failed ones, and those skipped for a reason of the rewrite.
 *
 * @param source only of this source, or null for all
 * @param maxAttempts only those that failed in fewer jobs than this
 * @param dueBy only those whose next try is due by then, or null whatever their due time
 */
public record FailedSelection(
        @Nullable String source, int maxAttempts, @Nullable Instant dueBy) {}
