package dev.evervec.provider.gemini;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static dev.evervec.provider.gemini.Loopback.provider;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whom each failure is charged to; and that no failure shows a text or the key. */
class GeminiFaultsTest {
    private static final String TEXT = "TEXT-OF-A-RECORD";
    private static final List<String> TEXTS = List.of(TEXT + "-0", TEXT + "-1", TEXT + "-2");
    private static final String RETRY_INFO =
            "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34.074824224s\"}";

    private final Loopback service = new Loopback();

    @AfterEach
    void stop() {
        service.close();
    }

    private record Refused(String name, int status, String body, FaultOwner owner, String shown) {
        @Override
        public String toString() {
            return status + " " + name;
        }
    }

    static Stream<Refused> permanentRefusals() {
        String badKey = error(
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"API_KEY_INVALID\",\"domain\":\"googleapis.com\"}");
        return Stream.of(
                new Refused("bad key", 400, badKey, FaultOwner.CONFIGURATION, "check api_key"),
                new Refused(
                        "bad key without details",
                        400,
                        error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
                        FaultOwner.CONFIGURATION,
                        "check api_key"),
                new Refused("in an array", 400, "[" + badKey + "]", FaultOwner.CONFIGURATION, "API_KEY_INVALID"),
                new Refused(
                        "region",
                        400,
                        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
                        FaultOwner.CONFIGURATION,
                        "supported regions"),
                new Refused(
                        "no key", 401, error(401, "UNAUTHENTICATED", TEXT), FaultOwner.CONFIGURATION, "check api_key"),
                new Refused(
                        "forbidden",
                        403,
                        error(403, "PERMISSION_DENIED", TEXT),
                        FaultOwner.CONFIGURATION,
                        "restrictions"),
                new Refused("payment", 402, "", FaultOwner.CONFIGURATION, "billing"),
                new Refused(
                        "unknown model",
                        404,
                        error(404, "NOT_FOUND", "models/gemini-embedding-001 is not found"),
                        FaultOwner.CONFIGURATION,
                        "no model gemini-embedding-001"),
                new Refused(
                        "unknown path, HTML", 404, "<html>" + TEXT + "</html>", FaultOwner.CONFIGURATION, "base_url"),
                new Refused(
                        "a bad text", 400, error(400, "INVALID_ARGUMENT", TEXT), FaultOwner.ITEM, "INVALID_ARGUMENT"),
                new Refused("no body", 400, "", FaultOwner.ITEM, "HTTP 400"),
                new Refused("not JSON", 400, "<html>" + TEXT, FaultOwner.ITEM, "HTTP 400"),
                new Refused("flat error", 400, "{\"error\":\"" + TEXT + "\"}", FaultOwner.ITEM, "HTTP 400"),
                new Refused("unknown 4xx", 451, error(451, "ODD", TEXT), FaultOwner.ITEM, "HTTP 451"),
                new Refused(
                        "an echo of a key error",
                        400,
                        error(
                                400,
                                "INVALID_ARGUMENT",
                                "Bad: " + TEXT
                                        + "\\nDetails: {\\\"reason\\\":\\\"API_KEY_INVALID\\\"} API key not valid"),
                        FaultOwner.ITEM,
                        "INVALID_ARGUMENT"),
                new Refused(
                        "used up for today",
                        429,
                        error(
                                429,
                                "RESOURCE_EXHAUSTED",
                                TEXT,
                                quota("EmbedContentRequestsPerDayPerUserPerProjectPerModel-FreeTier"),
                                RETRY_INFO),
                        FaultOwner.CONFIGURATION,
                        "daily quota"),
                new Refused(
                        "status with text in it",
                        403,
                        error(403, TEXT + " " + TEXT, ""),
                        FaultOwner.CONFIGURATION,
                        "(HTTP 403)"));
    }

