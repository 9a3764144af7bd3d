package dev.evervec.examples.admin;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import dev.evervec.config.HealthSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobOutput;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.jobs.RetryRequest;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.SourceStats;
import io.javalin.http.Context;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The endpoints under {@code /admin/api/embeddings}. Thread-safe. */
final class Api implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Api.class);
    private static final ZoneId UTC = ZoneId.of("UTC");
    private static final Duration TICK = Duration.ofSeconds(1);
    private static final Duration HEARTBEAT = Duration.ofSeconds(15);
    private static final int USUAL_HISTORY = 20;
    private static final int LONGEST_HISTORY = 500;
    private static final int USUAL_DAYS = 30;
    private static final int MOST_DAYS = 3660;

    private final EmbeddingJobs jobs;
    private final BuildPipeline pipeline;
    private final HealthSettings thresholds;
    private final Access access;
    private final Body body;
    private final Clock clock;
    private final RecentReads reads = new RecentReads(System::nanoTime);
    private final Events events;

    Api(EmbeddingJobs jobs, BuildPipeline pipeline, HealthSettings thresholds, Access access, Body body, Clock clock) {
        this.jobs = jobs;
        this.pipeline = pipeline;
        this.thresholds = thresholds;
        this.access = access;
        this.body = body;
        this.clock = clock;
        Map<String, Supplier<String>> questions = new LinkedHashMap<>();
        questions.put("status", this::status);
        questions.put("stats", this::stats);
        this.events = new Events(questions, TICK);
    }

    void addTo(Routes routes) {
        String api = "/admin/api/embeddings/";
        routes.get(api + "stats", request -> json(request, 200, stats(request)));
        routes.get(api + "status", request -> json(request, 200, status(request)));
        routes.get(api + "history", request -> json(request, 200, history(request)));
        routes.get(api + "health", request -> json(request, 200, health(request)));
        routes.get(api + "costs", request -> json(request, 200, costs(request)));
        routes.get(api + "events", this::events);
        routes.get(api + "{job_id}/output", request -> json(request, 200, output(request)));
        routes.post(api + "trigger", this::trigger);
        routes.post(api + "retry-failed", this::retryFailed);
        routes.post(api + "{job_id}/cancel", this::cancel);
        routes.post(api + "{job_id}/resume", this::resume);
    }

    private static void json(Context request, int status, String body) {
        request.status(status).contentType("application/json").result(body.getBytes(StandardCharsets.UTF_8));
    }

    // ---- looking ----

    private String stats(Context request) {
        Query.of(request);
        return stats();
    }

    private String stats() {
        return reads.get("stats", this::readStats);
    }

    private String readStats() {
        List<SourceStats> sources = pipeline.store().stats(pipeline.fingerprint());
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("as_of", latestScan(sources));
        json.put("generation", pipeline.fingerprint().generation());
        var list = json.putArray("sources");
        sources.forEach(source -> list.addRawValue(new RawValue(source.toJson())));
        return json.toString();
    }

    private static @Nullable String latestScan(List<SourceStats> sources) {
        return sources.stream()
                .map(SourceStats::asOf)
                .filter(Objects::nonNull)
                .max(Instant::compareTo)
                .map(Api::time)
                .orElse(null);
    }

    private static @Nullable String time(@Nullable Instant instant) {
        return instant == null ? null : instant.truncatedTo(ChronoUnit.MILLIS).toString();
    }

    private String status(Context request) {
        Query.of(request);
        return status();
    }

    private String status() {
        String job = jobs.status().map(JobStatus::toJson).orElse("null");
        return "{\"job\":" + job + "}";
    }

    private String history(Context request) {
        int limit = Query.of(request, "limit").integer("limit", USUAL_HISTORY, 1, LONGEST_HISTORY);
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        var list = json.putArray("jobs");
        jobs.history(limit).forEach(job -> list.addRawValue(new RawValue(job.toJson())));
        return json.toString();
    }

    private String health(Context request) {
        Query.of(request);
        return reads.get("health", () -> pipeline.health().toJson(thresholds));
    }

    private String costs(Context request) {
        int days = Query.of(request, "days").integer("days", USUAL_DAYS, 1, MOST_DAYS);
        return reads.get(
                "costs " + days, () -> pipeline.store().costs(lastDays(days)).toJson());
    }

    private CostQuery lastDays(int days) {
        LocalDate first = LocalDate.ofInstant(clock.instant(), UTC).minusDays(days - 1L);
        return new CostQuery(first.atStartOfDay(UTC).toInstant(), null, UTC);
    }

    private String output(Context request) {
        Query.of(request);
        return jobs.output(jobId(request)).map(JobOutput::toJson).orElseThrow(Problem::unknownJob);
    }

    // ---- doing ----

    private void trigger(Context request) {
        Query.of(request);
        JobRequest job = JobRequest.ofJson(body.json(request));
        begin(request, () -> jobs.trigger(job));
    }

    private void retryFailed(Context request) {
        Query.of(request);
        RetryRequest job = RetryRequest.ofJson(body.json(request));
        begin(request, () -> jobs.retryFailed(job));
    }

    private void resume(Context request) {
        Query.of(request);
        body.json(request);
        String jobId = jobId(request);
        begin(request, () -> jobs.resume(jobId));
    }

    private void cancel(Context request) {
        Query.of(request);
        body.json(request);
        String jobId = jobId(request);
        switch (jobs.cancel(jobId)) {
            case REQUESTED -> begun(request, jobId);
            case NOT_RUNNING ->
                throw Problem.conflict("not_running", "the job is not running", "the job has ended already");
            case UNKNOWN_JOB -> throw Problem.unknownJob();
        }
    }

    private static void begin(Context request, Supplier<String> job) {
        String jobId;
        try {
            jobId = job.get();
        } catch (IllegalArgumentException e) {
            // Whatever is wrong with the request has a refusal of its own.
            log.warn("no job was begun: {}", e.getMessage());
            throw Problem.of(503, "logs_unavailable", String.valueOf(e.getMessage()));
        }
        begun(request, jobId);
    }

    private static void begun(Context request, String jobId) {
        json(
                request,
                202,
                JsonNodeFactory.instance.objectNode().put("job_id", jobId).toString());
    }

    /** Only what can be the id of a job gets any further: ids are also names of files. */
    private static String jobId(Context request) {
        String id = request.pathParam("job_id");
        if (!JobStart.isId(id)) {
            throw Problem.unknownJob();
        }
        return id;
    }

    // ---- events ----

    private void events(Context request) throws IOException {
        Query.of(request);
        EventStream stream = events.open();
        try {
            request.contentType("text/event-stream; charset=utf-8");
            // Proxies such as nginx would otherwise collect events before they pass them on.
            request.header("x-accel-buffering", "no");
            if (!request.req().getMethod().equals("HEAD")) {
                write(stream, request);
            }
        } finally {
            events.leave(stream);
        }
    }

    /** On the thread of the request, until the client leaves, the session ends or the server is closed. */
    private void write(EventStream stream, Context request) {
        try {
            OutputStream out = request.res().getOutputStream();
            String text = "retry: 3000\n\n";
            while (text != null) {
                out.write(text.getBytes(StandardCharsets.UTF_8));
                out.flush();
                text = access.isStillOpen(request) ? stream.next(HEARTBEAT.toNanos()) : null;
            }
        } catch (IOException e) {
            log.debug("a page has left", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        events.close();
    }
}
