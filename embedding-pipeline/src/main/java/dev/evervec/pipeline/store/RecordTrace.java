package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
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
 * @param history what became of it in past jobs, newest first; the one that stored {@code vector} is not among them
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
     * @param cost the record's share of the calls made for it
     */
    public record VectorInfo(Sha256 textHash, int dimension, String jobId, Instant storedAt, RecordCost cost) {}

    /**
     * What became of the record in a past job.
     *
     * @param jobId the job
     * @param reason why it got no vector, or null if it got one, which a later one has replaced
     * @param detail more about it
     * @param at when
     * @param cost the record's share of the calls made for it
     */
    public record PastOutcome(String jobId, @Nullable Reason reason, String detail, Instant at, RecordCost cost) {}
}
