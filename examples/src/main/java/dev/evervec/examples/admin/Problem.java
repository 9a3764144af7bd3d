package dev.evervec.examples.admin;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Why a request was not answered as it wished; told as RFC 9457 says. Thrown by whoever finds out.
 *
 * <p>The detail is for people and never holds what the request brought, or anything secret.
 */
final class Problem extends RuntimeException {
    static final String CONTENT_TYPE = "application/problem+json";

    private static final long serialVersionUID = 1L;
    private static final Map<Integer, String> TITLES = Map.of(
            400, "the request is not valid",
            401, "not logged in",
            403, "not allowed",
            404, "not found",
            405, "method not allowed",
            413, "the request is too large",
            415, "unsupported media type",
            429, "too many attempts",
            500, "something went wrong",
            503, "not available");

    private static final long BUSY_SECONDS = 5;

    private final int status;
    private final String code;
    private final String title;
    private final @Nullable String field;
    private final long retryAfterSeconds;

    private Problem(
            int status, String code, String title, String detail, @Nullable String field, long retryAfterSeconds) {
        super(detail, null, false, false);
        this.status = status;
        this.code = code;
        this.title = title;
        this.field = field;
        this.retryAfterSeconds = retryAfterSeconds;
    }

    static Problem of(int status, String code, String detail) {
        return new Problem(status, code, TITLES.getOrDefault(status, "not possible"), detail, null, 0);
    }

    /** {@code field}: the parameter or key that is wrong, or null if no single one is. */
    static Problem invalid(@Nullable String field, String detail) {
        return new Problem(400, "invalid", "the request is not valid", detail, field, 0);
    }

    static Problem conflict(String code, String title, String detail) {
        return new Problem(409, code, title, detail, null, 0);
    }

    static Problem unknownJob() {
        return of(404, "unknown_job", "there is no job of this id");
    }

    static Problem tooLarge() {
        return of(413, "too_large", "a request body has at most " + Body.MAX_BYTES + " bytes");
    }

    static Problem tooEarly(long seconds) {
        return new Problem(
                429,
                "too_many_requests",
                "too many attempts",
                "too many wrong secrets: wait " + seconds + " s before the next attempt",
                null,
                seconds);
    }

    static Problem tooSlow() {
        return new Problem(408, "invalid", "the request took too long", "the body was sent too slowly", null, 0);
    }

    static Problem tooBusy() {
        return new Problem(
                503,
                "too_many_requests",
                "not available",
                "too many requests are being sent: try again in a few seconds",
                null,
                BUSY_SECONDS);
    }

    int status() {
        return status;
    }

    String title() {
        return title;
    }

    String detail() {
        return String.valueOf(getMessage());
    }

    /** After how many seconds another attempt makes sense; 0 if that is not known. */
    long retryAfterSeconds() {
        return retryAfterSeconds;
    }

    String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("type", "about:blank");
        json.put("title", title);
        json.put("status", status);
        json.put("detail", detail());
        json.put("code", code);
        if (field != null) {
            json.put("field", field);
        }
        return json.toString();
    }
}
