package dev.evervec.examples.admin;

import dev.evervec.pipeline.jobs.TriggerRefusedException;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.StoreException;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.http.MethodNotAllowedResponse;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HexFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns whatever goes wrong into an answer: problem details for the API, a line of text for people elsewhere. */
final class Failures {
    private static final Logger log = LoggerFactory.getLogger(Failures.class);
    private static final SecureRandom RANDOM = new SecureRandom();

    private Failures() {}

    static void addTo(RoutesConfig routes) {
        routes.exception(Problem.class, (problem, request) -> answer(request, problem));
        routes.exception(TriggerRefusedException.class, (e, request) -> answer(request, refused(e)));
        routes.exception(StoreException.class, (e, request) -> {
            log.warn("a request was not answered: {}", e.getMessage());
            answer(request, Problem.of(503, "store_unavailable", e.getMessage()));
        });
        routes.exception(SourceException.class, (e, request) -> {
            log.warn("a request was not answered: {}", e.getMessage());
            answer(request, Problem.of(503, "source_unavailable", e.getMessage()));
        });
        routes.exception(HttpResponseException.class, (e, request) -> answer(request, unrouted(e, request)));
        routes.exception(Exception.class, (e, request) -> answer(request, unexpected(e)));
    }

    private static Problem refused(TriggerRefusedException e) {
        String detail = String.valueOf(e.getMessage());
        return switch (e.refusal()) {
            case INVALID -> Problem.invalid(e.field(), detail);
            case ALREADY_RUNNING -> Problem.conflict("already_running", "an embedding job is already running", detail);
            case UNKNOWN_JOB -> Problem.unknownJob();
            case NOT_RESUMABLE -> Problem.conflict("not_resumable", "the job cannot be resumed", detail);
            case CLOSED -> Problem.of(503, "closed", "the server is being stopped");
        };
    }

    /** What Javalin itself found out. */
    private static Problem unrouted(HttpResponseException e, Context request) {
        if (e instanceof MethodNotAllowedResponse) {
            e.getDetails().values().forEach(methods -> request.header("allow", methods));
        }
        return switch (e.getStatus()) {
            case 404 -> Problem.of(404, "not_found", "there is nothing at this address");
            case 405 -> Problem.of(405, "method_not_allowed", "this address does not know the method");
            default -> unexpected(e);
        };
    }

    /** What should not happen; its message may hold anything, so only the log has it, under the same id. */
    static Problem unexpected(Throwable e) {
        byte[] bytes = new byte[4];
        RANDOM.nextBytes(bytes);
        String id = HexFormat.of().formatHex(bytes);
        log.error("request failed, error {}", id, e);
        return Problem.of(500, "internal", "an unexpected error; the server's log has it under " + id);
    }

    static void answer(Context request, Problem problem) {
        if (problem.retryAfterSeconds() > 0) {
            request.header("retry-after", String.valueOf(problem.retryAfterSeconds()));
        }
        request.status(problem.status());
        if (isApi(request)) {
            request.contentType(Problem.CONTENT_TYPE).result(problem.toJson().getBytes(StandardCharsets.UTF_8));
        } else {
            request.contentType("text/plain; charset=utf-8").result(problem.title() + ": " + problem.detail() + "\n");
        }
    }

    private static boolean isApi(Context request) {
        return request.path().startsWith("/admin/api/");
    }
}
