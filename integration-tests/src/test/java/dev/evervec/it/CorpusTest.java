package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.JsonLinesSource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcRecordSource;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A corpus that nobody here wrote, whole and with little memory: any JSON Lines file, named by the system property
 * {@code corpus.jsonl}. Every record must be accounted for, every stored vector must equal the one that is computed anew
 * from the text that was sent, and that text must be the record's.
 */
@Tag("corpus")
final class CorpusTest {
    private static final int DIMENSION = 1_536;
    private static final int BATCH_SIZE = 256;
    private static final long MIB = 1 << 20;
    private static final List<String> TABLE = new ArrayList<>();

    @TempDir
    static Path shared;

    @TempDir
    Path folder;

    private static Path file;
    private static CorpusDatabase corpus;

    @BeforeAll
    static void readCorpus() throws IOException, SQLException {
        String name = System.getProperty("corpus.jsonl", "");
        assertThat(name)
                .as("system property corpus.jsonl: the JSON Lines file to embed")
                .isNotEmpty();
        file = Path.of(name).toAbsolutePath();
        assertThat(file).as("corpus.jsonl").isRegularFile();
        assertThat(Runtime.getRuntime().maxMemory())
                .as("the heap, which the corpus profile caps")
                .isLessThanOrEqualTo(256 * MIB);
        corpus = CorpusDatabase.of(file, shared.resolve("corpus.db"));
        assertThat(corpus.recordsWithContent()).as("records with content").isPositive();
        TABLE.add(row("run", "records", "vectors", "compared", "skipped", "failed", "requests", "seconds", "live MiB"));
    }

    @AfterAll
    static void printTable() throws SQLException {
        TABLE.forEach(System.out::println);
        if (corpus != null) {
            corpus.close();
        }
    }

    @Test
    void localFromJsonLines() throws Exception {
        buildLocally("local, JSON Lines", JsonLinesSource.of(file));
    }

    @Test
    void localFromAQuery() throws Exception {
        buildLocally(
                "local, SQL query", JdbcRecordSource.of(corpus.url(), "select id, source, title, content from record"));
    }

    @Test
    void openAiSdk() throws Exception {
        buildRemotely("OpenAI SDK, JSON Lines", Vendor.OPENAI);
    }

    @Test
    void geminiSdk() throws Exception {
        buildRemotely("Gemini SDK, JSON Lines", Vendor.GEMINI);
    }

    private void buildLocally(String name, RecordSource records) throws SQLException {
        LlmConfig config = LlmConfig.parse("""
                [llm]
                provider = "local"
                [llm.models.embedding]
                name = "hashing-v1"
                dim = %d
                batch_size = %d
                """.formatted(DIMENSION, BATCH_SIZE), "local.toml", folder);
        try (LLMProvider oracle = LLMProviders.create(config, Capability.EMBEDDING)) {
            build(name, records, LLMProviders.create(config, Capability.EMBEDDING), oracle::embed);
        }
    }

    private void buildRemotely(String name, Vendor vendor) throws IOException, SQLException {
        try (LoopbackProcess server = LoopbackProcess.start()) {
            int texts = vendor == Vendor.GEMINI ? 100 : BATCH_SIZE;
            BuildReport report = build(
                    name,
                    JsonLinesSource.of(file),
                    vendor.embedder(server.url(), DIMENSION, texts, 3),
                    text -> vendor.vector(text, DIMENSION));

            assertThat(server.stop()).as("requests that came").isEqualTo(report.requests());
        }
    }

