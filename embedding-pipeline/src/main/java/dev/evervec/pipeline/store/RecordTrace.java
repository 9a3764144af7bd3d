package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of one record in one generation.
 *
 * @param key which record
 * @param generation name of the generation
 * @param state its state in the ledger
 * @param reason why it is skipped or failed, else null
 * @param detail more about the reason, or what was done to an embedded text (truncated), or null
 * @param attempts jobs that failed on its present text
 * @param retryDue when another try is due, or null
 * @param changedAt when its state last changed
 * @param vector its stored vector's data, or null if there is none
 * @param history outcomes of past jobs without a vector, newest first
 */
public record RecordTrace(
        RecordKey key,
        String generation,
        RecordState state,
        @Nullable Reason reason,
        @Nullable String detail,
        int attempts,
        @Nullable Instant retryDue,
        Instant changedAt,
        @Nullable VectorInfo vector,
        List<PastOutcome> history) {
    public RecordTrace {
        history = List.copyOf(history);
    }

    /**
     * A stored vector without its components.
     *
     * @param textHash hash of the text that was embedded
     * @param dimension number of components
     * @param jobId the job that stored it
     * @param storedAt when
     */
    public record VectorInfo(Sha256 textHash, int dimension, String jobId, Instant storedAt) {}

    /** An outcome of a past job. */
    public record PastOutcome(String jobId, Reason reason, String detail, Instant at) {}
}
