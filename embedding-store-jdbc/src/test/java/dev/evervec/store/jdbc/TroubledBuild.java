package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.Impatient;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A build whose store gets into trouble, on a file where some records are new, some have another text than before and some
 * are gone; what must be true after it; and the build without trouble that finishes what is left.
 */
final class TroubledBuild implements AutoCloseable {
    /** Records that have no vector of their text before the build. */
    static final int TO_DO = 4 + 13;

    private static final int BATCH = 8;
    private static final int IN_FLIGHT = 2;
    private static final int BLANK = 36;
    private static final String PROMPT = "say it better: ";
    /** Keeps a second copy of every vector. */
    private static final HostColumn COPY =
            HostColumn.update("insert into host_copy (id, embedding) values (:id, :embedding)"
                    + " on conflict (id) do update set embedding = excluded.embedding");

    private final Place place;
    private final Tables tables;
    private final boolean rewriting;
    private final Gate gate = new Gate();
    private final ScriptedProvider embedder;
    private final ScriptedProvider rewriter = ScriptedProvider.builder()
            .capabilities(Capability.REWRITE)
            .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), 4))
            .build();

    TroubledBuild(Path file, boolean rewriting) {
        this(Place.in(file), rewriting);
    }

    TroubledBuild(Place place, boolean rewriting) {
        this(place, rewriting, 8);
        gate.open();
    }

    /** With a provider that answers only when its gate is opened. */
    TroubledBuild(Path file, boolean rewriting, int dimension) {
        this(Place.in(file), rewriting, dimension);
    }

    private TroubledBuild(Place place, boolean rewriting, int dimension) {
        this.place = place;
        this.tables = place.tables();
        this.rewriting = rewriting;
        this.embedder = ScriptedProvider.builder()
                .dimension(dimension)
                .limits(ProviderLimits.ofTexts(BATCH))
                .callPolicy(new CallPolicy(0, Duration.ofSeconds(60), IN_FLIGHT))
                .gate(gate)
                .build();
    }

    Place place() {
        return place;
    }

    Gate gate() {
        return gate;
    }

    /** A store that writes a table of the host, too. */
    static EmbeddingStore open(Dialect dialect) {
        return JdbcStore.open(dialect, null, new Schema(dialect), List.of(COPY));
    }

    /** A first build, of fifty records: four will have another text, one will be blank, and three will be gone. */
    void prepare() {
        gate.open();
        makeCopy();
        List<SourceRecord> old = new ArrayList<>();
        IntStream.range(0, 47).forEach(i -> old.add(record(i, i < 4 ? "an older text " + i : text(i))));
        IntStream.range(100, 103).forEach(i -> old.add(record(i, "gone " + i)));
        try (EmbeddingStore store = open(place.dialect())) {
            assertThat(pipeline(store, old)
                            .run(BuildRequest.all().jobId("prepared"))
                            .succeeded())
                    .isEqualTo(50);
        }
    }

    private void makeCopy() {
        try {
            tables.execute(place.makeCopy());
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static SourceRecord record(int i, String text) {
        return SourceRecord.of("id-" + i, text);
    }

    private static String text(int i) {
        return "the text of record " + i;
    }

    private static List<SourceRecord> records() {
        List<SourceRecord> records = new ArrayList<>();
        IntStream.range(0, 60).forEach(i -> records.add(record(i, i == BLANK ? " " : text(i))));
        records.add(record(200, ""));
        records.add(record(5, "another record of the same id"));
        return records;
    }

    private BuildPipeline pipeline(EmbeddingStore store, List<SourceRecord> records) {
        BuildPipeline.Builder pipeline = Impatient.with(BuildPipeline.builder())
                .records(InMemorySource.of(records))
                .embedder(embedder)
                .store(store);
        if (rewriting) {
            pipeline.rewriter(rewriter, PROMPT + "{text}");
        }
        return pipeline.build();
    }

    BuildRun start(EmbeddingStore store) {
        return pipeline(store, records()).start(BuildRequest.all().jobId("troubled"));
    }

    BuildReport run(EmbeddingStore store) {
        return start(store).result();
    }

    /** Whether the job's row in the store says that it ended. */
    boolean isEnded(BuildReport report) {
        return report.notes().stream().noneMatch(note -> note.contains("end of the job could not be stored"));
    }

    /**
     * The report and the tables say the same.
     *
     * @param everyAnswerSeen false if something may have been stored without the build's knowing it
     */
    void check(BuildReport report, boolean everyAnswerSeen) throws SQLException {
        long stored = tables.number("select count(*) from evervec_vector where job = 2");
        String row = job(total("embedded") + " || ' ' || state");
        assertThat(row).startsWith(stored + " ");
        if (everyAnswerSeen) {
            assertThat(report.succeeded()).isEqualTo(stored);
        } else {
            assertThat(report.succeeded()).isLessThanOrEqualTo(stored);
        }
        assertThat(report.failed().keySet()).isSubsetOf(Reason.STORE_ERROR, Reason.ABORTED);
        if (report.totalFailed() == 0) {
            assertThat(report.state()).isEqualTo(BuildReport.State.COMPLETED);
            assertThat(report.succeeded()).isEqualTo(TO_DO);
            assertThat(report.notes()).anyMatch(note -> note.contains("id-5"));
            assertThat(job(total("requests") + " || ' ' || " + total("input_tokens") + " || ' ' || "
                            + total("output_tokens")))
                    .isEqualTo(report.requests() + " " + report.usage().inputTokens() + " "
                            + report.usage().outputTokens());
            if (isEnded(report)) {
                assertThat(row).endsWith("completed");
            }
        }
    }

    /** What the host has is what the store has. */
    void requireEqualCopy() throws SQLException {
        assertThat(tables.rows("select id from evervec_vector v where v.vector is distinct from"
                        + " (select embedding from host_copy h where h.id = v.id)"))
                .isEmpty();
        assertThat(tables.rows("select id from host_copy where embedding is not null"
                        + " and id not in (select id from evervec_vector)"))
                .isEmpty();
    }

    /** A worker that has not ended has its part for itself. */
    private static String total(String counter) {
        return "(j." + counter + " + (select coalesce(sum(w." + counter + "), 0) from evervec_worker w"
                + " where w.job = j.number and w.ended_at is null))";
    }

    private String job(String columns) throws SQLException {
        return tables.rows("select " + columns + " from evervec_job j where j.id = 'troubled'")
                .get(0);
    }

    /** Builds without trouble: what is left is paid for, and nothing that was stored. */
    void finish() throws SQLException {
        tables.requireSound();
        Set<String> stored = Set.copyOf(tables.rows("select id from evervec_vector where job = 2"));
        Set<String> kept = Set.copyOf(tables.rows("select " + tables.hex("text_hash") + " from evervec_rewrite"));
        Map<String, Integer> sent = embedder.timesSent();
        List<String> asked = rewriter.prompts();
        gate.open();

        runWithoutTrouble();

        for (int i :
                IntStream.concat(IntStream.range(0, 4), IntStream.range(47, 60)).toArray()) {
            boolean isStored = stored.contains("id-" + i);
            boolean isKept = kept.contains(Sha256.ofText(text(i)).hex());
            int sentAgain = embedder.timesSent().get(sent(i)) - sent.getOrDefault(sent(i), 0);
            int askedAgain = Collections.frequency(rewriter.prompts(), PROMPT + text(i))
                    - Collections.frequency(asked, PROMPT + text(i));
            assertThat(sentAgain).as("record " + i + " sent again").isEqualTo(isStored ? 0 : 1);
            assertThat(askedAgain)
                    .as("record " + i + " rewritten again")
                    .isEqualTo(!rewriting || isStored || isKept ? 0 : 1);
        }
        int twice = embedder.timesSent().values().stream()
                .mapToInt(times -> times - 1)
                .sum();
        assertThat(twice).isLessThanOrEqualTo(stored.size() == TO_DO ? 0 : (IN_FLIGHT + 2) * BATCH);
    }

    private void runWithoutTrouble() throws SQLException {
        try (EmbeddingStore store = open(place.dialect())) {
            BuildPipeline pipeline = pipeline(store, records());
            assertThat(pipeline.run(BuildRequest.all()).state()).isEqualTo(BuildReport.State.COMPLETED);
            Map<String, Embedding> vectors = new HashMap<>();
            store.forEachVector(
                    pipeline.fingerprint(),
                    null,
                    vector -> vectors.put(vector.key().id(), vector.embedding()));
            assertThat(vectors)
                    .isEqualTo(IntStream.range(0, 60)
                            .filter(i -> i != BLANK)
                            .boxed()
                            .collect(Collectors.toMap(i -> "id-" + i, i -> embedder.vectorOf(sent(i)))));
        }
        tables.requireSound();
        assertThat(tables.rows("select state, count(*) from evervec_ledger group by state"))
                .containsExactly("embedded|59");
        assertThat(tables.number("select count(*) from evervec_job where state = 'running'"))
                .isZero();
    }

    private String sent(int i) {
        return rewriting ? ScriptedProvider.rewriteOf(PROMPT + text(i)) : text(i);
    }

    @Override
    public void close() {
        place.close();
    }
}