    private BuildReport build(
            String name, RecordSource records, LLMProvider provider, Function<String, Embedding> oracle)
            throws SQLException {
        corpus.beginBuild();
        try (HeapWatch heap = new HeapWatch();
                LLMProvider embedder = new RecordingProvider(provider, corpus::sent);
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(records)
                    .embedder(embedder)
                    .store(store)
                    .listener(heap)
                    .logs(folder.resolve("logs"))
                    .build();
            BuildReport report = pipeline.run(BuildRequest.all());
            long alive = heap.mostAlive();

            Check check = new Check(oracle);
            corpus.inTransaction(() -> {
                store.forEachVector(pipeline.fingerprint(), null, check::vector);
                check.outcomes(report);
            });
            TABLE.add(row(
                    name,
                    corpus.recordsWithContent(),
                    check.vectors,
                    check.compared,
                    report.totalSkipped(),
                    report.totalFailed(),
                    report.requests(),
                    report.duration().toSeconds(),
                    alive / MIB));
            System.out.println(TABLE.get(0));
            System.out.println(TABLE.get(TABLE.size() - 1));

            assertThat(report.stoppedBy()).isNull();
            assertThat(check.problems).isEmpty();
            assertThat(check.vectors).isEqualTo(report.succeeded());
            assertThat(corpus.unaccounted())
                    .as("records without vector and without reason")
                    .isZero();
            assertThat(report.totalPending() - report.failed().getOrDefault(Reason.SOURCE_ERROR, 0L))
                    .isEqualTo(corpus.recordsWithContent());
            assertThat(check.compared).as("texts compared with their records").isPositive();
            assertThat(pipeline.run(BuildRequest.all()).requests())
                    .as("requests of a second run")
                    .isZero();
            return report;
        }
    }

    private static String row(Object... cells) {
        StringBuilder row = new StringBuilder(String.format(Locale.ROOT, "%-24s", cells[0]));
        for (int i = 1; i < cells.length; i++) {
            row.append(String.format(Locale.ROOT, "%10s", cells[i]));
        }
        return row.toString();
    }

    /** Looks at every vector that was stored, and at every record that has none. */
    private static final class Check {
        private static final int MAX_PROBLEMS = 20;

        private final Function<String, Embedding> oracle;
        private final List<String> problems = new ArrayList<>();
        private long vectors;
        private long compared;

        Check(Function<String, Embedding> oracle) {
            this.oracle = oracle;
        }

        void vector(StoredVector stored) {
            vectors++;
            try {
                corpus.account(stored.key(), "vector");
                String text = corpus.textOf(stored.textHash());
                CorpusDatabase.Text record = corpus.record(stored.key());
                if (text == null || record == null) {
                    problem(stored, text == null ? "its text was never sent" : "there is no such record");
                } else if (!oracle.apply(text).equals(stored.embedding())) {
                    problem(stored, "it is not the vector of its text");
                } else if (isPlain(record.content())) {
                    compared++;
                    String title = record.title() == null ? "" : record.title();
                    if (!letters(text).equals(letters(title + " " + record.content()))) {
                        problem(stored, "its text is not that of its record");
                    }
                }
            } catch (SQLException e) {
                problem(stored, e.getMessage());
            }
        }

        private void problem(StoredVector stored, String what) {
            if (problems.size() < MAX_PROBLEMS) {
                problems.add(stored.key() + ": " + what);
            }
        }

        /** Whether preparing it can change nothing but blanks and control characters. */
        private static boolean isPlain(String content) {
            return content.indexOf('<') < 0 && content.indexOf('&') < 0;
        }

        /** What is left of a text when everything is taken away that preparing it may change. */
        private static String letters(String text) {
            StringBuilder letters = new StringBuilder(text.length());
            Normalizer.normalize(text, Normalizer.Form.NFC)
                    .codePoints()
                    .filter(Character::isLetterOrDigit)
                    .forEach(letters::appendCodePoint);
            return letters.toString();
        }

        void outcomes(BuildReport report) {
            for (Reason reason : Reason.values()) {
                if (reason != Reason.SOURCE_ERROR) {
                    report.outcomes().forEach(reason, outcome -> {
                        try {
                            corpus.account(outcome.key(), reason.code());
                        } catch (SQLException e) {
                            problems.add(outcome.key() + ": " + e.getMessage());
                        }
                    });
                }
            }
        }
    }
}
