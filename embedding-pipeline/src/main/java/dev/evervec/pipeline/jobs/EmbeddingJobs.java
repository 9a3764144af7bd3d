package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.StoreException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Everything that an admin page needs, but the HTTP: begins jobs, says how they stand, stops them, and tells of those that were.
 *
 * <pre>{@code
 * EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline).build();
 * String id = jobs.trigger(JobRequest.ALL);
 * jobs.status().ifPresent(status -> show(status.toJson()));
 * }</pre>
 *
 * <p>A store runs one job at a time, whichever process began it. That depends on no lock that a host has for other work.
 * Thread-safe.
 */
public final class EmbeddingJobs implements AutoCloseable {
    private static final int MAX_BATCH_SIZE = 256;

    private final BuildPipeline pipeline;
    private final int maxBatchSize;

    private EmbeddingJobs(Builder builder) {
        this.pipeline = builder.pipeline;
        this.maxBatchSize = builder.maxBatchSize;
    }

    /** Starts the description of a job manager over this pipeline. */
    public static Builder builder(BuildPipeline pipeline) {
        return new Builder(pipeline);
    }

    /**
     * Begins a job, or a dry run, and returns its id at once.
     *
     * @throws TriggerRefusedException if one is running, or the request is wrong
     * @throws SourceException if the records cannot be read at all
     * @throws StoreException if the store cannot be used
     */
    public String trigger(JobRequest request) {
        throw new UnsupportedOperationException(request + " " + pipeline + maxBatchSize);
    }

    /**
     * Tries failed records again; throws what {@link #trigger} throws.
     */
    public String retryFailed(RetryRequest request) {
        throw new UnsupportedOperationException(request.toString());
    }

    /**
     * Carries on an interrupted job with a new one that names it; throws what {@link #trigger} throws.
     */
    public String resume(String jobId) {
        throw new UnsupportedOperationException(jobId);
    }

    /**
     * How the running job stands, else the latest one; empty before the first.
     *
     * @throws StoreException if the store cannot be read
     */
    public Optional<JobStatus> status() {
        throw new UnsupportedOperationException();
    }

    /** The same of this job; empty if there was none of this id. */
    public Optional<JobStatus> status(String jobId) {
        throw new UnsupportedOperationException(jobId);
    }

    /** What became of the wish to cancel a job. */
    public enum Cancellation {
        /** It was asked to stop; {@link #status} tells when it has. */
        REQUESTED,
        /** It has ended already. */
        NOT_RUNNING,
        /** There is no job of this id. */
        UNKNOWN_JOB
    }

    /**
     * Asks a job to stop, in whichever process it runs, and returns at once.
     *
     * @throws StoreException if the store cannot be used
     */
    public Cancellation cancel(String jobId) {
        throw new UnsupportedOperationException(jobId);
    }

    /**
     * The latest jobs, newest first; dry runs of this process among them.
     *
     * @param limit how many at most, from 1 to 500
     * @throws IllegalArgumentException if the limit is not in this range
     * @throws StoreException if the store cannot be read
     */
    public List<JobStatus> history(int limit) {
        throw new UnsupportedOperationException("limit " + limit);
    }

    /** The end of a job's log: from memory, else from its file; empty if there was no job of this id. */
    public Optional<JobOutput> output(String jobId) {
        throw new UnsupportedOperationException(jobId);
    }

    /** Cancels what runs here, waits for its end, and takes no more requests. Closing twice is harmless. */
    @Override
    public void close() {
        throw new UnsupportedOperationException();
    }

    /** Describes a job manager. Not thread-safe. */
    public static final class Builder {
        private final BuildPipeline pipeline;
        private int maxBatchSize = MAX_BATCH_SIZE;

        private Builder(BuildPipeline pipeline) {
            this.pipeline = Objects.requireNonNull(pipeline, "pipeline");
        }

        /**
         * The largest batch size that may be asked for; 256 otherwise.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder maxBatchSize(int texts) {
            if (texts < 1) {
                throw new IllegalArgumentException("the largest batch size must be at least 1, not " + texts);
            }
            maxBatchSize = texts;
            return this;
        }

        /** The job manager. */
        public EmbeddingJobs build() {
            return new EmbeddingJobs(this);
        }
    }
}
