package dev.evervec.pipeline.store;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * A running job as the store knows it.
 *
 * @param number the store's own number of the job, ascending
 * @param owner names this worker in claims
 * @param start what was asked
 * @param resumed the job before it on this generation if its worker died, or null
 * @param role what this worker is to the job
 */
public record JobTicket(
        long number, String owner, JobStart start, @Nullable Resumed resumed, Role role) {
    /** What a worker is to a job. */
    public enum Role {
        /** The only one that the job can have. */
        ALONE,
        /** It began the job and scans; others may join. */
        FIRST,
        /** It joined a job that was running, and does not scan unless {@link EmbeddingStore#remaining} says so. */
        JOINED
    }

    /**
     * An interrupted job that this one carries on.
     *
     * @param jobId its id
     * @param spentUsd what it, and those that it carried on itself, had spent; what nobody knows the price of is not in it
     */
    public record Resumed(String jobId, BigDecimal spentUsd) {}
}
