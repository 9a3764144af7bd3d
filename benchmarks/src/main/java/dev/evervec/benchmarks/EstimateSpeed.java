package dev.evervec.benchmarks;

import dev.evervec.LLMProviders;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.source.JsonLinesSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;

/** How long it takes to tell what a build of a large file would cost: real files, store and tokenizer, no service. */
public final class EstimateSpeed {
    private static final String[] WORDS =
            ("the a of problem given array sum return find shortest path between nodes in graph"
                            + " with weight that maximize number integer string sequence modulo prime 42 1000 however we can solve this"
                            + " by dynamic programming; note: complexity O(n log n). Question, answer")
                    .split(" ");

    private EstimateSpeed() {}

    /** Arguments: records (1,000,000 if left out) and characters of each (500). */
    public static void main(String[] args) throws IOException {
        int records = args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000;
        int chars = args.length > 1 ? Integer.parseInt(args[1]) : 500;
        Path folder = Files.createTempDirectory("evervec-estimate");
        Path file = folder.resolve("records.jsonl");
        try {
            write(file, records, chars);
            System.out.println(measured(file, folder.resolve("embeddings.db"), records, chars));
        } finally {
            delete(folder);
        }
    }

    static String measured(Path file, Path store, int records, int chars) {
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "openai", "text-embedding-3-small")
                .dimension(1536)
                .baseUrl("http://127.0.0.1:9/v1") // never called
                .build();
        try (LLMProvider provider = LLMProviders.create(settings);
                EmbeddingStore empty = JdbcStore.openSqlite(store)) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(JsonLinesSource.of(file))
                    .embedder(provider)
                    .store(empty)
                    .build();
            long began = System.nanoTime();
            BuildEstimate.Calls calls =
                    pipeline.estimate(BuildRequest.all()).total().embedding();
            return String.format(
                    Locale.ROOT,
                    "%,d records of %,d characters: %.1f s on %d processors; %,d tokens, standard error %,d",
                    records,
                    chars,
                    (System.nanoTime() - began) / 1e9,
                    Runtime.getRuntime().availableProcessors(),
                    calls.inputTokens(),
                    calls.standardError());
        }
    }

    static void write(Path file, int records, int chars) throws IOException {
        Random random = new Random(1);
        try (BufferedWriter lines = Files.newBufferedWriter(file)) {
            for (int i = 0; i < records; i++) {
                lines.write("{\"id\":\"id-" + i + "\",\"source\":\"source-" + i % 3 + "\",\"content\":\""
                        + text(chars, random) + "\"}\n");
            }
        }
    }

    private static String text(int chars, Random random) {
        StringBuilder text = new StringBuilder();
        while (text.length() < chars) {
            text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
            if (random.nextInt(20) == 0) {
                text.append(random.nextInt(100_000)).append(' ');
            }
        }
        return text.substring(0, chars);
    }

    private static void delete(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
