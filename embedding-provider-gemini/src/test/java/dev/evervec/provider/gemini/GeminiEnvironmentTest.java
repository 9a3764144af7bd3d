package dev.evervec.provider.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The SDK reads a dozen environment variables; none of them may change where a request goes or what key it carries. */
class GeminiEnvironmentTest {
    private final Loopback service = new Loopback();
    private final Loopback elsewhere = new Loopback();
    private final Map<String, String> environment = new HashMap<>();

    @TempDir
    private Path directory;

    @BeforeEach
    void setEverything() {
        service.answersJson("{\"embeddings\":[{\"values\":[3,4]}]}");
        elsewhere.answersJson("{\"embeddings\":[{\"values\":[3,4]}]}");
        environment.put("GOOGLE_API_KEY", "environment-google-key");
        environment.put("GEMINI_API_KEY", "environment-gemini-key");
        environment.put("GOOGLE_GENAI_USE_VERTEXAI", "true");
        environment.put("GOOGLE_GENAI_USE_ENTERPRISE", "true");
        environment.put("GOOGLE_CLOUD_PROJECT", "project");
        environment.put("GOOGLE_CLOUD_LOCATION", "us-central1");
        environment.put("GOOGLE_GEMINI_BASE_URL", elsewhere.url());
        environment.put("GOOGLE_VERTEX_BASE_URL", elsewhere.url());
    }

    @AfterEach
    void stop() {
        service.close();
        elsewhere.close();
    }

    @Test
    void theConfiguredKeyGoesToTheConfiguredServer() throws Exception {
        assertThat(probe(service.url(), "configured-key")).isEqualTo("dimension 2");

        LoggedRequest request = service.request();
        assertThat(request.getUrl()).isEqualTo("/v1beta/models/gemini-embedding-001:batchEmbedContents");
        assertThat(request.getHeader("x-goog-api-key")).isEqualTo("configured-key");
        assertThat(request.toString()).doesNotContain("environment-");
        assertThat(elsewhere.requests()).isEmpty();
    }

    @Test
    void noKeyOfTheEnvironmentGoesToAConfiguredServer() throws Exception {
        assertThat(probe(service.url())).isEqualTo("dimension 2");

        assertThat(service.request().containsHeader("x-goog-api-key")).isFalse();
        assertThat(service.request().containsHeader("Authorization")).isFalse();
        assertThat(service.request().toString()).doesNotContain("environment-");
        assertThat(elsewhere.requests()).isEmpty();
    }

    @Test
    void theReplayModeOfTheSdkIsToldApartFromAnAnswer() throws Exception {
        environment.put("GOOGLE_GENAI_CLIENT_MODE", "replay");
        environment.put("GOOGLE_GENAI_REPLAYS_DIRECTORY", directory.toString());
        environment.put("GOOGLE_GENAI_REPLAY_ID", "none");

        assertThat(probe(service.url(), "configured-key"))
                .startsWith("CONFIGURATION the SDK sent no request")
                .contains("GOOGLE_GENAI_CLIENT_MODE");
        assertThat(service.requests()).isEmpty();
    }

    // That the JVM ends by itself, though nobody closed the provider, is part of each test.
    private String probe(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                EnvironmentProbe.class.getName()));
        command.addAll(List.of(arguments));
        Path out = directory.resolve("out");
        Path err = directory.resolve("err");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(50, TimeUnit.SECONDS))
                    .as("the JVM ends though the provider is open")
                    .isTrue();
        } finally {
            process.destroyForcibly();
        }
        String errors = Files.readString(err, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as(errors).isZero();
        assertThat(errors).doesNotContain("-key");
        return Files.readString(out, StandardCharsets.UTF_8).strip();
    }
}
