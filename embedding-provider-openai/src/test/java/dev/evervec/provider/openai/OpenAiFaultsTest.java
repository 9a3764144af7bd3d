package dev.evervec.provider.openai;

import static dev.evervec.provider.FaultOwner.CONFIGURATION;
import static dev.evervec.provider.FaultOwner.ITEM;
import static dev.evervec.provider.FaultOwner.PROVIDER;
import static dev.evervec.provider.FaultOwner.QUOTA;
import static dev.evervec.provider.FaultOwner.REQUEST_SHAPE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.client.WireMock;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Every status and every broken body has its owner, and none of them tells a text or the key. */
class OpenAiFaultsTest {
    private static final String TEXT = "Vertraulicher Wortlaut 4711";
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-21T03:00:00Z"), ZoneOffset.UTC);
    private static final Duration SHORT = Duration.ofMillis(600);
    /** Longer than any test waits. */
    private static final Duration LONG = Duration.ofMinutes(2);

    private static final WireMockServer SERVER = new WireMockServer(
            WireMockConfiguration.options().bindAddress("127.0.0.1").dynamicPort());

    @BeforeAll
    static void start() {
        SERVER.start();
    }

    @AfterAll
    static void stop() {
        SERVER.stop();
    }

    /** What a service answers, and what it must be taken for. {@code %T} is the text, {@code %K} the key. */
    record Case(
            String name,
            int status,
            String headers,
            String body,
            FaultOwner owner,
            RequestLimit limit,
            Failure failure,
            int index,
            String advice) {
        Case index(int newIndex) {
            return new Case(name, status, headers, body, owner, limit, failure, newIndex, advice);
        }

        Case says(String newAdvice) {
            return new Case(name, status, headers, body, owner, limit, failure, index, newAdvice);
        }

        @Override
        public String toString() {
            return status + " " + name;
        }
    }

    private static Case configuration(String name, int status, String body) {
        return new Case(name, status, "", body, CONFIGURATION, null, null, -1, "");
    }

    private static Case item(String name, int status, String body) {
        return new Case(name, status, "", body, ITEM, null, null, -1, "");
    }

    private static Case shape(String name, int status, RequestLimit limit, String body) {
        return new Case(name, status, "", body, REQUEST_SHAPE, limit, null, -1, "");
    }

    private static Case server(String name, int status, String body) {
        return new Case(name, status, "", body, PROVIDER, null, Failure.SERVER_ERROR, -1, "");
    }

    private static Case quota(String name, int status, String body) {
        return new Case(name, status, "", body, QUOTA, null, Failure.RATE_LIMITED, -1, "");
    }

    private static Case malformed(String name, int status, String body) {
        return new Case(name, status, "", body, PROVIDER, null, Failure.MALFORMED_ANSWER, -1, "");
    }

    private static String error(String message, String type, String code, String param) {
        return "{\"error\":{\"message\":\"" + message + "\",\"type\":" + quoted(type) + ",\"param\":" + quoted(param)
                + ",\"code\":" + quoted(code) + "}}";
    }

    private static String quoted(String value) {
        return value == null ? "null" : "\"" + value + "\"";
    }

