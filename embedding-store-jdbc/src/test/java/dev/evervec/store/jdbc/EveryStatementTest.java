package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A whole build in which the first statement fails, then one in which the second fails, and so on until a build no longer has
 * so many: it goes on or stops with balanced books, and a build without faults after it finishes what is left and pays for
 * nothing twice.
 */
final class EveryStatementTest {
    private static final int IN_PARALLEL = 16;
    private static final int BATCH = 16;
    private static final int IN_FLIGHT = 2;
    private static final String PROMPT = "say it better: ";

    @TempDir
    private Path folder;

    @ParameterizedTest(name = "{0}, rewriting {1}")
    @CsvSource({
        "BEFORE, false", "BEFORE, true",
        "AFTER, false", "AFTER, true",
        "STOPPING, false", "STOPPING, true",
        "LOST_BEFORE, false", "LOST_BEFORE, true",
        "LOST_AFTER, false", "LOST_AFTER, true",
        "DEAD_BEFORE, false", "DEAD_BEFORE, true",
        "DEAD_AFTER, false", "DEAD_AFTER, true"
    })
    void isSurvivedByABuild(FaultyDialect.Fault fault, boolean rewriting) throws Exception {
        Path before = folder.resolve("before.db");
        new Build(before, rewriting).prepare();
        Map<String, Integer> endings = new TreeMap<>();
        int statements = 0;
        ExecutorService executor = Executors.newFixedThreadPool(IN_PARALLEL);
        try {
            boolean reached = true;
            while (reached) {
                List<Callable<String>> round = new ArrayList<>();
                for (int i = 1; i <= IN_PARALLEL; i++) {
                    int statement = statements + i;
                    round.add(() -> survive(before, fault, statement, rewriting));
                }
                reached = false;
                for (Future<String> ending : executor.invokeAll(round)) {
                    reached |= !ending.get().equals("not reached");
                    endings.merge(ending.get(), 1, Integer::sum);
                }
                statements += IN_PARALLEL;
            }
        } finally {
            executor.shutdownNow();
        }
        System.out.println(fault + (rewriting ? ", rewriting: " : ": ") + endings);
        assertThat(statements).isGreaterThan(80);
        assertThat(endings)
                .containsKey(fault.isForGood() || fault == FaultyDialect.Fault.STOPPING ? "stopped" : "finished");
    }

    private String survive(Path before, FaultyDialect.Fault fault, int statement, boolean rewriting) throws Exception {
        Path file = folder.resolve(fault + "-" + statement + ".db");
        Files.copy(before, file);
        try (Build build = new Build(file, rewriting)) {
            return build.withFault(fault, statement);
        } catch (AssertionError e) {
            throw new AssertionError("statement " + statement + ", " + fault + ", rewriting " + rewriting, e);
        }
    }

