package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.progress.JobLog;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildEstimate.Amounts;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.StoreException;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An estimate on a thread of its own, which looks like a job. Nothing of it outlives this process. */
final class DryRun implements OwnJob {
    private static final Logger log = LoggerFactory.getLogger(DryRun.class);
    private static final DateTimeFormatter ID =
            DateTimeFormatter.ofPattern("'dry-'yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    /** Longer than an estimate waits for its own threads. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final BuildPipeline pipeline;
    private final BuildRequest request;
    private final JobScope scope;
    private final String generation;
    private final Instant startedAt = Instant.now();
    private final String jobId;
    private final Thread thread;
    private final List<String> lines = new ArrayList<>(); // guarded by this

    private volatile long recordsRead;
    private volatile boolean cancelled;
    private volatile @Nullable Result result;

    /** How it ended. */
    private record Result(
            JobState state,
            Instant endedAt,
            @Nullable BuildEstimate estimate,
            @Nullable String stoppedBy) {}

    DryRun(BuildPipeline pipeline, BuildRequest request, JobScope scope, String generation) {
        this.pipeline = pipeline;
        this.request = request;
        this.scope = scope;
        this.generation = generation;
        this.jobId = ID.format(startedAt)
                + String.format("-%04x", ThreadLocalRandom.current().nextInt(1 << 16));
        this.thread = new Thread(this::estimate, "evervec-dry-run-" + jobId);
        thread.setDaemon(true);
    }

    DryRun start() {
        thread.start();
        return this;
    }

    @Override
    public String jobId() {
        return jobId;
    }

    @Override
    public boolean isDone() {
        return result != null;
    }

    @Override
    public void cancel() {
        cancelled = true;
        thread.interrupt();
    }

    @Override
    public void awaitEnd() {
        try {
            thread.join(PATIENCE.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            log.warn("dry run {} is still at work: a record source, provider or store does not answer", jobId);
        }
    }

    private void estimate() {
        line("begin dry run" + (scope.task() == JobScope.Task.REBUILD ? " of a rebuild" : "") + " of "
                + (scope.source() == null ? "all sources" : "source " + scope.source())
                + (scope.filter() == null ? "" : ", ids with " + scope.filter()) + ", generation " + generation);
        Result end;
        try {
            BuildEstimate estimate = pipeline.estimate(request, this::read);
            estimate.notes().forEach(note -> line("note " + note));
            end = new Result(JobState.COMPLETED, Instant.now(), estimate, null);
        } catch (RuntimeException | Error e) {
            end = cancelled
                    ? new Result(JobState.CANCELLED, Instant.now(), null, null)
                    : new Result(JobState.FAILED, Instant.now(), null, cause(e));
        }
        tellEnd(end);
        result = end;
    }

    /** An interrupt may have been swallowed by whoever reads the records, or come before it mattered. */
    private void read(long records) {
        recordsRead = records;
        if (cancelled) {
            throw new CancellationException("the dry run was cancelled");
        }
    }

    private String cause(Throwable e) {
        if (e instanceof SourceException || e instanceof StoreException || e instanceof IllegalArgumentException) {
            return String.valueOf(e.getMessage());
        }
        log.error("dry run {} broke", jobId, e);
        return "the dry run broke with " + e.getClass().getSimpleName() + ": the host's log tells more";
    }

    private void tellEnd(Result end) {
        if (end.stoppedBy() != null) {
            line("stopped " + end.stoppedBy());
        }
        line("end " + end.state().code() + ": " + recordsRead + " records read" + totals(end.estimate()));
    }

    private static String totals(@Nullable BuildEstimate estimate) {
        if (estimate == null) {
            return "";
        }
        Amounts total = estimate.total();
        BigDecimal cost = total.costUsd();
        return ", " + total.toEmbed() + " to embed, "
                + (total.rewriting().requests() + total.embedding().requests()) + " requests, "
                + (cost == null ? "cost unknown" : cost.stripTrailingZeros().toPlainString() + " USD");
    }

    private synchronized void line(String text) {
        lines.add(Instant.now().truncatedTo(ChronoUnit.MILLIS) + " " + text.replaceAll("[\\r\\n]+", " ") + "\n");
    }

    @Override
    public synchronized JobLog log() {
        return new JobLog(String.join("", lines), false);
    }

    @Override
    public JobStatus status() {
        Result end = result;
        JobInfo info = new JobInfo(
                jobId,
                scope,
                generation,
                end == null ? JobState.RUNNING : end.state(),
                startedAt,
                end == null ? null : end.endedAt(),
                0,
                Map.of(),
                0,
                0,
                0,
                null,
                end == null ? 1 : 0,
                null,
                end == null && cancelled,
                null);
        BuildEstimate estimate = end == null ? null : end.estimate();
        return new JobStatus(
                info,
                true,
                true,
                false,
                null,
                recordsRead,
                estimate,
                end == null ? null : end.stoppedBy(),
                estimate == null ? List.of() : estimate.notes());
    }
}