    static Stream<Case> answers() {
        return Stream.of(
                // Keys, models, accounts.
                configuration(
                                "wrong key",
                                401,
                                error(
                                        "Incorrect API key provided: %K",
                                        "invalid_request_error", "invalid_api_key", null))
                        .says("check api_key"),
                configuration("key as code", 401, error("no", "%K", "x%K", null))
                        .says("check api_key"),
                configuration("html", 401, "<html>%T</html>").says("check api_key"),
                configuration("empty body", 403, "").says("denies access"),
                configuration(
                        "country", 403, error("no", "request_forbidden", "unsupported_country_region_territory", null)),
                configuration(
                                "unknown model",
                                404,
                                error("The model `x` does not exist", "invalid_request_error", "model_not_found", null))
                        .says("some-model"),
                configuration(
                        "ollama unknown model",
                        404,
                        "{\"error\":{\"message\":\"model \\\"x\\\" not found, try pulling it first\",\"type\":\"api_error\",\"param\":null,\"code\":null}}"),
                configuration("wrong path", 404, "404 page not found").says("/v1"),
                configuration(
                        "mistral unknown model",
                        400,
                        "{\"object\":\"error\",\"message\":\"Invalid model: x\",\"type\":\"invalid_model\",\"param\":null,\"code\":\"1500\"}"),
                configuration(
                        "unknown model with 400",
                        400,
                        error("The model 'x' does not exist.", "BadRequestError", null, null)),
                configuration("wrong method", 405, "{\"detail\":\"Method Not Allowed\"}")
                        .says("base_url"),
                configuration("no money", 402, "{\"error\":{\"message\":\"Insufficient credits\",\"code\":402}}")
                        .says("account"),
                configuration(
                                "exhausted",
                                429,
                                error(
                                        "You exceeded your current quota, %T",
                                        "insufficient_quota", "insufficient_quota", null))
                        .says("account"),
                configuration("exhausted by type", 429, error("x", "insufficient_quota", null, null))
                        .says("account"),
                configuration(
                                "hard limit",
                                400,
                                error(
                                        "Billing hard limit has been reached",
                                        "invalid_request_error",
                                        "billing_hard_limit_reached",
                                        null))
                        .says("account"),
                configuration(
                                "dimensions refused by vllm",
                                400,
                                "{\"object\":\"error\",\"message\":\"Model \\\"x\\\" does not support matryoshka representation, changing output dimensions will lead to poor results.\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}")
                        .says("send_dimensions"),
                configuration(
                                "dimensions refused by openai",
                                400,
                                error(
                                        "This model does not support specifying dimensions.",
                                        "invalid_request_error",
                                        null,
                                        null))
                        .says("send_dimensions"),
                configuration(
                                "dimensions refused by fastapi",
                                422,
                                "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"dimensions\"],\"msg\":\"Extra inputs are not permitted\",\"input\":256}]}")
                        .says("send_dimensions"),
                // Quotas.
                quota("rate limit", 429, error("Rate limit reached for %T", "requests", "rate_limit_exceeded", null)),
                quota(
                        "azure",
                        429,
                        "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the Embeddings_Create Operation have exceeded call rate limit\"}}"),
                quota(
                        "tei overloaded",
                        429,
                        "{\"message\":\"Model is overloaded\",\"code\":429,\"type\":\"overloaded\"}"),
                quota("nothing said", 429, ""),
                shape(
                        "larger than the quota",
                        429,
                        RequestLimit.TOKENS,
                        error(
                                "Request too large for x on tokens per min (TPM): Limit 40000, Requested 90000.",
                                "tokens",
                                "rate_limit_exceeded",
                                null)),
                // The form of the request.
                shape(
                        "summed tokens",
                        400,
                        RequestLimit.TOKENS,
                        error(
                                "Requested 416735 tokens, max 300000 tokens per request",
                                "max_tokens_per_request",
                                "max_tokens_per_request",
                                null)),
                shape(
                        "mistral tokens",
                        400,
                        RequestLimit.TOKENS,
                        "{\"object\":\"error\",\"message\":\"Too many tokens in batch. Max is 16384 got 20000\",\"type\":\"invalid_request_error\",\"code\":\"3210\"}"),
                shape(
                        "voyage tokens",
                        400,
                        RequestLimit.TOKENS,
                        "{\"detail\":\"The max allowed tokens per submitted batch is 120000. Your batch has 130000 tokens\"}"),
                shape(
                        "mistral inputs",
                        400,
                        RequestLimit.TEXTS,
                        "{\"object\":\"error\",\"message\":\"Too many inputs in request, split into more batches.\",\"type\":\"invalid_request_error\"}"),
                shape(
                        "dashscope inputs",
                        400,
                        RequestLimit.TEXTS,
                        "{\"error\":{\"code\":\"InvalidParameter\",\"message\":\"batch size is invalid, it should not be larger than 10.: input.contents\"},\"request_id\":\"r\"}"),
                shape(
                        "voyage inputs",
                        400,
                        RequestLimit.TEXTS,
                        "{\"detail\":\"The batch size limit is 1000. Your batch size is 1200.\"}"),
                shape(
                        "tei inputs",
                        422,
                        RequestLimit.TEXTS,
                        "{\"message\":\"batch size 64 > maximum allowed batch size 32\",\"code\":422,\"type\":\"Validation\"}"),
                shape(
                        "tei inputs by its specification",
                        413,
                        RequestLimit.TEXTS,
                        "{\"error\":\"batch size 64 > maximum allowed batch size 32\",\"error_type\":\"Validation\"}"),
                shape(
                        "openai inputs",
                        400,
                        RequestLimit.TEXTS,
                        error(
                                "Invalid 'input': array too long. Expected an array with maximum length 2048",
                                "invalid_request_error",
                                "array_above_max_length",
                                "input")),
                shape(
                        "body too large",
                        413,
                        RequestLimit.BYTES,
                        "Failed to buffer the request body: length limit exceeded"),
                shape(
                        "siliconflow",
                        413,
                        RequestLimit.BYTES,
                        "{\"code\":20015,\"message\":\"The parameter is invalid\"}"),
                shape("proxy limit", 413, RequestLimit.BYTES, "<html><h1>413 Request Entity Too Large</h1></html>"),
                shape("not told", 422, null, "{\"detail\":\"Unprocessable %T\"}"),
                shape(
                        "openai length",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        error(
                                "This model's maximum context length is 8192 tokens, however you requested 10001 tokens",
                                "invalid_request_error",
                                "context_length_exceeded",
                                null)),
                shape(
                        "openai length by code",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        error("x", "invalid_request_error", "context_length_exceeded", null)),
                shape(
                        "ollama length",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        error("the input length exceeds the context length", "api_error", null, null)),
                shape(
                        "vllm length",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        "{\"error\":{\"message\":\"This model's maximum context length is 512 tokens. However, you requested 600 tokens in the input for embedding generation.\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}}"),
                shape(
                        "old vllm length",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        "{\"object\":\"error\",\"message\":\"This model's maximum context length is 512 tokens. %T\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}"),
                shape(
                        "tei length",
                        413,
                        RequestLimit.TEXT_LENGTH,
                        "{\"message\":\"Input validation error: `inputs` must have less than 512 tokens. Given: 700\",\"code\":413,\"type\":\"Validation\"}"),
                shape(
                        "llama.cpp length",
                        500,
                        RequestLimit.TEXT_LENGTH,
                        "{\"error\":{\"code\":500,\"message\":\"input (600 tokens) is too large to process. increase the physical batch size (current batch size: 512)\",\"type\":\"server_error\"}}"),
                shape(
                        "llama.cpp context",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\",\"type\":\"exceed_context_size_error\"}}"),
                shape(
                        "dashscope length",
                        400,
                        RequestLimit.TEXT_LENGTH,
                        "{\"error\":{\"code\":\"InvalidParameter\",\"message\":\"Range of input length should be [1, 8192]\"}}"),
                // One of the texts.
                item(
                                "content filter",
                                400,
                                "{\"error\":{\"code\":\"content_filter\",\"message\":\"%T\",\"param\":\"prompt\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\",\"content_filter_result\":{\"hate\":{\"filtered\":true}}}}}")
                        .says("content filter"),
                item(
                        "openai invalid input",
                        400,
                        error(
                                "'$.input' is invalid. Please check the API reference: %T",
                                "invalid_request_error", null, null)),
                item(
                                "named in the message",
                                400,
                                error(
                                        "Invalid 'input[1]': string must not be empty. %T",
                                        "invalid_request_error", "invalid_value", null))
                        .index(1),
                item("named as path", 400, error("'$.input[0]' is invalid", "invalid_request_error", null, null))
                        .index(0),
                item("named in param", 400, error("invalid", "invalid_request_error", null, "input[1]"))
                        .index(1),
                item(
                                "named by fastapi",
                                422,
                                "{\"detail\":[{\"type\":\"string_too_short\",\"loc\":[\"body\",\"input\",1],\"msg\":\"String should have at least 1 character\",\"input\":\"%T\"}]}")
                        .index(1),
                item("named beyond the texts", 400, error("Invalid 'input[17]'", null, null, null)),
                item("flat error", 400, "{\"error\":\"%T\"}"),
                item(
                        "quotes a text about models",
                        400,
                        error("invalid input: the model was not found", null, null, null)),
                item("no json", 400, "Bad Request: %T"),
                item("cut off json", 400, "{\"error\":{\"message\":\"%T"),
                item("unknown 4xx", 418, ""),
                // The service.
                server("timeout", 408, ""),
                server("conflict", 409, ""),
                server(
                        "tei backend",
                        424,
                        "{\"message\":\"inference failed: %T\",\"code\":424,\"type\":\"Inference\"}"),
                server("too early", 425, ""),
                server("error", 500, error("The server had an error: %T", "server_error", null, null)),
                server("html", 502, "<html>bad gateway</html>"),
                server("not ready", 503, "{\"message\":\"Model is loading\",\"code\":503,\"type\":\"Unhealthy\"}"),
                server("gateway timeout", 504, ""),
                server("overloaded", 529, ""),
                // Errors inside a 200.
                quota("openrouter rate limit", 200, "{\"error\":{\"message\":\"Rate limited\",\"code\":429}}"),
                quota(
                        "rate limit by word",
                        200,
                        "{\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_exceeded\"}}"),
                quota(
                        "minimax rate limit",
                        200,
                        "{\"vectors\":null,\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate limit\"}}"),
                configuration(
                                "minimax key",
                                200,
                                "{\"base_resp\":{\"status_code\":1004,\"status_msg\":\"login fail\"}}")
                        .says("api_key"),
                configuration(
                                "minimax balance",
                                200,
                                "{\"base_resp\":{\"status_code\":1008,\"status_msg\":\"insufficient balance\"}}")
                        .says("account"),
                malformed("minimax other", 200, "{\"base_resp\":{\"status_code\":1013,\"status_msg\":\"%T\"}}"),
                malformed("unexplained error", 200, "{\"error\":\"%T\"}"),
                shape(
                        "length with 200",
                        200,
                        RequestLimit.TEXT_LENGTH,
                        "{\"error\":{\"message\":\"x\",\"code\":\"context_length_exceeded\"}}"),
                server("failure with 200", 200, "{\"error\":{\"message\":\"%T\",\"code\":502}}"),
                // Bodies that are not the promised ones.
                malformed("empty", 200, ""),
                malformed("no content", 204, ""),
                malformed("html", 200, "<!doctype html><p>%T %K</p>"),
                malformed("cut off", 200, "{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[0.1,"),
                malformed("cut off in a string", 200, "{\"data\":[{\"index\":0,\"embedding\":\"AACAPwAA"),
                malformed("no data", 200, "{\"object\":\"list\"}"),
                malformed("empty data", 200, "{\"data\":[],\"usage\":{\"prompt_tokens\":0,\"total_tokens\":0}}"),
                malformed("text for json", 200, "\"%T\""));
    }

