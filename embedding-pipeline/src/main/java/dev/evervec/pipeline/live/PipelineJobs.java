package dev.evervec.pipeline.live;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRequest.Retry;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The jobs of live embedding, done by a pipeline. {@link #stop} may be called from any thread. */
final class PipelineJobs implements Jobs {
    private static final Logger log = LoggerFactory.getLogger(PipelineJobs.class);

    private final BuildPipeline pipeline;
    private final double maxVanishedShare;
    private final String embedder = UUID.randomUUID().toString();
    private final List<BuildRun> runs = new ArrayList<>(); // guarded by this
    private boolean stopped; // guarded by this

    PipelineJobs(BuildPipeline pipeline, double maxVanishedShare) {
        this.pipeline = pipeline;
        this.maxVanishedShare = maxVanishedShare;
    }

    @Override
    public boolean lead(Duration lease) {
        return pipeline.leadLive(embedder, lease);
    }

    @Override
    public void leave() {
        pipeline.leaveLive(embedder);
    }

    @Override
    public Ended embed(Set<RecordKey> changed, Set<RecordKey> removable) {
        BuildReport report = start(BuildRequest.changes(changed, removable)).result();
        if (isStopped()) {
            throw new CancellationException();
        }
        return new Ended(report.missing(), report.busy(), trouble(report));
    }

    /** Why some records are as pending as before, or null if none is. */
    private static @Nullable String trouble(BuildReport report) {
        String cause = report.stopCause().orElse(null);
        if (cause != null) {
            return cause;
        }
        String pending = Stream.concat(report.skipped().entrySet().stream(), report.failed().entrySet().stream())
                .filter(count -> count.getKey().ledger() == Reason.Ledger.PENDING)
                .map(count -> count.getValue() + " " + count.getKey().code())
                .collect(Collectors.joining(", "));
        return pending.isEmpty() ? null : "records that were noted are still pending: " + pending;
    }

    @Override
    public boolean anyFailedDue() {
        return pipeline.anyFailedDue();
    }

    @Override
    public Running retryFailed() {
        return beside(BuildRequest.retryFailed(Retry.DUE));
    }

    @Override
    public Running reconcile() {
        return beside(BuildRequest.all().removeVanished(maxVanishedShare));
    }

    private Running beside(BuildRequest request) {
        BuildRun run = start(request);
        return new Running() {
            @Override
            public boolean isDone() {
                return run.isDone();
            }

            @Override
            public boolean hadWork() {
                return run.result().totalPending() > 0;
            }
        };
    }

    private synchronized BuildRun start(BuildRequest request) {
        if (stopped) {
            throw new CancellationException();
        }
        BuildRun run = pipeline.start(request);
        runs.removeIf(BuildRun::isDone);
        runs.add(run);
        return run;
    }

    private synchronized boolean isStopped() {
        return stopped;
    }

    @Override
    public void stop() {
        cancelAll().forEach(PipelineJobs::awaitEnd);
    }

    private synchronized List<BuildRun> cancelAll() {
        stopped = true;
        runs.forEach(BuildRun::cancel);
        return List.copyOf(runs);
    }

    private static void awaitEnd(BuildRun run) {
        try {
            run.result();
        } catch (IllegalStateException e) {
            log.warn("job {} ended without balanced books", run.jobId(), e);
        }
    }
}
