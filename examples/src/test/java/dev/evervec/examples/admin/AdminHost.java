package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TokenPrice;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A host with an admin server: twelve records in two sources, one of them without text, a provider that answers when its gate
 * is open, and a store and a source that break when they are told to.
 */
final class AdminHost implements AutoCloseable {
    static final String SECRET = "correct-horse-battery";
    static final String API = "/admin/api/embeddings/";
    static final Duration LIMIT = Duration.ofSeconds(30);
    private static final ObjectMapper JSON = new ObjectMapper();

    final ManualClock clock = new ManualClock(Instant.parse("2026-11-21T12:00:00Z"));
    final Gate gate = new Gate();
    /** What the store and the source throw from now on; null for none. */
    volatile @Nullable RuntimeException storeTrouble;

    volatile @Nullable RuntimeException sourceTrouble;

    final BuildPipeline pipeline;
    final EmbeddingJobs jobs;
    private final EmbeddingStore store;
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private AdminServer server;

    AdminHost(Path folder) {
        this(folder, AdminSecret.of(Secret.of(SECRET)));
    }

    AdminHost(Path folder, AdminSecret secret) {
        store = JdbcStore.openSqlite(folder.resolve("embeddings.db"));
        ScriptedProvider provider = ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(4))
                .price(new TokenPrice(new BigDecimal("0.02"), BigDecimal.ZERO))
                .gate(gate)
                .build();
        pipeline = BuildPipeline.builder()
                .records(new Records())
                .embedder(provider)
                .store(breakable(store))
                .logs(folder.resolve("logs"))
                .build();
        jobs = EmbeddingJobs.builder(pipeline).build();
        server = start(secret);
    }

    private AdminServer start(AdminSecret secret) {
        return AdminServer.builder(jobs, pipeline, secret).clock(clock).start("127.0.0.1", 0);
    }

    /** The same store and jobs behind a new server, on another port. */
    void restart(AdminSecret secret) {
        server.close();
        server = start(secret);
    }

    AdminServer server() {
        return server;
    }

    private EmbeddingStore breakable(EmbeddingStore real) {
        return (EmbeddingStore) Proxy.newProxyInstance(
                AdminHost.class.getClassLoader(), new Class<?>[] {EmbeddingStore.class}, (proxy, method, arguments) -> {
                    RuntimeException trouble = storeTrouble;
                    if (trouble != null) {
                        throw trouble;
                    }
                    try {
                        return method.invoke(real, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private final class Records implements RecordSource {
        private final RecordSource real = InMemorySource.of(Stream.concat(
                        IntStream.range(0, 10)
                                .mapToObj(i -> SourceRecord.of("books", "b" + i, null, "text of book " + i)),
                        Stream.of(
                                SourceRecord.of("films", "f0", null, "text of a film"),
                                SourceRecord.of("films", "f1", null, "<br>")))
                .toList());

        @Override
        public RecordScan scan(@Nullable String source) {
            RuntimeException trouble = sourceTrouble;
            if (trouble != null) {
                throw trouble;
            }
            return real.scan(source);
        }

        @Override
        public FetchedRecords fetch(List<RecordRef> refs) {
            return real.fetch(refs);
        }

        @Override
        public Set<String> sources() {
            return real.sources();
        }
    }

    // ---- HTTP ----

    /** An answer. */
    record Answer(int status, java.net.http.HttpHeaders headers, String body) {
        JsonNode json() {
            try {
                return JSON.readTree(body);
            } catch (JsonProcessingException e) {
                throw new AssertionError("no JSON: " + body, e);
            }
        }

        String header(String name) {
            return headers.firstValue(name).orElse("");
        }

        /** A problem of this status and code. */
        JsonNode problem(int expectedStatus, String code) {
            assertThat(status).as(body).isEqualTo(expectedStatus);
            assertThat(header("content-type")).isEqualTo("application/problem+json");
            JsonNode problem = json();
            assertThat(problem.get("status").asInt()).isEqualTo(expectedStatus);
            assertThat(problem.get("code").asText()).isEqualTo(code);
            assertThat(problem.get("type").asText()).isEqualTo("about:blank");
            assertThat(problem.get("title").asText()).isNotBlank();
            assertThat(problem.get("detail").asText()).isNotBlank();
            return problem;
        }
    }

    /** A request without any permission. Headers are names and values in turn. */
    Answer send(String method, String path, @Nullable String body, String... headers) {
        try {
            HttpResponse<String> response = client.send(request(method, path, body, headers), BodyHandlers.ofString());
            return new Answer(response.statusCode(), response.headers(), response.body());
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    HttpRequest request(String method, String path, @Nullable String body, String... headers) {
        BodyPublisher publisher = body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body);
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(server.url() + path))
                .method(method, publisher)
                .timeout(LIMIT);
        return (headers.length == 0 ? request : request.headers(headers)).build();
    }

    HttpClient client() {
        return client;
    }

    /** A request to the API with the secret in its header. */
    Answer get(String path) {
        return send("GET", API + path, null, "x-admin-secret", SECRET);
    }

    Answer post(String path, @Nullable String json) {
        return json == null
                ? send("POST", API + path, null, "x-admin-secret", SECRET)
                : send("POST", API + path, json, "x-admin-secret", SECRET, "content-type", "application/json");
    }

    Answer form(String path, String form, String... headers) {
        String[] all = Stream.concat(Stream.of("content-type", "application/x-www-form-urlencoded"), Stream.of(headers))
                .toArray(String[]::new);
        return send("POST", path, form, all);
    }

    /** Logs in; returns the cookie as a browser would send it. */
    String logIn() {
        Answer answer = form("/admin/login", "secret=" + SECRET);
        assertThat(answer.status()).as(answer.body()).isEqualTo(303);
        String cookie = answer.header("set-cookie");
        return cookie.substring(0, cookie.indexOf(';'));
    }

    /** The token that the page of this session holds. */
    String csrfToken(String cookie) {
        Answer page = send("GET", "/admin/embeddings", null, "cookie", cookie);
        assertThat(page.status()).isEqualTo(200);
        String before = "<meta name=\"csrf-token\" content=\"";
        int from = page.body().indexOf(before) + before.length();
        return page.body().substring(from, page.body().indexOf('"', from));
    }

    // ---- jobs ----

    /** Begins a job over everything; returns its id. */
    String begin(String json) {
        Answer answer = post("trigger", json);
        assertThat(answer.status()).as(answer.body()).isEqualTo(202);
        assertThat(answer.json().size()).isEqualTo(1);
        return answer.json().get("job_id").asText();
    }

    /** Waits until no job is running, as the events tell; returns the last job. */
    JsonNode awaitEnd() {
        try (EventReader events = EventReader.open(this, "x-admin-secret", SECRET)) {
            return events.await(
                            "status", data -> !data.at("/job/state").asText().equals("running"))
                    .get("job");
        }
    }

    JsonNode build() {
        gate.open();
        begin("{}");
        return awaitEnd();
    }

    @Override
    public void close() {
        storeTrouble = null;
        gate.open();
        server.close();
        jobs.close();
        store.close();
    }
}