    @ParameterizedTest
    @MethodSource("permanentRefusals")
    void aRefusalThatWouldRepeatItselfIsPermanent(Refused refused) {
        service.answers(aResponse().withStatus(refused.status()).withBody(refused.body()));

        ProviderException failure = failure();

        assertThat(failure).isInstanceOf(PermanentProviderException.class).hasMessageContaining(refused.shown());
        assertThat(failure.owner()).isEqualTo(refused.owner());
        assertThat(failure.httpStatus()).isEqualTo(refused.status());
        assertShowsNothing(failure);
        assertThat(service.requests()).hasSize(1);
    }

    private record Oversized(int status, String message, RequestLimit limit) {}

    static Stream<Oversized> oversizedRequests() {
        return Stream.of(
                new Oversized(
                        400,
                        "* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch",
                        RequestLimit.TEXTS),
                new Oversized(400, "Request payload size exceeds the limit: 4194304 bytes.", RequestLimit.BYTES),
                new Oversized(413, TEXT, RequestLimit.BYTES),
                new Oversized(422, TEXT, null),
                new Oversized(
                        400,
                        "The input token count (2500) exceeds the maximum number of tokens allowed (2048).",
                        RequestLimit.TEXT_LENGTH),
                new Oversized(
                        400,
                        "Input text exceeds the maximum number of tokens: 2048. Text: " + TEXT,
                        RequestLimit.TEXT_LENGTH));
    }

    @ParameterizedTest
    @MethodSource("oversizedRequests")
    void aRequestThatIsTooLargeNamesItsLimit(Oversized oversized) {
        service.answers(aResponse()
                .withStatus(oversized.status())
                .withBody(error(oversized.status(), "INVALID_ARGUMENT", oversized.message())));

        ProviderException failure = failure();

        assertThat(failure.owner()).isEqualTo(FaultOwner.REQUEST_SHAPE);
        assertThat(((PermanentProviderException) failure).limit()).isEqualTo(oversized.limit());
        assertShowsNothing(failure);
    }

    @Test
    void aNamedTextIsNamed() {
        service.answers(aResponse()
                .withStatus(400)
                .withBody(error(
                        400, "INVALID_ARGUMENT", "* BatchEmbedContentsRequest.requests[2].content: bad " + TEXT)));

        ProviderException failure = failure();

        assertThat(failure.owner()).isEqualTo(FaultOwner.ITEM);
        assertThat(((PermanentProviderException) failure).textIndex()).isEqualTo(2);
        assertShowsNothing(failure);
    }

    @ParameterizedTest
    @ValueSource(strings = {"requests[3].content", "requests[9999].content", "requests[99999999999]"})
    void aNamedTextThatWasNotSentIsNotBelieved(String named) {
        service.answers(aResponse().withStatus(400).withBody(error(400, "INVALID_ARGUMENT", named)));

        assertThat(((PermanentProviderException) failure()).textIndex()).isEqualTo(-1);
    }

