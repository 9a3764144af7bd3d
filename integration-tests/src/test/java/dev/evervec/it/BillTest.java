package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.it.LoopbackServer.Received;
import dev.evervec.it.Scripts.Script;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.TokenUsage;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.assertj.core.data.Percentage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole builds with the official OpenAI SDK: what they say they cost is what the service has billed. */
final class BillTest {
    private static final int RECORDS = 400;
    private static final Percentage FIVE_PERCENT = Percentage.withPercentage(5);

    @TempDir
    Path folder;

    private final List<String> texts = texts();

    @Test
    void aBuildCostsWhatTheServiceBillsAndWhatWasToBeExpected() throws Exception {
        try (LoopbackServer server = LoopbackServer.start();
                LLMProvider embedder = LLMProviders.create(config(server, ""), Capability.EMBEDDING);
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = pipeline(store, embedder, null);
            BuildEstimate estimate = pipeline.estimate(BuildRequest.all());
            assertThat(server.requests()).isZero();

            BuildReport report = pipeline.run(BuildRequest.all());

            assertThat(report.succeeded()).isEqualTo(RECORDS);
            long billed = server.received().stream()
                    .flatMap(request -> request.texts().stream())
                    .mapToLong(ReferenceTokenizer.CL100K::count)
                    .sum();
            assertThat(report.usage()).isEqualTo(TokenUsage.reported(billed, 0));
            assertThat(report.costUsd()).isEqualByComparingTo(usd("0.02", billed));
            assertThat(estimate.total().embedding().inputTokens()).isCloseTo(billed, FIVE_PERCENT);
            assertThat(estimate.total().costUsd()).isCloseTo(report.costUsd(), FIVE_PERCENT);
        }
    }

    @Test
    void rewritesAreBilledToTheLastOneThatWasCutOff() throws Exception {
        // The longest rewrites are the last ones: a limit that cuts the first answers off is taken for a mistake.
        texts.sort(Comparator.comparingInt(BillTest::tokensOfRewrite));
        int most = tokensOfRewrite(texts.get(RECORDS * 3 / 4));
        try (LoopbackServer server = LoopbackServer.start()) {
            LlmConfig config = config(server, "max_output_tokens = " + most);
            try (LLMProvider embedder = LLMProviders.create(config, Capability.EMBEDDING);
                    LLMProvider rewriter = LLMProviders.create(config, Capability.REWRITE);
                    EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
                assertThat(rewriter.maxOutputTokens()).isEqualTo(most);

                BuildPipeline pipeline = pipeline(store, embedder, rewriter);
                BuildEstimate estimate = pipeline.estimate(BuildRequest.all());

                BuildReport report = pipeline.run(BuildRequest.all());

                long cut = server.received().stream()
                        .filter(request -> request.target().endsWith("/chat/completions"))
                        .filter(request -> writtenFor(request) > most)
                        .count();
                assertThat(cut).isPositive();
                assertThat(report.skipped()).isEqualTo(Map.of(Reason.REWRITE_ERROR, cut));
                assertThat(report.succeeded()).isEqualTo(RECORDS - cut);
                assertThat(estimate.total().rewriting().inputTokens())
                        .isCloseTo(assertBilled(report, server.received(), most), FIVE_PERCENT);
            }
        }
    }

    /** Returns the tokens of the prompts. */
    private static long assertBilled(BuildReport report, List<Received> received, int most) {
        long embedded = 0;
        long prompted = 0;
        long written = 0;
        for (Received request : received) {
            if (request.target().endsWith("/chat/completions")) {
                String prompt = request.texts().get(0);
                prompted += ReferenceTokenizer.ofPrompt(prompt);
                written += Math.min(most, writtenFor(request));
            } else {
                embedded += request.texts().stream()
                        .mapToLong(ReferenceTokenizer.CL100K::count)
                        .sum();
            }
        }
        assertThat(report.usage()).isEqualTo(TokenUsage.reported(embedded + prompted, written));
        assertThat(report.costUsd())
                .isEqualByComparingTo(
                        usd("0.02", embedded).add(usd("0.15", prompted)).add(usd("0.6", written)));
        return prompted;
    }

    private BuildPipeline pipeline(EmbeddingStore store, LLMProvider embedder, @Nullable LLMProvider rewriter) {
        BuildPipeline.Builder pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(records()))
                .embedder(embedder)
                .store(store);
        if (rewriter != null) {
            pipeline.rewriter(rewriter, "Rewrite: {text}");
        }
        return pipeline.build();
    }

    /** Prices are configured, because a server at a configured address has no list price. */
    private static LlmConfig config(LoopbackServer server, String rewriting) {
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
                [llm.models.rewrite]
                name = "gpt-4o-mini"
                usd_per_million_tokens = 0.15
                usd_per_million_output_tokens = 0.6
                %s
                """.formatted(server.openAiUrl(), rewriting);
        return LlmConfig.parse(toml, "bill.toml", Path.of("."));
    }

    private List<SourceRecord> records() {
        List<SourceRecord> records = new ArrayList<>();
        for (String text : texts) {
            records.add(SourceRecord.of("texts", String.format(Locale.ROOT, "id-%03d", records.size()), null, text));
        }
        return records;
    }

    private static List<String> texts() {
        long seed = Long.getLong("evervec.seed", new Random().nextLong());
        System.out.println("BillTest seed " + seed);
        Scripts scripts = new Scripts(new Random(seed));
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < RECORDS; i++) {
            Script script = Script.values()[i % Script.values().length];
            texts.add(i + " " + scripts.text(script, 30));
        }
        return texts;
    }

    private static int writtenFor(Received request) {
        return ReferenceTokenizer.O200K.count(
                ScriptedProvider.rewriteOf(request.texts().get(0)));
    }

    private static int tokensOfRewrite(String text) {
        return ReferenceTokenizer.O200K.count(ScriptedProvider.rewriteOf("Rewrite: " + text));
    }

    private static BigDecimal usd(String perMillion, long tokens) {
        return new BigDecimal(perMillion).multiply(BigDecimal.valueOf(tokens)).movePointLeft(6);
    }
}