    @ParameterizedTest
    @MethodSource("answers")
    void everyAnswerHasItsOwner(Case answer) {
        SERVER.resetAll();
        ResponseDefinitionBuilder response = WireMock.aResponse()
                .withStatus(answer.status())
                .withHeader("x-request-id", "req_42")
                .withHeader("Content-Type", "application/json");
        if (answer.status() != 204) {
            response.withBody(answer.body().replace("%T", TEXT).replace("%K", Fixtures.KEY));
        }
        SERVER.stubFor(WireMock.any(WireMock.anyUrl()).willReturn(response));

        ProviderException failure = failureOf("http://127.0.0.1:" + SERVER.port() + "/v1");

        assertThat(failure.owner()).isEqualTo(answer.owner());
        if (answer.status() == 200 && answer.failure() != Failure.MALFORMED_ANSWER) {
            assertThat(failure.httpStatus())
                    .as("the status that the error means")
                    .isGreaterThanOrEqualTo(400);
        } else {
            assertThat(failure.httpStatus()).isEqualTo(answer.status());
        }
        assertThat(failure.getMessage()).contains(answer.advice());
        if (failure instanceof PermanentProviderException permanent) {
            assertThat(permanent.limit()).isEqualTo(answer.limit());
            assertThat(permanent.textIndex()).isEqualTo(answer.index());
            assertThat(permanent.requestId()).isEqualTo("req_42");
        } else {
            assertThat(((TransientProviderException) failure).failure()).isEqualTo(answer.failure());
        }
        assertThat(SERVER.getAllServeEvents()).as("no retry behind our back").hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {300, 301, 302, 304, 307, 308})
    void aRedirectIsNotFollowed(int status) {
        try (RawServer elsewhere = RawServer.answering("{}");
                RawServer server = new RawServer(request ->
                        RawServer.Reply.answer(status, "Location: " + elsewhere.url() + "/embeddings\r\n", ""))) {
            ProviderException failure = failureOf(server.url());

            assertThat(failure.owner()).isEqualTo(CONFIGURATION);
            assertThat(failure).hasMessageContaining("redirects elsewhere");
            assertThat(elsewhere.requests).isEmpty();
        }
    }

