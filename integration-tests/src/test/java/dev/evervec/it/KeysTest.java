package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.config.RewriteSettings;
import dev.evervec.it.LoopbackServer.Received;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.ScriptedProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One file, two vendors, two keys: Gemini rewrites and OpenAI embeds, and neither ever sees the other's key. */
final class KeysTest {
    private static final String OPENAI_KEY = "sk-own-openai-4711";
    private static final String GEMINI_KEY = "AIza-own-gemini-0815";
    private static final int DIMENSION = 256;
    private static final int RECORDS = 40;

    @TempDir
    Path folder;

    private final LoopbackServer openAi = LoopbackServer.start();
    private final LoopbackServer gemini = LoopbackServer.start();
    private final LoopbackServer elsewhere = LoopbackServer.start();

    @AfterEach
    void stop() {
        openAi.close();
        gemini.close();
        elsewhere.close();
    }

    @Test
    void eachServerSeesItsOwnKeyOfTheFileAlone() throws IOException {
        Path file = config("api_key = \"" + GEMINI_KEY + "\"", "api_key = \"" + OPENAI_KEY + "\"");

        assertThat(build(file, folder.resolve("vectors.db"))).isEqualTo(RECORDS);

        assertKeysStayAtHome();
    }

    @Test
    void eachServerSeesItsOwnKeyOfTheEnvironmentAlone() throws Exception {
        Path file = config("", "");
        ProcessBuilder builder = Java.of(KeysTest.class, List.of("-Xmx128m"), file.toString(), folder.toString())
                .redirectErrorStream(true);
        Map<String, String> environment = builder.environment();
        environment.putAll(Map.of("OPENAI_API_KEY", OPENAI_KEY, "GOOGLE_API_KEY", GEMINI_KEY));
        // What the SDKs read when nobody stops them.
        environment.putAll(Map.of(
                "GEMINI_API_KEY", "AIza-second-choice",
                "OPENAI_BASE_URL", elsewhere.openAiUrl(),
                "OPENAI_ORG_ID", "org-of-the-environment",
                "OPENAI_PROJECT_ID", "project-of-the-environment",
                "OPENAI_ADMIN_KEY", "sk-admin",
                "GOOGLE_GEMINI_BASE_URL", elsewhere.url(),
                "GOOGLE_VERTEX_BASE_URL", elsewhere.url(),
                "GOOGLE_GENAI_USE_VERTEXAI", "true",
                "GOOGLE_CLOUD_PROJECT", "project-of-the-environment"));

        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
        assertThat(output).contains("succeeded=" + RECORDS).doesNotContain(OPENAI_KEY, GEMINI_KEY);
        assertKeysStayAtHome();
        assertThat(openAi.received())
                .allSatisfy(request ->
                        assertThat(request.toString()).doesNotContain("of-the-environment", "sk-admin", "AIza"));
        assertThat(gemini.received())
                .allSatisfy(request -> assertThat(request.toString())
                        .doesNotContain("of-the-environment", "AIza-second-choice", "sk-"));
    }

    private void assertKeysStayAtHome() {
        assertThat(openAi.received()).isNotEmpty().allSatisfy(request -> {
            assertThat(request.headers()).containsEntry("authorization", "Bearer " + OPENAI_KEY);
            assertThat(request.headers()).doesNotContainKey("x-goog-api-key");
            assertThat(request.toString()).doesNotContain(GEMINI_KEY);
            assertThat(request.target()).isEqualTo("/v1/embeddings");
        });
        assertThat(gemini.received()).hasSize(RECORDS).allSatisfy(request -> {
            assertThat(request.headers()).containsEntry("x-goog-api-key", GEMINI_KEY);
            assertThat(request.headers()).doesNotContainKey("authorization");
            assertThat(request.toString()).doesNotContain(OPENAI_KEY);
            assertThat(request.target()).isEqualTo("/v1beta/models/gemini-2.0-flash:generateContent");
        });
        assertThat(elsewhere.received()).extracting(Received::target).isEmpty();
        List<String> embedded = new ArrayList<>();
        openAi.received().forEach(request -> embedded.addAll(request.texts()));
        List<String> rewritten = gemini.received().stream()
                .map(request -> ScriptedProvider.rewriteOf(request.texts().get(0)))
                .toList();
        assertThat(embedded).containsExactlyInAnyOrderElementsOf(rewritten);
    }

    private Path config(String sectionKey, String embeddingKey) throws IOException {
        Files.writeString(folder.resolve("prompt.txt"), "Say {\"it\"} plainly: {text}");
        String toml = """
                [llm]
                provider = "gemini"
                base_url = "%s"
                %s
                [llm.models.rewrite]
                name = "gemini-2.0-flash"
                prompt_file = "prompt.txt"
                [llm.models.embedding]
                provider = "openai"
                base_url = "%s"
                %s
                name = "text-embedding-3-small"
                dim = %d
                send_dimensions = "always"
                """.formatted(gemini.url(), sectionKey, openAi.openAiUrl(), embeddingKey, DIMENSION);
        return Files.writeString(folder.resolve("config.toml"), toml);
    }

    /** A host in a process of its own, with an environment of its own. */
    public static void main(String[] args) {
        System.out.println("succeeded=" + build(Path.of(args[0]), Path.of(args[1], "vectors.db")));
    }

    /** Builds, checks every stored vector, and says how many records succeeded. */
    private static long build(Path configFile, Path database) {
        LlmConfig config = LlmConfig.load(configFile);
        RewriteSettings rewrite = config.rewrite().orElseThrow();
        List<SourceRecord> records = IntStream.range(0, RECORDS)
                .mapToObj(i -> SourceRecord.of("id-" + i, "Question number " + i))
                .toList();
        try (LLMProvider embedder = LLMProviders.create(config, Capability.EMBEDDING);
                LLMProvider rewriter = LLMProviders.create(config, Capability.REWRITE);
                EmbeddingStore store = JdbcStore.openSqlite(database)) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(InMemorySource.of(records))
                    .embedder(embedder)
                    .rewriter(rewriter, rewrite.promptTemplate())
                    .store(store)
                    .build();
            BuildReport report = pipeline.run(BuildRequest.all());
            List<StoredVector> wrong = new ArrayList<>();
            store.forEachVector(pipeline.fingerprint(), null, vector -> {
                String number = vector.key().id().substring("id-".length());
                String text = ScriptedProvider.rewriteOf("Say {\"it\"} plainly: Question number " + number);
                StoredVector right = new StoredVector(
                        vector.key(),
                        Sha256.ofText(text),
                        LoopbackServer.openAiVector("text-embedding-3-small", text, DIMENSION));
                if (!right.equals(vector)) {
                    wrong.add(vector);
                }
            });
            if (!wrong.isEmpty()) {
                throw new IllegalStateException("wrong vectors: " + wrong);
            }
            return report.succeeded();
        }
    }
}
