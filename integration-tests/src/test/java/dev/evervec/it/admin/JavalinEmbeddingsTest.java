package dev.evervec.it.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import io.javalin.Javalin;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The Javalin program of {@code docs/admin-page.md}, over HTTP. */
@Timeout(120)
final class JavalinEmbeddingsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Gate gate = new Gate();
    private final HttpClient client = HttpClient.newHttpClient();

    private EmbeddingStore store;
    private EmbeddingJobs jobs;
    private JavalinEmbeddings embeddings;
    private Javalin server;

    @BeforeEach
    void start(@TempDir Path folder) {
        store = JdbcStore.openSqlite(folder.resolve("vectors.db"));
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(IntStream.range(0, 60)
                        .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                        .toList()))
                .embedder(ScriptedProvider.builder()
                        .limits(ProviderLimits.ofTexts(8))
                        .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), 2))
                        .gate(gate)
                        .build())
                .store(store)
                .logs(folder.resolve("logs"))
                .build();
        jobs = EmbeddingJobs.builder(pipeline).build();
        embeddings = new JavalinEmbeddings(jobs);
        server = Javalin.create(config -> {
                    config.startup.showJavalinBanner = false;
                    config.startup.showOldJavalinVersionWarning = false;
                    embeddings.addTo(config.routes);
                })
                .start("127.0.0.1", 0);
    }

    @AfterEach
    void stop() {
        gate.open();
        jobs.close();
        server.stop();
        store.close();
    }

    private HttpRequest.Builder request(String path, String accepted) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + "/embeddings/" + path))
                .header("accept", accepted);
    }

    private JsonNode answer(int status, HttpRequest request) throws Exception {
        HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        return JSON.readTree(response.body());
    }

    private JsonNode get(int status, String path) throws Exception {
        return answer(status, request(path, "application/json").build());
    }

    private JsonNode post(int status, String path, String body) throws Exception {
        return answer(
                status,
                request(path, "application/json")
                        .POST(BodyPublishers.ofString(body))
                        .build());
    }

    private String awaitEnd() {
        return await().atMost(Duration.ofSeconds(60))
                .until(() -> get(200, "status").at("/job/state").asText(), state -> !state.equals("running"));
    }

    @Test
    void aJobIsTriggeredWatchedAndLookedUp() throws Exception {
        assertThat(get(200, "status").get("job").isNull()).isTrue();
        assertThat(get(200, "history").get("jobs")).isEmpty();

        String id = post(202, "trigger", "{\"batch_size\":4}").get("job_id").asText();
        gate.awaitWaiting(2, Duration.ofSeconds(30));
        assertThat(get(200, "status").at("/job/job_id").asText()).isEqualTo(id);
        JsonNode refused = post(409, "trigger", "{\"dry_run\":true}");
        assertThat(refused.get("title").asText()).isEqualTo("ALREADY_RUNNING");
        assertThat(refused.get("detail").asText()).contains(id);
        gate.open();

        assertThat(awaitEnd()).isEqualTo("completed");
        assertThat(get(200, "status").at("/job/summary/succeeded").asInt()).isEqualTo(60);
        assertThat(get(200, id + "/output").get("log").asText()).contains("begin build of all sources", "end {");
        assertThat(get(200, "history").at("/jobs/0/job_id").asText()).isEqualTo(id);
        post(409, id + "/cancel", "");
        post(409, id + "/resume", "");
        post(202, "retry-failed", "");
    }

    @Test
    void aRunningJobIsCancelled() throws Exception {
        String id = post(202, "trigger", "{}").get("job_id").asText();
        gate.awaitWaiting(2, Duration.ofSeconds(30));

        assertThat(post(202, id + "/cancel", "").get("job_id").asText()).isEqualTo(id);
        gate.open();

        assertThat(awaitEnd()).isEqualTo("cancelled");
    }

    @Test
    void whatIsWrongOrUnknownIsRefused() throws Exception {
        assertThat(post(400, "trigger", "{\"batch_size\":0}").get("detail").asText())
                .isEqualTo("batch_size must be from 1 to 256, not 0");
        assertThat(post(400, "trigger", "[]").get("title").asText()).isEqualTo("INVALID");
        post(404, "never-was/resume", "");
        for (String id : new String[] {"never-was", "..%2Fvectors.db", "%2e%2e"}) {
            HttpResponse<String> response =
                    client.send(request(id + "/output", "*/*").build(), BodyHandlers.ofString());
            assertThat(response.statusCode()).as(id).isBetween(400, 404);
        }
    }

    @Test
    void watchersAreToldOfTheJob() throws Exception {
        HttpResponse<InputStream> events =
                client.send(request("events", "text/event-stream").build(), BodyHandlers.ofInputStream());
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(events.body(), StandardCharsets.UTF_8))) {
            assertThat(nextData(lines)).isEqualTo("{\"job\":null}");
            String id = post(202, "trigger", "{}").get("job_id").asText();

            embeddings.tellWatchers();

            assertThat(JSON.readTree(nextData(lines)).at("/job/job_id").asText())
                    .isEqualTo(id);
        }
    }

    private static String nextData(BufferedReader lines) throws Exception {
        String line = lines.readLine();
        while (!line.startsWith("data: ")) {
            line = lines.readLine();
        }
        return line.substring("data: ".length());
    }
}
