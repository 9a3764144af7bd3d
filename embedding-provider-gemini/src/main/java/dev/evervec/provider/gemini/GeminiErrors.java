package dev.evervec.provider.gemini;

import com.fasterxml.jackson.core.JacksonException;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.RetryAfter;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.gemini.WireInterceptor.AnswerTooLargeException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Says whom a failed call is charged to. The only place that does.
 *
 * <p>Decided by the status of the answer and the marked fields of its body; the service's message, which may echo texts of
 * the request, is only searched for known wordings and never shown. Nothing of the SDK's or OkHttp's messages is shown
 * either: OkHttp quotes a header value that it refuses, which is the key.
 */
final class GeminiErrors {
    // Wordings seen: vercel/ai 16575 (2026-07), quarkus-langchain4j 1705 (2025-08), vendor forum (2025).
    private static final Pattern TOO_MANY_TEXTS = Pattern.compile("at most \\d+ requests can be in one batch");
    private static final Pattern TOO_MANY_BYTES =
            Pattern.compile("payload size exceeds|request (entity )?(is )?too large", Pattern.CASE_INSENSITIVE);
    private static final Pattern TOO_LONG_TEXT = Pattern.compile(
            "token count .{0,60}exceed|exceeds? .{0,60}(number of tokens|token limit|tokens allowed)",
            Pattern.CASE_INSENSITIVE);
    private static final Pattern NAMED_INDEX = Pattern.compile("\\brequests\\[(\\d{1,4})\\]");

    private final String model;
    private final String baseUrl;
    private final Duration timeout;
    private final Clock clock;

    GeminiErrors(String model, String baseUrl, Duration timeout, Clock clock) {
        this.model = model;
        this.baseUrl = baseUrl;
        this.timeout = timeout;
        this.clock = clock;
    }

    /** For a call that ended with an exception, of the SDK or of our own reading of the answer. */
    ProviderException of(RuntimeException failure, Exchange exchange, int texts) {
        ProviderException told = failure instanceof ProviderException ours ? ours : ofSdk(failure, exchange, texts);
        boolean malformed = told instanceof TransientProviderException passing
                && passing.failure() == TransientProviderException.Failure.MALFORMED_ANSWER;
        int meant = malformed ? Refusal.statusNamedIn(exchange.bodyHead()) : 0;
        return meant == 0 ? told : refused(exchange, meant, texts);
    }

    private ProviderException ofSdk(RuntimeException failure, Exchange exchange, int texts) {
        if (exchange.cancelled() || Thread.currentThread().isInterrupted()) {
            return TransientProviderException.cancelled();
        }
        if (!exchange.sent()) {
            return nothingSent(failure);
        }
        if (exchange.hasStatus() && !exchange.succeeded()) {
            return refused(exchange, exchange.status(), texts);
        }
        if (findCause(failure, AnswerTooLargeException.class) != null) {
            return malformed("is longer than any answer to this request can be", exchange, failure);
        }
        // Before the IOExceptions: Jackson's are some.
        if (findCause(failure, JacksonException.class) != null) {
            return malformed("is no JSON of the expected form", exchange, failure);
        }
        Throwable io = findCause(failure, IOException.class);
        // What breaks a connection is a kind of IOException; damaged gzip is a plain one.
        if (io != null && exchange.succeeded() && io.getClass() == IOException.class) {
            return malformed("is damaged in its compression", exchange, failure);
        }
        if (io != null) {
            return noAnswer(failure, exchange);
        }
        return malformed("was not understood by the SDK", exchange, failure);
    }

    /** For a status outside of 2xx, which may be one that the body of a 200 names. */
    private ProviderException refused(Exchange exchange, int status, int texts) {
        String id = exchange.requestId();
        Refusal refusal = Refusal.parse(exchange.bodyHead());
        String shown = shown(status, refusal);
        if (refusal.reason().equals("API_KEY_INVALID") || refusal.message().startsWith("API key not valid")) {
            return badKey(shown, status, id);
        }
        return switch (status) {
            case 400 -> badRequest(refusal, shown, id, texts);
            case 401 -> badKey(shown, status, id);
            case 402, 403 ->
                PermanentProviderException.configuration(
                        "the service does not allow this key to use model " + model + shown
                                + ": check that the API is enabled for the key's project, the key's restrictions and billing",
                        status,
                        id);
            case 404, 405, 410 ->
                PermanentProviderException.configuration(
                        "there is no model " + model + " at " + baseUrl + shown
                                + ": check the model's name and base_url",
                        status,
                        id);
            case 413 ->
                PermanentProviderException.requestShape(
                        RequestLimit.BYTES, "the request body is too large" + shown, status, id);
            case 422 ->
                PermanentProviderException.requestShape(
                        null, "the request is not acceptable in this form" + shown, status, id);
            case 429 -> overQuota(exchange, refusal, shown);
            case 408, 409, 424, 425 -> serverError(exchange, status, refusal, shown);
            default -> other(exchange, status, refusal, shown);
        };
    }

    /** For a 2xx whose content is not the promised one. */
    static TransientProviderException malformed(String what, Exchange exchange, @Nullable RuntimeException failure) {
        return TransientProviderException.malformedAnswer(
                "the answer " + what,
                exchange.status(),
                exchange.requestId(),
                failure == null ? null : ProviderException.withoutMessage(failure));
    }

