package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.it.LoopbackServer.Fault;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The whole way, from records to stored vectors, with the official SDKs and a real database. */
final class EndToEndTest {
    private static final int RECORDS = 2_000;
    private static final int DIMENSION = 128;
    private static final int BATCH_SIZE = 32;
    private static final String MARKER = "quokka";
    private static final RecordKey POISON = new RecordKey("news", "id-777");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> PHASES = List.of("scanning", "rewriting", "embedding", "completed", "failed");

    @TempDir
    Path folder;

    /** What is to become of a record: the text to be embedded, or null if it is skipped as empty. */
    private record Case(SourceRecord record, String prepared) {}

    private final List<Case> cases = cases();

    private static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        List<String> sources = List.of("news", "faq", "tickets");
        for (int i = 0; i < RECORDS; i++) {
            // The poisoned record is at home in the first source.
            String source = i == 777 ? "news" : sources.get(i % sources.size());
            String title = i % 4 == 0 ? null : "Title " + i;
            String text = "A " + MARKER + " was seen for the " + i % 1_900 + ". time";
            String content = text;
            if (i % 100 == 50) {
                content = "<p> &nbsp; </p><br/>";
                text = "";
            } else if (i % 10 == 3) {
                content = "<div><p>A <b>" + MARKER + "</b> was seen</p><p>for the " + i + ". &lt;time&gt;</p></div>";
                text = "A " + MARKER + " was seen\n\nfor the " + i + ". <time>";
            } else if (i % 10 == 7) {
                text = "短尾矮袋鼠 " + MARKER + " № " + i + " 🦘";
                content = text;
            }
            String prepared = text.isEmpty() || title == null ? text : title + "\n\n" + text;
            cases.add(new Case(SourceRecord.of(source, "id-" + i, title, content), prepared));
        }
        return cases;
    }

    private List<SourceRecord> records() {
        return cases.stream().map(Case::record).toList();
    }

    private Map<RecordKey, String> expectedTexts() {
        return cases.stream()
                .filter(at -> !at.prepared().isEmpty())
                .collect(Collectors.toMap(at -> at.record().key(), Case::prepared));
    }

    private BuildPipeline pipeline(LLMProvider embedder, EmbeddingStore store) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(records()))
                .embedder(embedder)
                .store(store)
                .logs(folder.resolve("logs"))
                .build();
    }

    @AfterEach
    void noThreadOfOursIsLeft() {
        await().atMost(Duration.ofSeconds(10))
                .untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet().stream()
                                .map(Thread::getName)
                                .filter(name -> name.startsWith("evervec-") || name.startsWith("embedding-")))
                        .isEmpty());
    }

    @ParameterizedTest
    @EnumSource
    void everyVectorIsRightAndASecondRunMakesNoCall(Vendor vendor) {
        try (LoopbackServer server = LoopbackServer.start();
                LLMProvider embedder = vendor.embedder(server.url(), DIMENSION, BATCH_SIZE, 3);
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = pipeline(embedder, store);

            BuildReport first = pipeline.run(BuildRequest.all());

            Map<RecordKey, String> expected = expectedTexts();
            assertThat(first.stoppedBy()).isNull();
            assertThat(first.state()).isEqualTo(BuildReport.State.COMPLETED);
            assertThat(first.totalPending()).isEqualTo(RECORDS);
            assertThat(first.succeeded()).isEqualTo(expected.size());
            assertThat(first.skipped())
                    .containsExactlyEntriesOf(Map.of(Reason.EMPTY_CONTENT, (long) (RECORDS - expected.size())));
            assertRight(vendor, pipeline, store, expected);
            assertThat(store.stats(pipeline.fingerprint()))
                    .extracting(SourceStats::embedded)
                    .hasSize(3);
            long calls = server.requests();
            assertThat(calls).isEqualTo(first.requests());
            assertThat(server.received())
                    .allSatisfy(request -> assertThat(request.texts()).hasSizeLessThanOrEqualTo(BATCH_SIZE));

            BuildReport second = pipeline.run(BuildRequest.all());

            assertThat(second.totalPending()).isZero();
            assertThat(second.requests()).isZero();
            assertThat(server.requests()).isEqualTo(calls);
            assertRight(vendor, pipeline, store, expected);
        }
    }

    private static void assertRight(
            Vendor vendor, BuildPipeline pipeline, EmbeddingStore store, Map<RecordKey, String> expected) {
        Map<RecordKey, StoredVector> stored = new HashMap<>();
        store.forEachVector(pipeline.fingerprint(), null, vector -> stored.put(vector.key(), vector));
        assertThat(stored.keySet()).isEqualTo(expected.keySet());
        expected.forEach((key, text) -> assertThat(stored.get(key))
                .isEqualTo(new StoredVector(key, Sha256.ofText(text), vendor.vector(text, DIMENSION))));
    }

    @ParameterizedTest
    @EnumSource
    void onlyTheBadTextFailsWhateverElseGoesWrongOnTheWay(Vendor vendor) throws IOException {
        Map<RecordKey, String> expected = expectedTexts();
        String poison = expected.remove(POISON);
        assertThat(poison).isNotNull();
        try (LogCapture logs = LogCapture.start();
                LoopbackServer server = LoopbackServer.start((number, texts) -> faultOf(number, texts, poison));
                LLMProvider embedder = vendor.embedder(server.url(), DIMENSION, BATCH_SIZE, 20);
                EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("vectors.db"))) {
            BuildPipeline pipeline = pipeline(embedder, store);

            BuildRun run = pipeline.start(BuildRequest.all().jobId("faults"));
            Progress progress = new Progress(folder.resolve("logs/faults.progress.json"));
            await().atMost(Duration.ofMinutes(2))
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> {
                        progress.read();
                        return run.isDone();
                    });
            BuildReport report = run.result();
            progress.read();

            assertThat(report.stoppedBy()).isNull();
            assertThat(report.state()).isEqualTo(BuildReport.State.FAILED);
            assertThat(report.failed()).containsExactlyEntriesOf(Map.of(Reason.EMBED_PERMANENT, 1L));
            assertThat(report.succeeded()).isEqualTo(expected.size());
            assertRight(vendor, pipeline, store, expected);
            assertThat(Stream.of(Fault.SERVER_ERROR, Fault.TOO_MANY_REQUESTS, Fault.RESET, Fault.BAD_REQUEST)
                            .filter(fault -> server.faults(fault) == 0))
                    .as("faults that never happened")
                    .isEmpty();
            assertThat(server.requests()).isEqualTo(report.requests());

            progress.assertEndedAs("failed", report);
            assertJobLog(report, folder.resolve("logs/faults.log"));
            assertQuiet(logs.lines());
            assertQuiet(List.of(
                    report.toString(),
                    report.toJson(),
                    embedder.toString(),
                    store.toString(),
                    pipeline.toString(),
                    Files.readString(folder.resolve("logs/faults.log")),
                    Files.readString(folder.resolve("logs/faults.progress.json"))));
        }
    }

    private static Fault faultOf(long number, List<String> texts, String poison) {
        if (texts.contains(poison)) {
            return Fault.BAD_REQUEST;
        }
        return switch ((int) (number % 11)) {
            case 3 -> Fault.SERVER_ERROR;
            case 5 -> Fault.TOO_MANY_REQUESTS;
            case 8 -> Fault.RESET;
            case 0, 2, 6, 10 -> Fault.SHUFFLED;
            default -> Fault.NONE;
        };
    }

    private static void assertQuiet(List<String> lines) {
        assertThat(lines)
                .isNotEmpty()
                .noneMatch(line -> line.contains(MARKER))
                .noneMatch(line -> line.contains("was seen"))
                .noneMatch(line -> line.contains(Vendor.KEY));
    }

    private void assertJobLog(BuildReport report, Path file) throws IOException {
        List<RecordOutcome> outcomes = new ArrayList<>();
        for (Reason reason : Reason.values()) {
            report.outcomes().forEach(reason, outcomes::add);
        }
        List<String> lines = Files.readAllLines(file).stream()
                .filter(line -> line.contains(" skipped ") || line.contains(" failed "))
                .toList();

        assertThat(outcomes).hasSize((int) (report.totalSkipped() + report.totalFailed()));
        assertThat(lines).hasSameSizeAs(outcomes);
        assertThat(outcomes)
                .allSatisfy(outcome -> assertThat(lines)
                        .filteredOn(line -> line.contains(" " + outcome.key() + " "))
                        .singleElement()
                        .asString()
                        .contains(outcome.reason().code(), outcome.detail()));
    }

    /** What a reader of the progress file sees who reads all the time. */
    private static final class Progress {
        private static final Set<String> KEYS =
                Set.of("job_id", "phase", "rewrite_progress", "embed_progress", "started_at", "updated_at", "eta_secs");

        private final Path file;
        private final AtomicInteger reads = new AtomicInteger();
        private JsonNode last;

        Progress(Path file) {
            this.file = file;
        }

        void read() throws IOException {
            if (!Files.exists(file)) {
                assertThat(last).as("a progress file that was there").isNull();
                return;
            }
            JsonNode now = JSON.readTree(Files.readString(file));
            reads.incrementAndGet();
            assertThat(now.properties()).extracting(Map.Entry::getKey).containsAll(KEYS);
            if (last != null) {
                assertThat(done(now)).isGreaterThanOrEqualTo(done(last));
                assertThat(PHASES.indexOf(phase(now))).isGreaterThanOrEqualTo(PHASES.indexOf(phase(last)));
            }
            last = now;
        }

        private static long done(JsonNode progress) {
            return progress.at("/embed_progress/done").asLong();
        }

        private static String phase(JsonNode progress) {
            return progress.path("phase").asText();
        }

        void assertEndedAs(String phase, BuildReport report) {
            assertThat(reads.get()).isGreaterThan(2);
            assertThat(phase(last)).isEqualTo(phase);
            assertThat(done(last)).isEqualTo(last.at("/embed_progress/total").asLong());
            assertThat(last.path("job_id").asText()).isEqualTo(report.jobId());
        }
    }
}
