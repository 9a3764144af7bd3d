package dev.evervec.pipeline.progress;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How far a job is, at one moment.
 *
 * @param jobId the job
 * @param phase what it is doing; only moves forward
 * @param rewrite how far rewriting is; 0 of 0 without rewriting
 * @param embed how far embedding is
 * @param startedAt when the job began
 * @param updatedAt when this was true
 * @param eta how long it may still take, or null if that cannot be said
 * @param requests provider calls so far
 * @param tokens tokens used so far
 * @param costUsd cost so far at the configured prices, or null if a price is not known
 */
public record BuildProgress(
        String jobId,
        Phase phase,
        Stage rewrite,
        Stage embed,
        Instant startedAt,
        Instant updatedAt,
        @Nullable Duration eta,
        long requests,
        long tokens,
        @Nullable BigDecimal costUsd) {
    /** What a job is doing. */
    public enum Phase {
        /** Looking for records to embed. */
        SCANNING,
        /** The scan has ended and records wait for their rewrite. */
        REWRITING,
        /** Nothing waits for a rewrite. */
        EMBEDDING,
        /** It ended without a failed record. */
        COMPLETED,
        /** It ended with failed records. */
        FAILED,
        /** It was cancelled. */
        CANCELLED;

        /** The word used in the progress file. */
        public String code() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * One stage of the way.
     *
     * @param done records that left the stage, skipped ones included; never falls
     * @param total records known so far; may grow until the scan ends
     * @param skipped records that were left out at this stage
     */
    public record Stage(long done, long total, long skipped) {
        /** A stage that is not used. */
        public static final Stage NONE = new Stage(0, 0, 0);
    }
}
