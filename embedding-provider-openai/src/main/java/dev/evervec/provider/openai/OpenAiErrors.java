package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JacksonException;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.RetryAfter;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TransientProviderException;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Duration;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import okhttp3.Headers;
import org.jspecify.annotations.Nullable;

/**
 * The one place where failures get their owner.
 *
 * <p>Wordings were collected from OpenAI, Azure, Ollama, vLLM, TEI, llama.cpp, Mistral, Voyage, DashScope and MiniMax in
 * November 2026. Services quote the texts sent in their messages, so nothing of a message reaches an exception: only the
 * status, the request id, and a code and type that look like words of a protocol.
 */
final class OpenAiErrors {
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_.-]{1,64}");
    private static final Set<String> EXHAUSTED = Set.of(
            "insufficient_quota",
            "insufficient_balance",
            "billing_hard_limit_reached",
            "billing_not_active",
            "account_deactivated");
    private static final Pattern TOO_MANY_TOKENS = Pattern.compile(
            "max_tokens_per_request|tokens per (submitted )?(batch|request)|requested \\d+ tokens, max|too many tokens");
    private static final Pattern TEXT_TOO_LONG = Pattern.compile("context[_ ](length|size|window)|too large to process"
            + "|(input|prompt|text)s? (is |are )?too long|string_above_max_length|less than \\d+ tokens"
            + "|max(imum)? (input|sequence|prompt) length|range of input length|exceed\\w* (the )?max\\w* \\d+ tokens");
    private static final Pattern TOO_MANY_TEXTS = Pattern.compile(
            "too many (inputs|texts|items|documents)|batch[ _]size|array too long|array_above_max_length"
                    + "|(at most|maximum of|max(imum)?( number of)?) (\\d+ )?(inputs|texts|items)|batch is too (large|big)");
    private static final Pattern TOO_MANY_BYTES =
            Pattern.compile("(payload|body|entity) (is )?too large|length limit exceeded");
    /** Only as the beginning of what is said: further on it may be a quotation of a text, and this stops the whole run. */
    private static final Pattern NO_SUCH_MODEL = Pattern.compile(
            "^(the |this )?(specified )?model\\b.{0,80}(not found|not exist|not available|not supported)"
                    + "|^(invalid|unknown|unsupported) model\\b");

    private static final Pattern NO_DIMENSIONS =
            Pattern.compile("matryoshka|specifying dimensions|dimensions parameter|parameter:? '?dimensions");
    private static final Pattern NAMED_INDEX = Pattern.compile("\\binputs?(?:\\[|\\.)(\\d{1,5})\\b");

    private final String provider;
    private final String model;
    private final String baseUrl;
    private final @Nullable Secret key;
    private final boolean dimensionsSent;
    private final Clock clock;

    OpenAiErrors(ProviderSettings settings, String baseUrl, boolean dimensionsSent, Clock clock) {
        this.provider = settings.provider();
        this.model = settings.model();
        this.baseUrl = baseUrl;
        this.key = settings.apiKey();
        this.dimensionsSent = dimensionsSent;
        this.clock = clock;
    }

    /**
     * The failure that an error answer stands for.
     *
     * @param texts how many texts were sent to be embedded; 0 for a rewrite
     */
    ProviderException refused(Refusal refusal, int texts) {
        int status = refusal.httpStatus();
        if (status == 402 || EXHAUSTED.stream().anyMatch(refusal.body()::hasToken)) {
            return configuration(
                    refusal, "the account is exhausted or closed: check its plan, credit and spending limit");
        }
        if (status == 429) {
            return overQuota(refusal);
        }
        if (status >= 500 || status == 408 || status == 409 || status == 424 || status == 425) {
            return serverFailed(refusal);
        }
        String advice = adviceFor(status);
        return advice != null ? configuration(refusal, advice) : badRequest(refusal, status, texts);
    }

    /** The failure that an error inside an HTTP 200 stands for; its status is the one that the error means. */
    ProviderException refusedWithOk(Refusal refusal, int texts) {
        int status = statusMeant(refusal.body());
        return status == 0
                ? malformed("the answer is an error" + tokens(refusal), refusal.httpStatus(), refusal.headers(), null)
                : refused(new Refusal(status, refusal.headers(), refusal.body()), texts);
    }

    private static int statusMeant(ErrorBody body) {
        int code = body.numericCode();
        if (code >= 400 && code < 600) {
            return code;
        }
        if (body.hasToken("rate_limit") || code == 1002) {
            return 429;
        }
        if (EXHAUSTED.stream().anyMatch(body::hasToken) || code == 1008) {
            return 402;
        }
        if (body.hasToken("invalid_api_key") || body.hasToken("authentication") || code == 1004) {
            return 401;
        }
        if (body.hasToken("model_not_found")) {
            return 404;
        }
        if (body.hasToken("context_length") || body.hasToken("content_filter") || body.hasToken("invalid_request")) {
            return 400;
        }
        return body.hasToken("server_error") || body.hasToken("overloaded") ? 503 : 0;
    }

    private @Nullable String adviceFor(int status) {
        return switch (status) {
            case 401 ->
                key == null
                        ? "the service wants an API key and none is configured: set api_key"
                        : "the service does not accept the API key: check api_key";
            case 403 -> "the service denies access: check that the key may use model " + model + " at " + baseUrl;
            case 404 ->
                "no model " + model + " or no such path at " + baseUrl
                        + ": check the model's name and base_url (most servers want it to end in /v1)";
            case 405, 410 ->
                "the service at " + baseUrl + " does not take this request: check base_url and model " + model;
            case 407 -> "the proxy in front of " + baseUrl + " wants credentials";
            default ->
                status < 400
                        ? "the service at " + baseUrl
                                + " redirects elsewhere, which is not followed: set base_url to the final address"
                        : null;
        };
    }

    private ProviderException overQuota(Refusal refusal) {
        // OpenAI answers 429 to a request that alone is larger than the quota per minute: waiting would not help.
        if (refusal.body().message().contains("request too large")) {
            return shape(refusal, RequestLimit.TOKENS, "the request has more tokens than the quota of a minute");
        }
        return TransientProviderException.rateLimited(
                said(
                        refusal,
                        refusal.body().message().contains("per day")
                                ? "the quota of a day is used up"
                                : "the quota is used up for now"),
                refusal.httpStatus(),
                requestId(refusal.headers()),
                askedWait(refusal),
                RateLimits.inHeaders(refusal.headers().toMultimap()));
    }

    private @Nullable Duration askedWait(Refusal refusal) {
        Duration wait = RetryAfter.inHeaders(refusal.headers().toMultimap(), clock);
        return wait != null ? wait : RetryAfter.inWords(refusal.body().message());
    }

    private ProviderException serverFailed(Refusal refusal) {
        // llama.cpp answers 500 to a text longer than its physical batch, which it can never process.
        if (refusal.body().message().contains("too large to process")) {
            return tooLong(refusal);
        }
        return TransientProviderException.serverError(
                said(refusal, "the service failed"),
                refusal.httpStatus(),
                requestId(refusal.headers()),
                askedWait(refusal));
    }

    private ProviderException badRequest(Refusal refusal, int status, int texts) {
        ErrorBody body = refusal.body();
        int index = namedIndex(body, texts);
        if (body.hasToken("content_filter") || body.hasToken("content_policy")) {
            return item(refusal, index, "the content filter refused it");
        }
        String advice = adviceForParameter(body);
        if (advice != null) {
            return configuration(refusal, advice);
        }
        if (body.hasToken("model_not_found") || body.hasToken("invalid_model") || says(NO_SUCH_MODEL, body)) {
            return configuration(refusal, "no model " + model + " at " + baseUrl + ": check the model's name");
        }
        if (says(TOO_MANY_TOKENS, body)) {
            return shape(refusal, RequestLimit.TOKENS, "the request has too many tokens");
        }
        if (says(TEXT_TOO_LONG, body)) {
            return tooLong(refusal);
        }
        if (says(TOO_MANY_TEXTS, body)) {
            return shape(refusal, RequestLimit.TEXTS, "the request has too many texts");
        }
        if (status == 413 || says(TOO_MANY_BYTES, body)) {
            return shape(refusal, RequestLimit.BYTES, "the request is too large");
        }
        if (index < 0 && status == 422) {
            return shape(refusal, null, "the service cannot process the request");
        }
        return item(refusal, index, "the service refuses what was sent");
    }

    private @Nullable String adviceForParameter(ErrorBody body) {
        String param = body.param() == null ? "" : body.param();
        if (dimensionsSent && (param.endsWith("dimensions") || says(NO_DIMENSIONS, body))) {
            return "model " + model
                    + " does not take the dimensions parameter as sent: set send_dimensions to never, or"
                    + " dim to a size the model makes";
        }
        if (param.endsWith("temperature")) {
            return "model " + model + " does not take this temperature: remove or change temperature";
        }
        return param.endsWith("encoding_format")
                ? "the server at " + baseUrl + " refuses base64 vectors, which this provider asks for"
                : null;
    }

    private ProviderException tooLong(Refusal refusal) {
        return shape(refusal, RequestLimit.TEXT_LENGTH, "a text is longer than model " + model + " accepts");
    }

    private static boolean says(Pattern wording, ErrorBody body) {
        return wording.matcher(body.message()).find()
                || (body.code() != null && wording.matcher(body.code()).find())
                || (body.type() != null && wording.matcher(body.type()).find());
    }

    private static int namedIndex(ErrorBody body, int texts) {
        for (String place : new @Nullable String[] {body.param(), body.message()}) {
            Matcher named = NAMED_INDEX.matcher(place == null ? "" : place);
            if (named.find() && Integer.parseInt(named.group(1)) < texts) {
                return Integer.parseInt(named.group(1));
            }
        }
        return -1;
    }

    /**
     * The failure of a call that ended with an exception and no error answer.
     *
     * @param limit how long the call might take, in words
     * @param connected whether the connection stood already
     */
    ProviderException broken(Exception failure, String limit, boolean connected, int httpStatus) {
        Throwable bare = ProviderException.withoutMessage(failure);
        if (failure instanceof CappedInputStream.TooLongException) {
            return malformed("the answer is longer than any answer to this request could be", httpStatus, null, bare);
        }
        // Before IOException, which JacksonException is a kind of: the connection held, but what came was no JSON.
        if (failure instanceof JacksonException || failure instanceof CharConversionException) {
            return malformed("the answer is no complete JSON document", httpStatus, null, bare);
        }
        IOException io = ioCause(failure);
        if (io == null) {
            return malformed("the SDK could not handle the answer", httpStatus, null, bare);
        }
        // What breaks a connection is a kind of IOException; damaged gzip is a plain one.
        if (httpStatus != 0 && io.getClass() == IOException.class) {
            return malformed("the answer's compression is damaged", httpStatus, null, bare);
        }
        String what = provider + " at " + baseUrl + ": " + wayItBroke(io, limit, connected, httpStatus != 0);
        return connected
                ? TransientProviderException.noAnswer(what, bare)
                : TransientProviderException.notSent(what, bare);
    }

    private static @Nullable IOException ioCause(Throwable failure) {
        Throwable cause = failure;
        for (int depth = 0; cause != null && depth < 10; depth++) {
            if (cause instanceof IOException io) {
                return io;
            }
            cause = cause.getCause();
        }
        return null;
    }

    private static String wayItBroke(IOException io, String limit, boolean connected, boolean answering) {
        if (io instanceof UnknownHostException) {
            return "the host is unknown";
        }
        if (io instanceof InterruptedIOException) {
            return connected
                    ? (answering ? "no complete answer within " : "no answer within ") + limit
                    : "no connection within " + OpenAiTransport.CONNECT_TIMEOUT.toSeconds() + " s or " + limit;
        }
        if (io instanceof ConnectException) {
            return "the connection was refused";
        }
        if (io instanceof SSLException) {
            return "no secure connection could be made";
        }
        return answering ? "the connection broke off while the answer was read" : "the connection broke off";
    }

    /** An answer that is not the promised one. */
    ProviderException malformed(String what, int httpStatus, @Nullable Headers headers, @Nullable Throwable cause) {
        return TransientProviderException.malformedAnswer(
                provider + " at " + baseUrl + ": " + what, httpStatus, requestId(headers), cause);
    }

    private ProviderException configuration(Refusal refusal, String advice) {
        return PermanentProviderException.configuration(
                said(refusal, advice), refusal.httpStatus(), requestId(refusal.headers()));
    }

    private ProviderException shape(Refusal refusal, @Nullable RequestLimit limit, String what) {
        return PermanentProviderException.requestShape(
                limit, said(refusal, what), refusal.httpStatus(), requestId(refusal.headers()));
    }

    private ProviderException item(Refusal refusal, int index, String what) {
        String message = said(refusal, what);
        String requestId = requestId(refusal.headers());
        return index < 0
                ? PermanentProviderException.item(message, refusal.httpStatus(), requestId)
                : PermanentProviderException.itemAt(index, message, refusal.httpStatus(), requestId);
    }

    private String said(Refusal refusal, String what) {
        return provider + " answered " + refusal.httpStatus() + tokens(refusal) + ": " + what;
    }

    private String tokens(Refusal refusal) {
        String code = harmless(refusal.body().code());
        String type = harmless(refusal.body().type());
        if (code == null && type == null) {
            return "";
        }
        return " (" + (code == null ? "" : "code " + code) + (code == null || type == null ? "" : ", ")
                + (type == null ? "" : "type " + type) + ")";
    }

    /** The service's id of the request, for its support. */
    @Nullable
    String requestId(@Nullable Headers headers) {
        if (headers == null) {
            return null;
        }
        String id = harmless(headers.get("x-request-id"));
        return id != null ? id : harmless(headers.get("apim-request-id"));
    }

    private @Nullable String harmless(@Nullable String token) {
        boolean shown =
                token != null && TOKEN.matcher(token).matches() && (key == null || !token.contains(key.reveal()));
        return shown ? token : null;
    }
}