    @Test
    void aQuotaPerMinuteWaitsAsTheBodySays() {
        service.answers(aResponse()
                .withStatus(429)
                .withBody(error(
                        429,
                        "RESOURCE_EXHAUSTED",
                        TEXT,
                        quota("EmbedContentRequestsPerMinutePerUserPerProjectPerModel-FreeTier"),
                        RETRY_INFO)));

        TransientProviderException failure = (TransientProviderException) failure();

        assertThat(failure.owner()).isEqualTo(FaultOwner.QUOTA);
        assertThat(failure.failure()).isEqualTo(Failure.RATE_LIMITED);
        assertThat(failure.retryAfter()).isEqualTo(Duration.ofMillis(34_075));
        assertShowsNothing(failure);
        assertThat(service.requests()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "Retry-After     | 90                 | PT1M30S",
                "Retry-After     | 0.5                | PT0.5S",
                "Retry-After     | 7200               | PT2H",
                "retry-after-ms  | 1500               | PT1.5S",
                "x-ratelimit-reset-requests | 1h0m5s  | PT1H5S"
            })
    void aQuotaWaitsAsTheHeaderSays(String header, String value, Duration asked) {
        service.answers(aResponse().withStatus(429).withHeader(header, value));

        assertThat(((TransientProviderException) failure()).retryAfter()).isEqualTo(asked);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "Quota exceeded for metric: m, limit: 20\\nPlease retry in 26.316480201s. | PT26.316480201S",
                "429\\nDetails: {\\\"@type\\\":\\\"google.rpc.RetryInfo\\\",\\\"retryDelay\\\":\\\"7200s\\\"} | PT2H"
            })
    void aQuotaWaitsAsTheMessageSays(String message, Duration asked) {
        service.answers(aResponse().withStatus(429).withBody(error(429, "RESOURCE_EXHAUSTED", message)));

        assertThat(((TransientProviderException) failure()).retryAfter()).isEqualTo(asked);
    }

    @Test
    void aQuotaOfADayIsRecognisedWhereTheMessageQuotesTheDetails() {
        String quoted =
                "429: {\\\"quotaId\\\": \\\"EmbedContentRequestsPerDayPerProjectPerModel\\\", \\\"retryDelay\\\": \\\"3s\\\"}";
        service.answers(aResponse().withStatus(429).withBody(error(429, "RESOURCE_EXHAUSTED", quoted)));

        ProviderException failure = failure();

        assertThat(failure.owner()).isEqualTo(FaultOwner.CONFIGURATION);
        assertThat(failure).hasMessageContaining("daily quota").hasMessageContaining("run again tomorrow");
    }

    @Test
    void theLongerWaitWins() {
        service.answers(aResponse()
                .withStatus(429)
                .withHeader("Retry-After", "3")
                .withBody(error(429, "RESOURCE_EXHAUSTED", "", RETRY_INFO)));

        assertThat(((TransientProviderException) failure()).retryAfter()).isEqualTo(Duration.ofMillis(34_075));
    }

    @Test
    void aDateToWaitForBecomesTheTimeLeft() {
        String inTenMinutes = DateTimeFormatter.RFC_1123_DATE_TIME.format(
                ZonedDateTime.now(ZoneOffset.UTC).plusMinutes(10));
        service.answers(aResponse().withStatus(503).withHeader("Retry-After", inTenMinutes));

        assertThat(((TransientProviderException) failure()).retryAfter())
                .isBetween(Duration.ofMinutes(9), Duration.ofMinutes(10));
    }

    @ParameterizedTest
    @ValueSource(strings = {"soon", "-5", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT"})
    void aWaitThatCannotBeReadOrIsOverAsksForNone(String header) {
        service.answers(aResponse().withStatus(429).withHeader("Retry-After", header));

        assertThat(((TransientProviderException) failure()).retryAfter()).isIn(null, Duration.ZERO);
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 409, 424, 425, 500, 502, 503, 504, 529, 599})
    void aServerThatFailsMayBeAskedAgain(int status) {
        service.answers(aResponse()
                .withStatus(status)
                .withHeader("Retry-After", "7")
                .withBody(error(status, "UNAVAILABLE", TEXT)));

        TransientProviderException failure = (TransientProviderException) failure();

        assertThat(failure.owner()).isEqualTo(FaultOwner.PROVIDER);
        assertThat(failure.failure()).isEqualTo(Failure.SERVER_ERROR);
        assertThat(failure.retryAfter()).isEqualTo(Duration.ofSeconds(7));
        assertThat(failure.httpStatus()).isEqualTo(status);
        assertShowsNothing(failure);
        assertThat(service.requests()).hasSize(1);
    }

    @Test
    void aDeadlineDoesNotBringTheRetriesOfTheSdkBack() {
        service.answers(aResponse().withStatus(503));
        CallContext soon = CallContext.live().withDeadline(Instant.now().plusSeconds(15));
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-001", 3))) {
            assertThat(catchThrowable(() -> provider.embed(new EmbedRequest(TEXTS, InputKind.DOCUMENT, soon))))
                    .isInstanceOf(TransientProviderException.class)
                    .hasMessageContaining("503");
        }
        assertThat(service.requests()).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void aRedirectIsNotFollowedWithTheKey(int status) {
        try (Loopback elsewhere = new Loopback()) {
            service.answers(aResponse().withStatus(status).withHeader("Location", elsewhere.url() + "/"));

            ProviderException failure = failure();

            assertThat(failure.owner()).isEqualTo(FaultOwner.CONFIGURATION);
            assertThat(failure).hasMessageContaining("redirects");
            assertThat(elsewhere.requests()).isEmpty();
        }
    }

    private record Broken(String name, byte[] answer, RawServer.End end, Failure expected) {
        Broken(String name, String answer, RawServer.End end, Failure expected) {
            this(name, answer.getBytes(StandardCharsets.UTF_8), end, expected);
        }

        Duration timeout() {
            boolean endsByTimeout = end == RawServer.End.HANG || end == RawServer.End.TRICKLE;
            return endsByTimeout ? Duration.ofMillis(600) : Duration.ofMinutes(2);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Broken> brokenAnswers() {
        String head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        String half = "{\"embeddings\":[{\"values\":[0.1,";
        return Stream.of(
                new Broken("closed before an answer", "", RawServer.End.CLOSE, Failure.NO_ANSWER),
                new Broken("reset before an answer", "", RawServer.End.RESET, Failure.NO_ANSWER),
                new Broken("no HTTP", "SSH-2.0-OpenSSH\r\n", RawServer.End.CLOSE, Failure.NO_ANSWER),
                new Broken(
                        "closed in the body",
                        head + "Content-Length: 500\r\n\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER),
                new Broken(
                        "reset in the body",
                        head + "Content-Length: 500\r\n\r\n" + half,
                        RawServer.End.RESET,
                        Failure.NO_ANSWER),
                new Broken(
                        "closed in a chunk",
                        head + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER),
                new Broken("silent", "", RawServer.End.HANG, Failure.NO_ANSWER),
                new Broken(
                        "silent in the body",
                        head + "Content-Length: 500\r\n\r\n" + half,
                        RawServer.End.HANG,
                        Failure.NO_ANSWER),
                new Broken(
                        "JSON cut off",
                        head + "Connection: close\r\n\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER),
                new Broken(
                        "HTML",
                        head + "Connection: close\r\n\r\n<html>" + TEXT,
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER),
                new Broken(
                        "nothing", head + "Content-Length: 0\r\n\r\n", RawServer.End.CLOSE, Failure.MALFORMED_ANSWER),
                new Broken(
                        "no content", "HTTP/1.1 204 No Content\r\n\r\n", RawServer.End.CLOSE, Failure.MALFORMED_ANSWER),
                new Broken("silent in the head", "HTTP/1.1 200 OK\r\nContent-", RawServer.End.HANG, Failure.NO_ANSWER),
                new Broken(
                        "silent after the head",
                        head + "Content-Length: 500\r\n\r\n",
                        RawServer.End.HANG,
                        Failure.NO_ANSWER),
                new Broken(
                        "a length that is too long",
                        head + "Content-Length: 500\r\n\r\n{}",
                        RawServer.End.HANG,
                        Failure.NO_ANSWER),
                new Broken(
                        "a length that is too short",
                        head + "Content-Length: 30\r\n\r\n" + half + "1,1]}]}",
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER),
                new Broken(
                        "a trickle",
                        head + "Content-Length: 500\r\n\r\n" + half,
                        RawServer.End.TRICKLE,
                        Failure.NO_ANSWER),
                new Broken(
                        "a trickle of head",
                        "HTTP/1.1 200 OK\r\nX-Padding: ",
                        RawServer.End.TRICKLE,
                        Failure.NO_ANSWER),
                new Broken(
                        "closed between chunks",
                        head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"emb\r\n",
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER),
                new Broken(
                        "gzip that is none",
                        head + "Content-Encoding: gzip\r\nContent-Length: 30\r\n\r\n" + half,
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER),
                new Broken("damaged gzip", gzipped(200, 30), RawServer.End.CLOSE, Failure.MALFORMED_ANSWER),
                new Broken(
                        "gzip with a wrong checksum", gzipped(200, -8), RawServer.End.CLOSE, Failure.MALFORMED_ANSWER),
                new Broken(
                        "a small body that grows beyond all bounds",
                        gzipped(64 << 20, 0),
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER),
                new Broken(
                        "204 with a body",
                        "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}",
                        RawServer.End.CLOSE,
                        Failure.NO_ANSWER),
                new Broken(
                        "nested without end",
                        head + "Connection: close\r\n\r\n{\"embeddings\":" + "[".repeat(500_000),
                        RawServer.End.CLOSE,
                        Failure.MALFORMED_ANSWER),
                new Broken(
                        "an error nested without end",
                        "HTTP/1.1 500 X\r\nConnection: close\r\n\r\n" + "{\"error\":".repeat(100_000),
                        RawServer.End.CLOSE,
                        Failure.SERVER_ERROR),
                new Broken(
                        "a 503 whose body is cut off",
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 500\r\n\r\n{\"error\":{",
                        RawServer.End.RESET,
                        Failure.SERVER_ERROR));
    }

    /** An answer with so many blanks in front, compressed; one byte is damaged if a place is given, counted from the end if negative. */
    private static byte[] gzipped(int blanks, int damagedAt) {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(compressed)) {
            for (int left = blanks; left > 0; left -= 1 << 16) {
                gzip.write(" ".repeat(Math.min(left, 1 << 16)).getBytes(StandardCharsets.UTF_8));
            }
            gzip.write(Loopback.vectors("1,2,3", "4,5,6", "7,8,9").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        byte[] body = compressed.toByteArray();
        if (damagedAt != 0) {
            body[damagedAt < 0 ? body.length + damagedAt : damagedAt] ^= 0x55;
        }
        byte[] head = ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(head.length + body.length)
                .put(head)
                .put(body)
                .array();
    }

    @Test
    void aCompressedAnswerIsUnderstood() throws IOException {
        try (RawServer server = new RawServer(gzipped(200, 0), RawServer.End.CLOSE);
                LLMProvider provider = provider(settings(Capability.EMBEDDING, server.url(), Duration.ofSeconds(20)))) {
            assertThat(provider.embedBatch(TEXTS)).hasSize(3);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"text/html", "application/json; charset=utf-16", "", "no/thing at all"})
    void whatTheHeadSaysAboutAGoodAnswerDoesNotMatter(String contentType) {
        service.answers(aResponse()
                .withHeader("Content-Type", contentType)
                .withBody(Loopback.vectors("1,2,3", "4,5,6", "7,8,9")));
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-001", 3))) {
            assertThat(provider.embedBatch(TEXTS)).hasSize(3);
        }
    }

    @ParameterizedTest
    @MethodSource("brokenAnswers")
    void aBrokenAnswerIsTransient(Broken broken) throws IOException {
        for (Capability capability : Capability.values()) {
            try (RawServer server = new RawServer(broken.answer(), broken.end());
                    LLMProvider provider = provider(settings(capability, server.url(), broken.timeout()))) {
                TransientProviderException failure = (TransientProviderException) failure(provider, capability);

                assertThat(failure.failure()).isEqualTo(broken.expected());
                assertThat(failure.mayBeBilled()).isEqualTo(broken.expected() != Failure.SERVER_ERROR);
                assertThat(failure.owner()).isEqualTo(FaultOwner.PROVIDER);
                assertShowsNothing(failure);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Fault.class)
    void everyFaultOfTheConnectionIsTransient(Fault fault) {
        service.answers(aResponse().withFault(fault));

        ProviderException failure = failure();

        assertThat(failure).isInstanceOf(TransientProviderException.class);
        assertThat(failure.owner()).isEqualTo(FaultOwner.PROVIDER);
        assertShowsNothing(failure);
    }

    @Test
    void nobodyListeningIsNoAnswer() throws IOException {
        String url;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            url = "http://127.0.0.1:" + free.getLocalPort();
        }
        try (LLMProvider provider = provider(settings(Capability.EMBEDDING, url, Duration.ofSeconds(5)))) {
            TransientProviderException failure = (TransientProviderException) failure(provider, Capability.EMBEDDING);

            assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
            assertThat(failure).hasMessageContaining(url).hasMessageContaining("ConnectException");
            assertThat(failure.mayBeBilled()).isFalse();
        }
    }

    @Test
    void anUnknownHostIsNoAnswer() {
        // .invalid never resolves (RFC 2606); no name server is needed to say so, and its silence is a failure too.
        try (LLMProvider provider =
                provider(settings(Capability.EMBEDDING, "http://no-such-host.invalid", Duration.ofSeconds(15)))) {
            TransientProviderException failure = (TransientProviderException) failure(provider, Capability.EMBEDDING);

            assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
            assertThat(failure.mayBeBilled()).isFalse();
        }
    }

    @Test
    void anEndlessAnswerIsCutAtTheLongestPossibleOne() throws IOException {
        String endless = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"embeddings\":[" + " ".repeat(2 << 20);
        try (RawServer server = new RawServer(endless, RawServer.End.HANG);
                LLMProvider provider = provider(settings(Capability.EMBEDDING, server.url(), Duration.ofSeconds(20)))) {
            TransientProviderException failure = (TransientProviderException) failure(provider, Capability.EMBEDDING);

            assertThat(failure.failure()).isEqualTo(Failure.MALFORMED_ANSWER);
            assertThat(failure).hasMessageContaining("longer than any answer");
            server.awaitConnectionsClosed();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404, 413, 429, 500, 503, 529})
    void rewritesFailAlike(int status) {
        service.answers(aResponse().withStatus(status).withBody(error(status, "ODD", TEXT)));

        ProviderException embedding = failure();
        ProviderException rewriting;
        try (LLMProvider provider = provider(service.rewriting("gemini-embedding-001"))) {
            rewriting = failure(provider, Capability.REWRITE);
        }

        assertThat(rewriting.owner()).isEqualTo(embedding.owner());
        assertThat(rewriting).hasSameClassAs(embedding);
        assertShowsNothing(rewriting);
    }

    @Test
    void theServicesRequestIdIsKept() {
        ResponseDefinitionBuilder failing = aResponse().withStatus(500);
        service.answers(failing.withHeader("x-request-id", "req-17"));

        assertThat(failure().requestId()).isEqualTo("req-17");
    }

    private ProviderException failure() {
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-001", 3))) {
            return failure(provider, Capability.EMBEDDING);
        }
    }

    private static ProviderException failure(LLMProvider provider, Capability capability) {
        return catchThrowableOfType(ProviderException.class, () -> {
            if (capability == Capability.EMBEDDING) {
                provider.embed(EmbedRequest.documents(TEXTS));
            } else {
                provider.rewrite(TEXT);
            }
        });
    }

    private static ProviderSettings.Builder settings(Capability capability, String url, Duration timeout) {
        return ProviderSettings.builder(capability, "gemini", "gemini-embedding-001")
                .apiKey(Secret.of(Loopback.KEY))
                .baseUrl(url)
                .dimension(3)
                .callPolicy(new CallPolicy(0, timeout, 2));
    }

    private static void assertShowsNothing(ProviderException failure) {
        StringWriter everything = new StringWriter();
        failure.printStackTrace(new PrintWriter(everything));
        assertThat(everything.toString()).doesNotContain(TEXT).doesNotContain(Loopback.KEY);
    }

    private static String error(int code, String status, String message, String... details) {
        return "{\"error\":{\"code\":" + code + ",\"message\":\"" + message + "\",\"status\":\"" + status
                + "\",\"details\":[" + String.join(",", details) + "]}}";
    }

    private static String quota(String id) {
        return "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"quotaMetric\":\"m\",\"quotaId\":\""
                + id + "\",\"quotaValue\":\"1000\"}]}";
    }
}
