package dev.evervec.it.thirdparty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.LLMProviders;
import dev.evervec.config.ConfigException;
import dev.evervec.config.LlmConfig;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole way with a provider of somebody else. */
final class AcmeBuildTest {
    private static final int RECORDS = 100;

    @TempDir
    Path folder;

    @Test
    void aProviderOfSomebodyElseIsConfiguredByItsNameAndBuilds() {
        LlmConfig config = LlmConfig.parse(AcmeProviderContractTest.CONFIG, "acme.toml", folder);
        List<SourceRecord> records = IntStream.range(0, RECORDS)
                .mapToObj(i -> SourceRecord.of("id-" + i, "Letter number " + i))
                .toList();

        try (LLMProvider embedder = LLMProviders.create(config, Capability.EMBEDDING);
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(InMemorySource.of(records))
                    .embedder(embedder)
                    .store(store)
                    .build();

            BuildReport report = pipeline.run(BuildRequest.all());

            assertThat(report.succeeded()).isEqualTo(RECORDS);
            Map<String, Embedding> stored = new HashMap<>();
            store.forEachVector(
                    pipeline.fingerprint(),
                    null,
                    vector -> stored.put(vector.key().id(), vector.embedding()));
            Map<String, Embedding> expected = new HashMap<>();
            records.forEach(record ->
                    expected.put(record.key().id(), Embedding.of(AcmeProvider.components(record.content(), 128))));
            assertThat(stored).isEqualTo(expected);
        }
    }

    @Test
    void theConfigurationAsksForItsKeyAndListsItBesideTheOthers() {
        String withoutKey = """
                [llm]
                provider = "acme-letters"
                [llm.models.embedding]
                name = "letters-1"
                """;
        String misspelt = withoutKey.replace("acme-letters", "acme-leters");

        assertThatThrownBy(() -> LlmConfig.parse(withoutKey, "acme.toml", folder))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("ACME_LETTERS_KEY");
        assertThatThrownBy(() -> LlmConfig.parse(misspelt, "acme.toml", folder))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("acme-letters")
                .hasMessageContaining("gemini")
                .hasMessageContaining("local")
                .hasMessageContaining("openai");
    }
}
