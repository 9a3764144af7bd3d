package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.JobLog;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.StoreException;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A build that was begun here. */
final class OwnBuild implements OwnJob {
    private static final Logger LOG = LoggerFactory.getLogger(OwnBuild.class);

    private final BuildRun run;
    private final JobScope scope;
    private final String generation;
    private final EmbeddingStore store;
    private volatile boolean cancelled;
    private volatile @Nullable Ended ended;

    OwnBuild(BuildRun run, JobScope scope, String generation, EmbeddingStore store) {
        this.run = run;
        this.scope = scope;
        this.generation = generation;
        this.store = store;
    }

    /**
     * What is kept of a build when it has ended.
     *
     * @param info as the run knows it: a store that failed at the end may still take it for running
     * @param shared whether others may go on with it
     */
    record Ended(
            JobInfo info,
            boolean shared,
            BuildProgress progress,
            List<String> notes,
            @Nullable String stoppedBy,
            JobLog log) {
        String jobId() {
            return info.jobId();
        }
    }

    @Override
    public String jobId() {
        return run.jobId();
    }

    @Override
    public boolean isDone() {
        return run.isDone();
    }

    @Override
    public void cancel() {
        cancelled = true;
        run.cancel();
    }

    @Override
    public void awaitEnd() {
        ended();
    }

    @Override
    public JobStatus status() {
        BuildProgress progress = run.progress();
        JobInfo own = info(JobState.RUNNING, progress, null);
        // While nothing gets through it may be the store that does not answer.
        JobInfo info = isShared() && progress.heldUpBy() == null ? ofAllWorkers(own) : own;
        return new JobStatus(info, false, true, false, progress, null, null, null, List.of());
    }

    private boolean isShared() {
        return run.role() != JobTicket.Role.ALONE;
    }

    private JobInfo ofAllWorkers(JobInfo own) {
        try {
            return store.job(jobId())
                    .filter(stored -> stored.state() == JobState.RUNNING)
                    .orElse(own);
        } catch (StoreException e) {
            LOG.warn("job {}: what its other workers do is not known: {}", jobId(), e.getMessage());
            return own;
        }
    }

    private JobInfo info(JobState state, BuildProgress progress, @Nullable BuildReport report) {
        return new JobInfo(
                jobId(),
                scope,
                generation,
                state,
                progress.startedAt(),
                state == JobState.RUNNING ? null : progress.updatedAt(),
                report == null ? 0 : report.succeeded(),
                report == null ? Map.of() : notEmbedded(report),
                report == null ? 0 : report.requests(),
                report == null ? 0 : report.usage().inputTokens(),
                report == null ? 0 : report.usage().outputTokens(),
                report == null ? null : report.costUsd(),
                state == JobState.RUNNING ? 1 : 0,
                state == JobState.RUNNING ? progress.heldUpBy() : null,
                state == JobState.RUNNING && cancelled,
                run.resumes());
    }

    private static Map<Reason, Long> notEmbedded(BuildReport report) {
        Map<Reason, Long> counts = new EnumMap<>(Reason.class);
        counts.putAll(report.skipped());
        counts.putAll(report.failed());
        return counts;
    }

    @Override
    public JobLog log() {
        return run.log();
    }

    /** Waits for the end. */
    Ended ended() {
        Ended known = ended;
        if (known == null) {
            known = awaitReport();
            ended = known;
        }
        return known;
    }

    private Ended awaitReport() {
        try {
            BuildReport report = run.result();
            JobInfo info = info(state(report), run.progress(), report);
            return new Ended(info, isShared(), run.progress(), report.notes(), report.stoppedBy(), run.log());
        } catch (IllegalStateException e) {
            JobInfo info = info(JobState.FAILED, run.progress(), null);
            return new Ended(info, isShared(), run.progress(), List.of(), e.getMessage(), run.log());
        }
    }

    private static JobState state(BuildReport report) {
        return switch (report.state()) {
            case COMPLETED -> JobState.COMPLETED;
            case FAILED -> JobState.FAILED;
            case CANCELLED -> JobState.CANCELLED;
        };
    }
}