    /** A build over one file, its faults and what must be true after it. */
    private static final class Build implements AutoCloseable {
        private final Path file;
        private final Tables tables;
        private final boolean rewriting;
        private final ScriptedProvider provider = ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(BATCH))
                .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), IN_FLIGHT))
                .capabilities(Capability.EMBEDDING, Capability.REWRITE)
                .build();
        private final ScriptedProvider rewriter = ScriptedProvider.builder()
                .capabilities(Capability.REWRITE)
                .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), 4))
                .build();

        Build(Path file, boolean rewriting) {
            this.file = file;
            this.tables = new Tables(file);
            this.rewriting = rewriting;
        }

        /** Of forty records, four will have another text and three will be gone. */
        void prepare() {
            List<SourceRecord> old = new ArrayList<>();
            IntStream.range(0, 37).forEach(i -> old.add(record(i, i < 4 ? "an older text " + i : text(i))));
            IntStream.range(100, 103).forEach(i -> old.add(record(i, "gone " + i)));
            try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
                assertThat(run(store, old, "prepared").succeeded()).isEqualTo(40);
            }
        }

        private static SourceRecord record(int i, String text) {
            return SourceRecord.of("id-" + i, text);
        }

        private static String text(int i) {
            return "the text of record " + i;
        }

        /** Sixty-two records: two blank ones, one of them a changed one, and one that was there with the same id before. */
        private static List<SourceRecord> records() {
            List<SourceRecord> records = new ArrayList<>();
            IntStream.range(0, 60).forEach(i -> records.add(record(i, i == 36 ? " " : text(i))));
            records.add(record(200, ""));
            records.add(record(5, "another record of the same id"));
            return records;
        }

        private BuildPipeline pipeline(EmbeddingStore store, List<SourceRecord> records) {
            RecordSource source = InMemorySource.of(records);
            BuildPipeline.Builder pipeline =
                    BuildPipeline.builder().records(source).embedder(provider).store(store);
            if (rewriting) {
                pipeline.rewriter(rewriter, PROMPT + "{text}");
            }
            return pipeline.build();
        }

        private BuildReport run(EmbeddingStore store, List<SourceRecord> records, String jobId) {
            return pipeline(store, records).run(BuildRequest.all().jobId(jobId));
        }

        String withFault(FaultyDialect.Fault fault, int statement) throws SQLException {
            FaultyDialect dialect = new FaultyDialect(SqliteDialect.in(file));
            dialect.failAt(statement, fault);
            String ending = runWithFault(dialect, fault);
            tables.requireSound();
            Set<String> stored = Set.copyOf(tables.rows("select id from evervec_vector where job = 2"));
            Set<String> kept = Set.copyOf(tables.rows("select lower(hex(text_hash)) from evervec_rewrite"));
            Map<String, Integer> sent = provider.timesSent();
            List<String> asked = rewriter.prompts();

            runWithoutFault();

            // Records that were as they are now when the first job ran are of no interest.
            for (int i : IntStream.concat(IntStream.range(0, 4), IntStream.range(37, 60))
                    .toArray()) {
                boolean isStored = stored.contains("id-" + i);
                int sentAgain = provider.timesSent().get(sent(i)) - sent.getOrDefault(sent(i), 0);
                assertThat(sentAgain).as("record " + i + " sent again").isEqualTo(isStored ? 0 : 1);
                if (rewriting) {
                    boolean isKept = kept.contains(Sha256.ofText(text(i)).hex());
                    int askedAgain = times(PROMPT + text(i), rewriter.prompts()) - times(PROMPT + text(i), asked);
                    assertThat(askedAgain)
                            .as("record " + i + " rewritten again")
                            .isEqualTo(isStored || isKept ? 0 : 1);
                }
            }
            int all = provider.timesSent().values().stream()
                    .mapToInt(Integer::intValue)
                    .sum();
            int twice = all - provider.timesSent().size();
            assertThat(twice).isLessThanOrEqualTo(ending.equals("finished") ? 0 : (IN_FLIGHT + 2) * BATCH);
            return ending;
        }

        private static int times(String prompt, List<String> prompts) {
            return Collections.frequency(prompts, prompt);
        }

        private String sent(int i) {
            return rewriting ? ScriptedProvider.rewriteOf(PROMPT + text(i)) : text(i);
        }

        private String runWithFault(FaultyDialect dialect, FaultyDialect.Fault fault) throws SQLException {
            try (EmbeddingStore store = JdbcStore.open(dialect, Clock.systemUTC())) {
                BuildReport report = run(store, records(), "faulty");
                dialect.failNone();
                check(report, fault, dialect.met());
                return dialect.met() == null ? "not reached" : report.totalFailed() == 0 ? "finished" : "stopped";
            } catch (StoreException e) {
                assertThat(e).hasMessageContaining(file.getFileName().toString());
                assertThat(e).hasStackTraceContaining("withheld");
                return "not begun";
            }
        }

        /** The report and the tables say the same. */
        private void check(BuildReport report, FaultyDialect.Fault fault, String met) throws SQLException {
            long stored = tables.number("select count(*) from evervec_vector where job = 2");
            String row = tables.rows("select embedded || ' ' || state from evervec_job where id = 'faulty'")
                    .get(0);
            assertThat(row).as(met).startsWith(stored + " ");
            if (fault == FaultyDialect.Fault.DEAD_AFTER) {
                assertThat(report.succeeded()).as(met).isLessThanOrEqualTo(stored);
            } else {
                assertThat(report.succeeded()).as(met).isEqualTo(stored);
            }
            assertThat(report.failed().keySet()).as(met).isSubsetOf(Reason.STORE_ERROR, Reason.ABORTED);
            boolean passing = fault == FaultyDialect.Fault.BEFORE || fault == FaultyDialect.Fault.AFTER;
            if (met == null || (passing && met.startsWith("writer"))) {
                assertThat(report.totalFailed()).as(met).isZero();
            }
            if (report.totalFailed() == 0) {
                assertThat(report.state()).as(met).isEqualTo(BuildReport.State.COMPLETED);
                if (report.notes().stream().noneMatch(note -> note.contains("end of the job could not"))) {
                    assertThat(row).as(met).endsWith("completed");
                } else {
                    assertThat(passing).as(met).isFalse();
                }
                assertThat(report.succeeded()).as(met).isEqualTo(27);
                assertThat(report.notes()).as(met).anyMatch(note -> note.contains("id-5"));
                assertThat(tables.rows("select requests || ' ' || input_tokens || ' ' || output_tokens from evervec_job"
                                + " where id = 'faulty'"))
                        .as(met)
                        .containsExactly(
                                report.requests() + " " + report.usage().inputTokens() + " "
                                        + report.usage().outputTokens());
            }
        }

        private void runWithoutFault() throws SQLException {
            try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
                BuildReport report = run(store, records(), "clean");
                assertThat(report.state()).isEqualTo(BuildReport.State.COMPLETED);
                Map<String, Embedding> vectors = new HashMap<>();
                store.forEachVector(
                        pipeline(store, records()).fingerprint(),
                        null,
                        vector -> vectors.put(vector.key().id(), vector.embedding()));
                assertThat(vectors).isEqualTo(oracle());
            }
            tables.requireSound();
            assertThat(tables.rows("select state, count(*) from evervec_ledger group by state"))
                    .containsExactly("embedded|59");
            assertThat(tables.number("select count(*) from evervec_job where state = 'running'"))
                    .isZero();
        }

        private Map<String, Embedding> oracle() {
            return IntStream.range(0, 60)
                    .filter(i -> i != 36)
                    .boxed()
                    .collect(Collectors.toMap(
                            i -> "id-" + i,
                            i -> provider.vectorOf(
                                    rewriting ? ScriptedProvider.rewriteOf(PROMPT + text(i)) : text(i))));
        }

        @Override
        public void close() throws IOException {
            for (String suffix : List.of("", "-wal", "-shm", ".evervec.lock")) {
                Files.deleteIfExists(file.resolveSibling(file.getFileName() + suffix));
            }
        }
    }
}
