package dev.evervec.it.admin;

import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.jobs.RetryRequest;
import dev.evervec.pipeline.jobs.TriggerRefusedException;
import io.javalin.config.RoutesConfig;
import io.javalin.http.ConflictResponse;
import io.javalin.http.Context;
import io.javalin.http.NotFoundResponse;
import io.javalin.http.sse.SseClient;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

// docs/admin-page.md begins
final class JavalinEmbeddings {
    private final EmbeddingJobs jobs;
    private final Set<SseClient> watchers = ConcurrentHashMap.newKeySet();

    JavalinEmbeddings(EmbeddingJobs jobs) {
        this.jobs = jobs;
    }

    void addTo(RoutesConfig routes) {
        routes.post("/embeddings/trigger", ctx -> begun(ctx, jobs.trigger(JobRequest.ofJson(ctx.body()))));
        routes.post("/embeddings/retry-failed", ctx -> begun(ctx, jobs.retryFailed(RetryRequest.ofJson(ctx.body()))));
        routes.post("/embeddings/{id}/resume", ctx -> begun(ctx, jobs.resume(ctx.pathParam("id"))));
        routes.post("/embeddings/{id}/cancel", this::cancel);
        routes.get("/embeddings/status", ctx -> json(ctx, status()));
        routes.get("/embeddings/history", ctx -> json(ctx, history()));
        routes.get("/embeddings/{id}/output", this::output);
        routes.sse("/embeddings/events", this::watch);
        routes.exception(TriggerRefusedException.class, JavalinEmbeddings::refused);
    }

    private void cancel(Context ctx) {
        String id = ctx.pathParam("id");
        switch (jobs.cancel(id)) {
            case REQUESTED -> begun(ctx, id);
            case NOT_RUNNING -> throw new ConflictResponse("the job has ended");
            case UNKNOWN_JOB -> throw new NotFoundResponse("there is no such job");
        }
    }

    private void output(Context ctx) {
        json(
                ctx,
                jobs.output(ctx.pathParam("id"))
                        .orElseThrow(NotFoundResponse::new)
                        .toJson());
    }

    private String status() {
        return "{\"job\":" + jobs.status().map(JobStatus::toJson).orElse("null") + "}";
    }

    private String history() {
        return "{\"jobs\":"
                + jobs.history(20).stream().map(JobStatus::toJson).collect(Collectors.joining(",", "[", "]")) + "}";
    }

    private void watch(SseClient client) {
        client.keepAlive();
        client.onClose(() -> watchers.remove(client));
        watchers.add(client);
        client.sendEvent("status", status());
    }

    /** Call this once a second, from a scheduler of yours. */
    void tellWatchers() {
        if (!watchers.isEmpty()) {
            String status = status();
            watchers.forEach(client -> client.sendEvent("status", status));
        }
    }

    private static void begun(Context ctx, String jobId) {
        ctx.status(202).json(Map.of("job_id", jobId));
    }

    private static void json(Context ctx, String body) {
        ctx.contentType("application/json").result(body);
    }

    private static void refused(TriggerRefusedException e, Context ctx) {
        int status = switch (e.refusal()) {
            case INVALID -> 400;
            case UNKNOWN_JOB -> 404;
            case ALREADY_RUNNING, NOT_RESUMABLE -> 409;
            case CLOSED -> 503;
        };
        ctx.status(status).json(Map.of("title", e.refusal(), "status", status, "detail", e.getMessage()));
        ctx.contentType("application/problem+json");
    }
}
// docs/admin-page.md ends