    @Test
    void theCodeAndTheRequestIdAreTold() {
        try (RawServer server = new RawServer(request -> RawServer.Reply.answer(
                400, "apim-request-id: azure-7\r\n", error("x", "invalid_request_error", "weird_code", null)))) {
            ProviderException failure = failureOf(server.url());

            assertThat(failure.requestId()).isEqualTo("azure-7");
            assertThat(failure)
                    .hasMessage("openai answered 400 (code weird_code, type invalid_request_error): the service refuses"
                            + " what was sent");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "429 | Retry-After: 61 | {} | PT1M1S",
                "429 | retry-after: 0.25 | {} | PT0.25S",
                "429 | Retry-After: 7200 | {} | PT2H",
                "429 | Retry-After: Sat, 21 Nov 2026 05:00:07 GMT | {} | PT2H7S",
                "429 | Retry-After: Sat, 21 Nov 2026 02:00:00 GMT | {} | PT0S",
                "429 | retry-after-ms: 1200 | {} | PT1.2S",
                "429 | x-ratelimit-reset-requests: 8h37m | {} | PT8H37M",
                "429 | x-ratelimit-reset-tokens: 6m0s | {} | PT6M",
                "429 | X-Other: 1 | {\"error\":{\"message\":\"Limit 200. Please try again in 7m12s. See\"}} | PT7M12S",
                "429 | X-Other: 1 | {\"error\":{\"message\":\"Please retry after 26 seconds.\"}} | PT26S",
                "429 | X-Other: 1 | {\"error\":{\"message\":\"slow down\"}} |",
                "503 | Retry-After: 5 | {} | PT5S",
                "200 | Retry-After: 9 | {\"error\":{\"message\":\"slow down\",\"code\":429}} | PT9S"
            })
    void theWaitAskedForIsPassedOn(int status, String header, String body, @Nullable Duration asked) {
        try (RawServer server = new RawServer(request -> RawServer.Reply.answer(status, header + "\r\n", body))) {
            TransientProviderException failure = (TransientProviderException) failureOf(server.url());

            assertThat(failure.retryAfter()).isEqualTo(asked);
            assertThat(failure.owner()).isEqualTo(status == 503 ? PROVIDER : QUOTA);
        }
    }

