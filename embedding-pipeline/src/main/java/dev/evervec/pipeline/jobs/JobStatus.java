package dev.evervec.pipeline.jobs;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.BuildProgress.Stage;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobState;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A job at one moment: how far it is while it runs, what came of it afterwards.
 *
 * @param info what is known of it in any case. While it runs in this process alone its counts are those of its beginning,
 *     because the store is not asked: {@code progress} has the current ones. Of a dry run, which the store knows nothing of, as if
 *     it had begun a job
 * @param dryRun whether it only tells what a job would do
 * @param here whether it runs, or ran, in this process; of jobs that ended the last few are known
 * @param resumable whether {@link EmbeddingJobs#resume} would carry it on
 * @param progress how far it is, or came, as one of its workers sees it; null if that is not known: its progress file is missing or
 *     damaged, or it is a dry run
 * @param recordsRead of a dry run: records read by now; otherwise null
 * @param estimate of a dry run that has come to its end: what it found; otherwise null
 * @param stoppedBy why it stopped before its end, or null; known in the process that it ran in
 * @param notes what an operator should know beyond the counts; known in the process that it ran in
 */
public record JobStatus(
        JobInfo info,
        boolean dryRun,
        boolean here,
        boolean resumable,
        @Nullable BuildProgress progress,
        @Nullable Long recordsRead,
        @Nullable BuildEstimate estimate,
        @Nullable String stoppedBy,
        List<String> notes) {
    public JobStatus {
        Objects.requireNonNull(info, "info");
        notes = List.copyOf(notes);
    }

    /** Whether it has not come to its end. */
    public boolean isRunning() {
        return info.state() == JobState.RUNNING;
    }

    /**
     * What it is doing, or how it ended; of an interrupted job what it was doing. Null if that is not known, which happens to
     * jobs of other processes whose progress file cannot be read.
     */
    public @Nullable Phase phase() {
        return switch (info.state()) {
            case RUNNING -> progress != null ? runningPhase(progress.phase()) : dryRun ? Phase.SCANNING : null;
            case INTERRUPTED -> progress == null ? null : progress.phase();
            case COMPLETED -> Phase.COMPLETED;
            case FAILED -> Phase.FAILED;
            case CANCELLED -> Phase.CANCELLED;
        };
    }

    /** The worker whose progress is known may have ended before the others. */
    private static Phase runningPhase(Phase ofWorker) {
        return switch (ofWorker) {
            case SCANNING, REWRITING, EMBEDDING -> ofWorker;
            case COMPLETED, FAILED, CANCELLED -> Phase.EMBEDDING;
        };
    }

    /** One line of JSON, as {@code docs/json.md} describes it. */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        putRequest(json);
        putTimes(json);
        putProgress(json);
        json.put("stopped_by", stoppedBy);
        notes.forEach(json.putArray("notes")::add);
        putSummary(json);
        json.putRawValue("estimate", estimate == null ? null : new RawValue(estimate.toJson()));
        return json.toString();
    }

    private void putRequest(ObjectNode json) {
        JobScope scope = info.scope();
        Phase phase = phase();
        json.put("job_id", info.jobId());
        json.put("kind", dryRun ? "dry_run" : scope.task().code());
        json.put("state", info.state().code());
        json.put("phase", phase == null ? "unknown" : phase.code());
        json.put("source", scope.source());
        json.put("filter", scope.filter());
        json.put("batch_size", scope.batchSize());
        putMoney(json, "budget_usd", scope.budgetUsd());
        json.put("rebuild", scope.task() == JobScope.Task.REBUILD);
        json.put("resumes", info.resumes());
        json.put("resumable", resumable);
        json.put("here", here);
        json.put("workers", info.workers());
        json.put("cancelling", isRunning() && info.cancelRequested());
        json.put("generation", info.generation());
    }

    private void putTimes(ObjectNode json) {
        json.put("started_at", time(info.startedAt()));
        json.put("updated_at", time(progress == null ? endedAt() : progress.updatedAt()));
        json.put("ended_at", time(endedAt()));
    }

    /** The store only knows when it was found that a job had been interrupted, which may be days later. */
    private @Nullable Instant endedAt() {
        if (info.state() == JobState.INTERRUPTED) {
            return progress == null ? null : progress.updatedAt();
        }
        return info.endedAt();
    }

    private void putProgress(ObjectNode json) {
        // The progress of one of several workers tells little of the whole.
        BuildProgress now = isRunning() && info.workers() <= 1 ? progress : null;
        putStages(json);
        json.put("records_per_sec", now == null ? null : now.recordsPerSecond());
        json.put("eta_secs", now == null ? null : seconds(now.eta()));
        BuildProgress latest = now != null && now.requests() >= info.requests() ? now : null;
        json.put("requests", latest == null ? info.requests() : latest.requests());
        json.put("tokens", latest == null ? info.inputTokens() + info.outputTokens() : latest.tokens());
        putMoney(json, "cost_usd", latest == null ? info.costUsd() : latest.costUsd());
        json.put("held_up_by", now == null ? info.heldUpBy() : now.heldUpBy());
        json.put("records_read", recordsRead);
    }

    private void putStages(ObjectNode json) {
        if (progress == null) {
            json.putNull("rewrite_progress");
            json.putNull("embed_progress");
            return;
        }
        Stage rewrite = progress.rewrite();
        Stage embed = progress.embed();
        json.putObject("rewrite_progress")
                .put("done", rewrite.done())
                .put("total", rewrite.total())
                .put("skipped", rewrite.skipped());
        long doneByAll = Math.min(embed.total(), settled() - rewrite.skipped());
        json.putObject("embed_progress")
                .put("done", isRunning() ? Math.max(embed.done(), doneByAll) : embed.done())
                .put("total", embed.total());
    }

    private void putSummary(ObjectNode json) {
        if (dryRun || isRunning()) {
            json.putNull("summary");
            return;
        }
        Instant ended = endedAt();
        ObjectNode summary = json.putObject("summary");
        summary.put("total_pending", settled());
        summary.put("succeeded", info.embedded());
        putReasons(summary, "skipped", Reason.Kind.SKIPPED);
        putReasons(summary, "failed", Reason.Kind.FAILED);
        summary.put("duration_secs", ended == null ? null : seconds(Duration.between(info.startedAt(), ended)));
        summary.put("requests", info.requests());
        summary.put("tokens", info.inputTokens() + info.outputTokens());
        putMoney(summary, "cost_usd", info.costUsd());
    }

    private long settled() {
        return info.embedded()
                + info.notEmbedded().values().stream()
                        .mapToLong(Long::longValue)
                        .sum();
    }

    private void putReasons(ObjectNode summary, String key, Reason.Kind kind) {
        ObjectNode counts = summary.putObject(key);
        Map<Reason, Long> inOrder = new TreeMap<>(info.notEmbedded());
        inOrder.forEach((reason, count) -> {
            if (reason.kind() == kind) {
                counts.put(reason.code(), count);
            }
        });
    }

    /** As plain digits: as a number it could come with an exponent. */
    private static void putMoney(ObjectNode json, String key, @Nullable BigDecimal usd) {
        json.putRawValue(
                key, usd == null ? null : new RawValue(usd.stripTrailingZeros().toPlainString()));
    }

    private static @Nullable BigDecimal seconds(@Nullable Duration duration) {
        return duration == null ? null : BigDecimal.valueOf(duration.toMillis(), 3);
    }

    private static @Nullable String time(@Nullable Instant instant) {
        return instant == null ? null : instant.truncatedTo(ChronoUnit.MILLIS).toString();
    }
}