    /** For a call that the SDK answered, or refused to make, without sending a request. */
    static ProviderException nothingSent(@Nullable RuntimeException failure) {
        return PermanentProviderException.configuration(
                "the SDK sent no request" + (failure == null ? "" : " (" + typeOf(failure) + ")")
                        + ": unset GOOGLE_GENAI_CLIENT_MODE if it is set, and check the model's name and base_url",
                0,
                null);
    }

    private static ProviderException badKey(String shown, int status, @Nullable String id) {
        return PermanentProviderException.configuration(
                "the service refused the API key" + shown
                        + ": check api_key, or GOOGLE_API_KEY and GEMINI_API_KEY where the key comes from the environment",
                status,
                id);
    }

    private ProviderException badRequest(Refusal refusal, String shown, @Nullable String id, int texts) {
        String message = refusal.message();
        if (refusal.statusWord().equals("FAILED_PRECONDITION")) {
            // Region without service, free tier not offered there: nothing that a text could cause.
            return PermanentProviderException.configuration(
                    "the service is not available to this account or from this place" + shown
                            + ": check billing and the supported regions",
                    400,
                    id);
        }
        RequestLimit passed = passedLimit(message);
        if (passed != null) {
            return PermanentProviderException.requestShape(passed, tooLarge(passed, texts) + shown, 400, id);
        }
        String refused = "model " + model + " refused the request" + shown;
        Matcher named = NAMED_INDEX.matcher(message);
        if (named.find() && Integer.parseInt(named.group(1)) < texts) {
            return PermanentProviderException.itemAt(Integer.parseInt(named.group(1)), refused, 400, id);
        }
        return PermanentProviderException.item(refused, 400, id);
    }

    private static @Nullable RequestLimit passedLimit(String message) {
        if (TOO_MANY_TEXTS.matcher(message).find()) {
            return RequestLimit.TEXTS;
        }
        if (TOO_MANY_BYTES.matcher(message).find()) {
            return RequestLimit.BYTES;
        }
        return TOO_LONG_TEXT.matcher(message).find() ? RequestLimit.TEXT_LENGTH : null;
    }

    private String tooLarge(RequestLimit passed, int texts) {
        return switch (passed) {
            case TEXTS -> "too many texts in one request: " + texts;
            case TEXT_LENGTH -> "a text has more tokens than model " + model + " takes";
            case BYTES, TOKENS -> "the request body is too large";
        };
    }

    private ProviderException overQuota(Exchange exchange, Refusal refusal, String shown) {
        if (refusal.quotaIds().stream().anyMatch(quota -> quota.contains("PerDay"))) {
            return PermanentProviderException.configuration(
                    "the daily quota of the key for model " + model + " is used up" + shown
                            + ": run again tomorrow (it is renewed at midnight Pacific time), or raise the quota by billing",
                    429,
                    exchange.requestId());
        }
        return TransientProviderException.rateLimited(
                "the quota for model " + model + " is used up for now" + shown,
                429,
                exchange.requestId(),
                askedWait(exchange, refusal));
    }

    private ProviderException serverError(Exchange exchange, int status, Refusal refusal, String shown) {
        return TransientProviderException.serverError(
                "the service failed" + shown, status, exchange.requestId(), askedWait(exchange, refusal));
    }

    private ProviderException other(Exchange exchange, int status, Refusal refusal, String shown) {
        if (status >= 500) {
            return serverError(exchange, status, refusal, shown);
        }
        if (status >= 400) {
            return PermanentProviderException.item(
                    "model " + model + " refused the request" + shown, status, exchange.requestId());
        }
        return PermanentProviderException.configuration(
                baseUrl + " does not answer itself" + shown + ": set base_url to the address that it redirects to",
                status,
                exchange.requestId());
    }

    private ProviderException noAnswer(RuntimeException failure, Exchange exchange) {
        String why;
        if (findCause(failure, InterruptedIOException.class) != null) {
            why = "timeout (" + timeout.toMillis() / 1000.0 + " s, or the caller's deadline)";
        } else if (findCause(failure, UnknownHostException.class) != null) {
            why = "unknown host";
        } else {
            Throwable io = findCause(failure, IOException.class);
            why = io == null ? typeOf(failure) : typeOf(io);
        }
        String what = "no answer from " + baseUrl + ": " + why;
        Throwable bare = ProviderException.withoutMessage(failure);
        return exchange.hasConnected()
                ? TransientProviderException.noAnswer(what, bare)
                : TransientProviderException.notSent(what, bare);
    }

    private static String shown(int status, Refusal refusal) {
        StringBuilder shown = new StringBuilder(" (HTTP ").append(status);
        if (!refusal.statusWord().isEmpty()) {
            shown.append(", ").append(refusal.statusWord());
        }
        if (!refusal.reason().isEmpty()) {
            shown.append(", ").append(refusal.reason());
        }
        return shown.append(")").toString();
    }

    /** The longer of what the header and the body ask for; null if neither does. */
    private @Nullable Duration askedWait(Exchange exchange, Refusal refusal) {
        Duration header = RetryAfter.inHeaders(exchange.headers(), clock);
        Duration body = refusal.retryDelay();
        if (header == null || body == null) {
            return header == null ? body : header;
        }
        return header.compareTo(body) >= 0 ? header : body;
    }

    private static @Nullable Throwable findCause(Throwable failure, Class<? extends Throwable> type) {
        int depth = 0;
        for (Throwable cause = failure; cause != null && depth < 20; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return cause;
            }
            depth++;
        }
        return null;
    }

    private static String typeOf(Throwable failure) {
        return failure.getClass().getSimpleName();
    }
}
