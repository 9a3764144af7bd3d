package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.JobLog;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobState;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A build that was begun here. */
final class OwnBuild implements OwnJob {
    private final BuildRun run;
    private final JobScope scope;
    private final String generation;
    private final @Nullable String resumes;
    private volatile boolean cancelled;
    private volatile @Nullable Ended ended;

    OwnBuild(BuildRun run, JobScope scope, String generation, @Nullable String resumes) {
        this.run = run;
        this.scope = scope;
        this.generation = generation;
        this.resumes = resumes;
    }

    /** What is kept of a build when it has ended. */
    record Ended(
            String jobId,
            BuildProgress progress,
            List<String> notes,
            @Nullable String stoppedBy,
            JobLog log) {}

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
        JobInfo info = new JobInfo(
                jobId(),
                scope,
                generation,
                JobState.RUNNING,
                progress.startedAt(),
                null,
                0,
                Map.of(),
                0,
                0,
                0,
                null,
                progress.heldUpBy(),
                cancelled,
                resumes);
        return new JobStatus(info, false, true, false, progress, null, null, null, List.of());
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
            return new Ended(jobId(), run.progress(), report.notes(), report.stoppedBy(), run.log());
        } catch (IllegalStateException e) {
            return new Ended(jobId(), run.progress(), List.of(), e.getMessage(), run.log());
        }
    }
}
