package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.jobs.TriggerRefusedException.Refusal;
import dev.evervec.pipeline.progress.JobLog;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The jobs of this process: the one that runs, for which there is one place, and the last ones that have ended. Who looks never
 * waits for a job that is being begun.
 */
final class OwnJobs {
    private static final int MAX_DRY_RUNS = 50;
    /** Each may have a log of a megabyte. */
    private static final int MAX_BUILDS = 5;

    private final ReentrantLock place = new ReentrantLock();
    private volatile Jobs jobs = new Jobs(null, List.of(), List.of()); // written by the holder of the place
    private volatile boolean closed;

    /** The latest, and those before it, newest first. */
    private record Jobs(@Nullable OwnJob latest, List<DryRun> dryRuns, List<OwnBuild.Ended> builds) {
        Jobs with(OwnJob next) {
            return new Jobs(next, dryRuns, builds);
        }

        /** With the latest, which has ended, among the past. */
        Jobs past() {
            if (latest instanceof OwnBuild build) {
                return new Jobs(null, dryRuns, first(build.ended(), builds, MAX_BUILDS));
            }
            return latest instanceof DryRun run ? new Jobs(null, first(run, dryRuns, MAX_DRY_RUNS), builds) : this;
        }

        private static <T> List<T> first(T newest, List<T> others, int most) {
            return Stream.concat(Stream.of(newest), others.stream()).limit(most).toList();
        }

        List<DryRun> allDryRuns() {
            return latest instanceof DryRun run ? first(run, dryRuns, MAX_DRY_RUNS + 1) : dryRuns;
        }
    }

    /** Refuses if there is a running job now. */
    void requireFree() {
        if (closed) {
            throw new TriggerRefusedException(Refusal.CLOSED, "no job is begun any more: shutting down");
        }
        OwnJob job = jobs.latest();
        if (job != null && !job.isDone()) {
            throw TriggerRefusedException.running(job.jobId());
        }
    }

    /** Begins a job if none runs. Of several at a time the first is tried, then the next. */
    OwnJob begin(Supplier<OwnJob> beginning) {
        place.lock();
        try {
            requireFree();
            Jobs past = jobs.past();
            OwnJob job = beginning.get();
            jobs = past.with(job);
            return job;
        } finally {
            place.unlock();
        }
    }

    /** The job that runs. */
    Optional<OwnJob> running() {
        return Optional.ofNullable(jobs.latest()).filter(job -> !job.isDone());
    }

    /** How a job stands of which the store would not know as much: one that runs, or a dry run. */
    Optional<JobStatus> status(String jobId) {
        Optional<OwnJob> running = running().filter(job -> job.jobId().equals(jobId));
        return running.isPresent() ? running.map(OwnJob::status) : dryRun(jobId).map(DryRun::status);
    }

    Optional<DryRun> dryRun(String jobId) {
        return jobs.allDryRuns().stream()
                .filter(run -> run.jobId().equals(jobId))
                .findFirst();
    }

    /** All dry runs, newest first. */
    List<JobStatus> dryRuns() {
        return jobs.allDryRuns().stream().map(DryRun::status).toList();
    }

    /** What is kept of a build that has ended. */
    Optional<OwnBuild.Ended> endedBuild(String jobId) {
        Jobs now = jobs;
        if (now.latest() instanceof OwnBuild build && build.jobId().equals(jobId) && build.isDone()) {
            return Optional.of(build.ended());
        }
        return now.builds().stream()
                .filter(build -> build.jobId().equals(jobId))
                .findFirst();
    }

    Optional<JobLog> log(String jobId) {
        OwnJob job = jobs.latest();
        if (job != null && job.jobId().equals(jobId)) {
            return Optional.of(job.log());
        }
        Optional<JobLog> ofBuild = endedBuild(jobId).map(OwnBuild.Ended::log);
        return ofBuild.isPresent() ? ofBuild : dryRun(jobId).map(DryRun::log);
    }

    /** Whether it runs here and was asked to stop. */
    boolean cancel(String jobId) {
        Optional<OwnJob> running = running().filter(job -> job.jobId().equals(jobId));
        running.ifPresent(OwnJob::cancel);
        return running.isPresent();
    }

    void close() {
        closed = true;
        // Whoever is beginning a job has begun it then, or is refused.
        place.lock();
        try {
            OwnJob job = jobs.latest();
            if (job != null) {
                job.cancel();
                job.awaitEnd();
            }
        } finally {
            place.unlock();
        }
    }
}