    @Test
    void aQuotaOfADayIsToldAsSuch() {
        String body =
                error("Rate limit reached for x on requests per day (RPD)", "requests", "rate_limit_exceeded", null);
        try (RawServer server = new RawServer(request -> RawServer.Reply.answer(
                429, "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 7h5m\r\n", body))) {
            TransientProviderException failure = (TransientProviderException) failureOf(server.url());

            assertThat(failure).hasMessageContaining("the quota of a day is used up");
            assertThat(failure.retryAfter()).isEqualTo(Duration.ofMinutes(425));
        }
    }

    record Break(String name, byte[] bytes, RawServer.End end, Failure failure, String says) {
        Break(String name, String text, RawServer.End end, Failure failure, String says) {
            this(name, text.getBytes(StandardCharsets.UTF_8), end, failure, says);
        }

        boolean endsByTimeout() {
            return says.contains("timeout");
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Break> breaks() {
        String head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        String half = "{\"data\":[{\"index\":0,\"embedding\":[0.1,";
        return Stream.of(
                new Break("closed before the answer", "", RawServer.End.CLOSE, Failure.NO_ANSWER, "broke off"),
                new Break("reset before the answer", "", RawServer.End.RESET, Failure.NO_ANSWER, "broke off"),
                new Break(
                        "closed in the head",
                        "HTTP/1.1 200 OK\r\nContent-",
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER,
                        "broke off"),
                new Break("no http", "SSH-2.0-x\r\n", RawServer.End.CLOSE, Failure.NO_ANSWER, "broke off"),
                new Break(
                        "closed in the body",
                        head + "Content-Length: 9999\r\n\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER,
                        "while the answer was read"),
                new Break(
                        "reset in the body",
                        head + "Content-Length: 9999\r\n\r\n" + half,
                        RawServer.End.RESET,
                        Failure.NO_ANSWER,
                        "while the answer was read"),
                new Break(
                        "closed in a chunk",
                        head + "Transfer-Encoding: chunked\r\n\r\nFF\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER,
                        "while the answer was read"),
                new Break(
                        "closed between chunks",
                        head + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(half.length()) + "\r\n" + half
                                + "\r\n",
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER,
                        "while the answer was read"),
                new Break(
                        "complete chunks of half a document",
                        head + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(half.length()) + "\r\n" + half
                                + "\r\n0\r\n\r\n",
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER,
                        "no complete JSON"),
                new Break(
                        "half a document up to the close",
                        head + "Connection: close\r\n\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER,
                        "no complete JSON"),
                new Break(
                        "a length that is too long, then silence",
                        head + "Content-Length: 9999\r\n\r\n" + GOOD,
                        RawServer.End.HANG,
                        Failure.NO_ANSWER,
                        "no complete answer within the timeout of 0.6 s"),
                new Break(
                        "a length that is too short",
                        head + "Content-Length: " + (GOOD.length() - 9) + "\r\n\r\n" + GOOD,
                        RawServer.End.KEEP,
                        Failure.MALFORMED_ANSWER,
                        "no complete JSON"),
                new Break(
                        "silence after the head",
                        head + "Content-Length: 50\r\n\r\n",
                        RawServer.End.HANG,
                        Failure.NO_ANSWER,
                        "no complete answer within the timeout of 0.6 s"),
                new Break(
                        "silence in the head",
                        "HTTP/1.1 200 OK\r\nContent-",
                        RawServer.End.HANG,
                        Failure.NO_ANSWER,
                        "no answer within the timeout of 0.6 s"),
                new Break(
                        "silence in the body",
                        head + "Content-Length: 9999\r\n\r\n" + half,
                        RawServer.End.HANG,
                        Failure.NO_ANSWER,
                        "no complete answer within the timeout of 0.6 s"),
                new Break(
                        "a trickle",
                        head + "Content-Length: 9999\r\n\r\n" + half,
                        RawServer.End.TRICKLE,
                        Failure.NO_ANSWER,
                        "no complete answer within the timeout of 0.6 s"),
                new Break(
                        "a trickle of head",
                        "HTTP/1.1 200 OK\r\nX-Padding: ",
                        RawServer.End.TRICKLE,
                        Failure.NO_ANSWER,
                        "no answer within the timeout of 0.6 s"),
                new Break(
                        "an endless body",
                        head + "\r\n" + "{\"data\":[" + " ".repeat(2 << 20),
                        RawServer.End.HANG,
                        Failure.MALFORMED_ANSWER,
                        "longer than any answer"),
                new Break(
                        "gzip that is none",
                        concat(head + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n", new byte[20]),
                        RawServer.End.KEEP,
                        Failure.MALFORMED_ANSWER,
                        "compression"),
                new Break("damaged gzip", gzipped(200, 30), RawServer.End.KEEP, Failure.MALFORMED_ANSWER, ""),
                new Break(
                        "gzip with a wrong checksum",
                        gzipped(200, -8),
                        RawServer.End.KEEP,
                        Failure.MALFORMED_ANSWER,
                        ""),
                new Break(
                        "a small body that grows beyond all bounds",
                        gzipped(64 << 20, 0),
                        RawServer.End.KEEP,
                        Failure.MALFORMED_ANSWER,
                        "longer than any answer"),
                new Break(
                        "204 with a body",
                        "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER,
                        "broke off"),
                new Break(
                        "nested without end",
                        head + "Connection: close\r\n\r\n{\"data\":" + "[".repeat(500_000),
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER,
                        ""),
                new Break(
                        "an error nested without end",
                        "HTTP/1.1 500 X\r\nConnection: close\r\n\r\n" + "{\"error\":".repeat(100_000),
                        RawServer.End.CLOSE,
                        Failure.SERVER_ERROR,
                        "answered 500"),
                new Break(
                        "error answer cut off",
                        "HTTP/1.1 500 X\r\nContent-Length: 999\r\n\r\n{\"error\":",
                        RawServer.End.RESET,
                        Failure.SERVER_ERROR,
                        "answered 500"));
    }

    private static final String GOOD = Fixtures.answer(Fixtures.entry(1, "[4,5,6]"), Fixtures.entry(0, "[1,2,3]"));

    private static byte[] concat(String head, byte[] body) {
        return ByteBuffer.allocate(head.length() + body.length)
                .put(head.getBytes(StandardCharsets.UTF_8))
                .put(body)
                .array();
    }

    /** A good answer with so many blanks in front, compressed; one byte is damaged if a place is given, counted from the end if negative. */
    private static byte[] gzipped(int blanks, int damagedAt) {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
            gzip.write(new byte[0]);
            for (int left = blanks; left > 0; left -= 1 << 16) {
                gzip.write(" ".repeat(Math.min(left, 1 << 16)).getBytes(StandardCharsets.UTF_8));
            }
            gzip.write(GOOD.getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] body = compressed.toByteArray();
        if (damagedAt != 0) {
            body[damagedAt < 0 ? body.length + damagedAt : damagedAt] ^= 0x55;
        }
        return concat("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + body.length + "\r\n\r\n", body);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "text/html",
                "application/octet-stream",
                "application/json; charset=utf-16",
                "",
                "no/thing at all"
            })
    void whatTheHeadSaysAboutAGoodAnswerDoesNotMatter(String contentType) {
        try (RawServer server = new RawServer(
                        request -> RawServer.Reply.answer(200, "Content-Type: " + contentType + "\r\n", GOOD));
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            assertThat(provider.embedBatch(List.of("a", "b")))
                    .containsExactly(Embedding.of(1, 2, 3), Embedding.of(4, 5, 6));
        }
    }

    @Test
    void aCompressedAnswerIsUnderstood() {
        try (RawServer server = new RawServer(request -> new RawServer.Reply(gzipped(200, 0), RawServer.End.KEEP));
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            assertThat(provider.embedBatch(List.of("a", "b")))
                    .containsExactly(Embedding.of(1, 2, 3), Embedding.of(4, 5, 6));
        }
    }

    @Test
    void whatIsLeftOfAnAnswerIsNotTakenForTheNext() {
        try (RawServer server = new RawServer(request -> {
                    String body = Fixtures.answer(
                            Fixtures.entry(0, request.body().contains("first") ? "[1,1,1]" : "[2,2,2]"));
                    return request.body().contains("first")
                            ? new RawServer.Reply(
                                    "HTTP/1.1 200 X\r\nContent-Length: " + (body.length() - 5) + "\r\n\r\n" + body,
                                    RawServer.End.KEEP)
                            : RawServer.Reply.json(200, body);
                });
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            assertThatThrownBy(() -> provider.embed("first")).isInstanceOf(TransientProviderException.class);

            assertThat(provider.embed("second")).isEqualTo(Embedding.of(2, 2, 2));
        }
    }

    @ParameterizedTest
    @MethodSource("breaks")
    void aBrokenConnectionIsNoBrokenDocument(Break broken) {
        try (RawServer server = new RawServer(request -> new RawServer.Reply(broken.bytes(), broken.end()))) {
            TransientProviderException failure =
                    (TransientProviderException) failureOf(server.url(), broken.endsByTimeout() ? SHORT : LONG);

            assertThat(failure.failure()).isEqualTo(broken.failure());
            assertThat(failure.owner()).isEqualTo(PROVIDER);
            assertThat(failure).hasMessageContaining(broken.says());
            assertThat(failure.mayBeBilled()).isEqualTo(broken.failure() != Failure.SERVER_ERROR);
        }
    }

    @Test
    void aServerThatIsNotThereGivesNoAnswer() {
        RawServer server = RawServer.answering("{}");
        server.close();

        TransientProviderException failure = (TransientProviderException) failureOf(server.url());

        assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
        assertThat(failure).hasMessageContaining("refused").hasMessageContaining(server.url());
        assertThat(failure.mayBeBilled()).isFalse();
    }

    @Test
    void anUnknownHostGivesNoAnswer() {
        TransientProviderException failure = (TransientProviderException) failureOf("http://nowhere.invalid/v1");

        assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
        assertThat(failure.mayBeBilled()).isFalse();
    }

    /** Calls with two texts and checks on the way that nothing secret comes out, in the failure or in the log. */
    private static ProviderException failureOf(String baseUrl) {
        return failureOf(baseUrl, LONG);
    }

    private static ProviderException failureOf(String baseUrl, Duration timeout) {
        Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        Logger ours = (Logger) LoggerFactory.getLogger("dev.evervec");
        Level before = ours.getLevel();
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        ours.setLevel(Level.TRACE);
        root.addAppender(log);
        try (OpenAiProvider provider = OpenAiProvider.create(
                Fixtures.embedding(baseUrl)
                        .callPolicy(Fixtures.timeout(timeout))
                        .sendDimensions(SendDimensions.ALWAYS)
                        .build(),
                CLOCK,
                UnaryOperator.identity())) {
            ProviderException failure = catchThrowableOfType(
                    ProviderException.class,
                    () -> provider.embed(EmbedRequest.documents(List.of("harmless", TEXT)))
                            .requireAll());
            assertThat(failure).isNotNull();
            String all = stackTrace(failure) + log.list + provider + failure.requestId();
            assertThat(all.toLowerCase(Locale.ROOT))
                    .doesNotContain(TEXT.toLowerCase(Locale.ROOT))
                    .doesNotContain(Fixtures.KEY);
            return failure;
        } finally {
            root.detachAppender(log);
            ours.setLevel(before);
        }
    }

    private static String stackTrace(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        return trace.toString();
    }
}
