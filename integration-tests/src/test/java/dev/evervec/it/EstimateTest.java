package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.it.Scripts.Script;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an estimate tells of texts in many scripts, and what the service then bills, which counts by a tokenizer of its own. */
final class EstimateTest {
    private static final int RECORDS = 1_000;

    @TempDir
    Path folder;

    @Test
    void theServiceBillsWhatTheEstimateTold() throws Exception {
        try (LoopbackServer server = LoopbackServer.start();
                LLMProvider embedder = LLMProviders.create(config(server), Capability.EMBEDDING);
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(InMemorySource.of(records()))
                    .embedder(embedder)
                    .store(store)
                    .build();

            BuildEstimate estimate = pipeline.estimate(BuildRequest.all());
            assertThat(server.received()).isEmpty();
            BuildReport report = pipeline.run(BuildRequest.all());

            BuildEstimate.Calls told = estimate.total().embedding();
            List<String> sent = server.received().stream()
                    .flatMap(request -> request.texts().stream())
                    .toList();
            long billed =
                    sent.stream().mapToLong(ReferenceTokenizer.CL100K::count).sum();
            assertThat(estimate.total().toEmbed()).isEqualTo(report.succeeded()).isEqualTo(RECORDS);
            assertThat(told.texts()).isLessThan(RECORDS).isEqualTo(sent.size());
            assertThat(told.estimated()).isFalse();
            assertThat(told.inputTokens()).isCloseTo(billed, Percentage.withPercentage(5));
            assertThat(estimate.total().costUsd())
                    .isCloseTo(report.costUsd(), Percentage.withPercentage(5))
                    .isPositive();
            assertThat(pipeline.estimate(BuildRequest.all()).total().costUsd()).isEqualByComparingTo(BigDecimal.ZERO);
        }
    }

    private static LlmConfig config(LoopbackServer server) {
        String toml = """
                [llm]
                provider = "openai"
                base_url = "%s"
                [llm.models.embedding]
                name = "text-embedding-3-small"
                dim = 16
                send_dimensions = "always"
                batch_size = 32
                usd_per_million_tokens = 0.02
                """.formatted(server.openAiUrl());
        return LlmConfig.parse(toml, "estimate.toml", Path.of("."));
    }

    /** In every script as many; one in five has the text of another. */
    private static List<SourceRecord> records() {
        long seed = Long.getLong("evervec.seed", new Random().nextLong());
        System.out.println("EstimateTest seed " + seed);
        Random random = new Random(seed);
        Scripts scripts = new Scripts(random);
        Script[] of = Script.values();
        List<SourceRecord> records = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            String text = i % 5 == 4
                    ? records.get(random.nextInt(i)).content()
                    : i + " " + scripts.text(of[i % of.length], 30);
            records.add(SourceRecord.of("texts", "id-" + i, null, text));
        }
        return records;
    }
}
