package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.jobs.TriggerRefusedException.Refusal;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobScope.Task;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.StoreException;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

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
    private static final int MAX_HISTORY = 500;

    private final BuildPipeline pipeline;
    private final EmbeddingStore store;
    private final JobFolder folder;
    private final RequestChecks checks;
    private final OwnJobs own = new OwnJobs();

    private EmbeddingJobs(Builder builder) {
        this.pipeline = builder.pipeline;
        this.store = pipeline.store();
        this.folder = new JobFolder(pipeline.logs());
        this.checks = new RequestChecks(pipeline, builder.maxBatchSize);
    }

    /** Starts the description of a job manager over this pipeline. */
    public static Builder builder(BuildPipeline pipeline) {
        return new Builder(pipeline);
    }

    // ---- beginning ----

    /**
     * Begins a job, or a dry run, and returns its id when it has begun.
     *
     * <p>A dry run is a job of this process alone: it takes the place of the running job, is shown and cancelled like one, and
     * leaves nothing in the store. Its result is the estimate.
     *
     * @throws TriggerRefusedException if one is running, or the request is wrong
     * @throws SourceException if the records cannot be read at all
     * @throws StoreException if the store cannot be used
     * @throws IllegalArgumentException if the folder for logs cannot be written to
     */
    public String trigger(JobRequest request) {
        own.requireFree();
        BuildRequest build = checks.request(request);
        JobScope scope = checks.scope(build, request.budgetUsd());
        return begin(() -> request.dryRun() ? dryRun(build, scope) : build(build, scope));
    }

    /**
     * Tries failed records again; throws what {@link #trigger} throws.
     */
    public String retryFailed(RetryRequest request) {
        own.requireFree();
        BuildRequest build = checks.request(request);
        JobScope scope = checks.scope(build, request.budgetUsd());
        return begin(() -> build(build, scope));
    }

    /**
     * Carries on an interrupted job with a new one that names it; throws what {@link #trigger} throws. It must be of the
     * pipeline's generation and not have been for given ids, and no later job may have taken its records over.
     */
    public String resume(String jobId) {
        own.requireFree();
        BuildRequest build = resuming(interrupted(jobId));
        JobScope scope = checks.scope(build, null);
        return begin(() -> build(build, scope));
    }

    private static BuildRequest resuming(JobInfo interrupted) {
        try {
            return BuildRequest.resume(interrupted);
        } catch (IllegalArgumentException e) {
            throw new TriggerRefusedException(Refusal.NOT_RESUMABLE, e);
        }
    }

    private JobInfo interrupted(String jobId) {
        if (own.dryRun(jobId).isPresent()) {
            throw new TriggerRefusedException(Refusal.NOT_RESUMABLE, "a dry run cannot be carried on: start it again");
        }
        JobInfo info = known(jobId)
                .orElseThrow(() ->
                        new TriggerRefusedException(Refusal.UNKNOWN_JOB, "there is no job " + Words.quoted(jobId)));
        if (info.state() == JobState.RUNNING) {
            throw TriggerRefusedException.running(jobId);
        }
        if (info.state() != JobState.INTERRUPTED) {
            throw new TriggerRefusedException(
                    Refusal.NOT_RESUMABLE,
                    "job " + jobId + " was not interrupted, it is "
                            + info.state().code() + ": start a new one");
        }
        return info;
    }

    private String begin(Supplier<OwnJob> job) {
        try {
            return own.begin(job).jobId();
        } catch (JobRefusedException e) {
            throw switch (e.kind()) {
                case RUNNING -> new TriggerRefusedException(Refusal.ALREADY_RUNNING, e);
                case NOT_RESUMABLE -> new TriggerRefusedException(Refusal.NOT_RESUMABLE, e);
                // The pipeline makes ids of time and chance.
                case ID_USED -> e;
            };
        }
    }

    private OwnJob build(BuildRequest request, JobScope scope) {
        return new OwnBuild(pipeline.start(request.alone()), scope, generation(), store);
    }

    private OwnJob dryRun(BuildRequest request, JobScope scope) {
        for (JobInfo newest : store.jobs(1)) {
            if (newest.state() == JobState.RUNNING) {
                throw TriggerRefusedException.running(newest.jobId());
            }
        }
        return new DryRun(pipeline, request, scope, generation()).start();
    }

    private String generation() {
        return pipeline.fingerprint().generation();
    }

    // ---- watching ----

    /**
     * How the running job stands, else the latest one; empty before the first. What runs in this process alone is told without
     * a look at the store; of a job that other processes may have joined, the store tells what they did, if it answers.
     *
     * @throws StoreException if the store cannot be read
     */
    public Optional<JobStatus> status() {
        Optional<OwnJob> running = own.running();
        return running.isPresent()
                ? running.map(OwnJob::status)
                : history(1).stream().findFirst();
    }

    /**
     * The same of this job; empty if there was none of this id.
     *
     * @throws StoreException if the store cannot be read
     */
    public Optional<JobStatus> status(String jobId) {
        Optional<JobStatus> here = own.status(jobId);
        return here.isPresent() ? here : known(jobId).map(info -> status(info, () -> store.jobs(MAX_HISTORY)));
    }

    /** {@code latest}: the store's latest jobs, newest first. */
    private JobStatus status(JobInfo info, Supplier<List<JobInfo>> latest) {
        boolean running = info.state() == JobState.RUNNING;
        OwnBuild.Ended ended = own.endedBuild(info.jobId())
                .filter(build -> !running || !build.shared())
                .orElse(null);
        if (ended != null) {
            JobInfo known = running ? ended.info() : info;
            return new JobStatus(
                    known, false, true, false, ended.progress(), null, null, ended.stoppedBy(), ended.notes());
        }
        BuildProgress progress = folder.progress(info.jobId()).orElse(null);
        return new JobStatus(info, false, false, isResumable(info, latest), progress, null, null, null, List.of());
    }

    /** As the store will see it when the job is to be carried on. */
    private boolean isResumable(JobInfo info, Supplier<List<JobInfo>> latest) {
        return info.state() == JobState.INTERRUPTED
                && info.scope().task() != Task.IDS
                && info.generation().equals(generation())
                && isNotTakenOver(info, latest.get());
    }

    private static boolean isNotTakenOver(JobInfo info, List<JobInfo> latest) {
        return latest.stream()
                .takeWhile(later -> !later.jobId().equals(info.jobId()))
                .filter(later -> later.generation().equals(info.generation()))
                .noneMatch(later -> later.scope().takesOver(info.scope()));
    }

    /** As the store has it; what is embedded live is no job of an admin page. */
    private Optional<JobInfo> known(String jobId) {
        return JobStart.isId(jobId)
                ? store.job(jobId).filter(info -> info.scope().task() != Task.LIVE)
                : Optional.empty();
    }

    /**
     * The latest jobs, newest first; dry runs of this process among them.
     *
     * @param limit how many at most, from 1 to 500
     * @throws IllegalArgumentException if the limit is not in this range
     * @throws StoreException if the store cannot be read
     */
    public List<JobStatus> history(int limit) {
        if (limit < 1 || limit > MAX_HISTORY) {
            throw new IllegalArgumentException("the limit must be from 1 to " + MAX_HISTORY + ", not " + limit);
        }
        List<JobInfo> infos = store.jobs(limit);
        Stream<JobStatus> builds =
                infos.stream().map(info -> own.status(info.jobId()).orElseGet(() -> status(info, () -> infos)));
        return Stream.concat(own.dryRuns().stream(), builds)
                .sorted(Comparator.comparing((JobStatus job) -> job.info().startedAt())
                        .reversed())
                .limit(limit)
                .toList();
    }

    /**
     * The end of a job's log: from memory, else from its file; empty if there was no job of this id. May be asked with
     * whatever a request brings: an id that is none is that of no job.
     *
     * @throws StoreException if the store cannot be read
     */
    public Optional<JobOutput> output(String jobId) {
        Optional<JobOutput> here = own.log(jobId).map(log -> JobOutput.of(jobId, log));
        return here.isPresent()
                ? here
                : known(jobId)
                        .map(job -> folder.log(jobId)
                                .map(log -> JobOutput.of(jobId, log))
                                .orElseGet(() -> JobOutput.none(jobId)));
    }

    // ---- ending ----

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
     * Asks a job to stop, in whichever process it runs, and returns at once. One in another process hears of it within a few
     * seconds.
     *
     * @throws StoreException if the store cannot be used
     */
    public Cancellation cancel(String jobId) {
        boolean here = own.cancel(jobId);
        if (own.dryRun(jobId).isPresent()) {
            return here ? Cancellation.REQUESTED : Cancellation.NOT_RUNNING;
        }
        if (here) {
            // Other processes may have joined it.
            store.requestCancel(jobId);
            return Cancellation.REQUESTED;
        }
        if (known(jobId).isEmpty()) {
            return Cancellation.UNKNOWN_JOB;
        }
        return store.requestCancel(jobId) ? Cancellation.REQUESTED : Cancellation.NOT_RUNNING;
    }

    /** Cancels what runs here, waits for its end, and takes no more requests. Closing twice is harmless. */
    @Override
    public void close() {
        own.close();
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
