package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.NearestQuery;
import dev.evervec.pipeline.store.Neighbour;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.ScannedRecord.Content;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The store on PostgreSQL with pgvector: the column, the operator and the index. */
@Timeout(120)
class PgvectorStoreTest {
    /** pgvector counts with 32-bit floats. */
    private static final double TOLERANCE = 1e-5;

    private final Random random = new Random(seed());
    private JdbcStore store;
    private int jobs;

    private static long seed() {
        long seed = System.nanoTime();
        System.out.println("PgvectorStoreTest seed " + seed);
        return seed;
    }

    @BeforeAll
    static void needsAServer() {
        TestPgvector.settings();
    }

    @BeforeEach
    void open() {
        store = JdbcStore.open(TestPgvector.empty());
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static Fingerprint fingerprint(int dimension) {
        return new Fingerprint(ModelIdentity.embedding("local", "model", dimension, "", "none"), "");
    }

    private static String table(int dimension) {
        return TestPgvector.SCHEMA + ".evervec_vector_" + fingerprint(dimension).generation();
    }

    private void store(int dimension, Map<RecordKey, Embedding> vectors) {
        JobTicket job = store.beginJob(new JobStart("job-" + ++jobs, fingerprint(dimension), 3));
        store.mark(job, vectors.keySet().stream().map(key -> scanned(key)).toList(), MarkMode.PENDING);
        store.endScan(job, new ScanScope.Partial(), 1);
        for (List<Claim> claims = claim(job); !claims.isEmpty(); claims = claim(job)) {
            Set<RecordKey> refused = store.commit(
                    job,
                    claims.stream()
                            .<RecordResult>map(claim -> embedded(claim, vectors.get(claim.key())))
                            .toList(),
                    List.of());
            assertThat(refused).isEmpty();
        }
        store.endJob(job, JobState.COMPLETED, Reason.ABORTED);
    }

    private List<Claim> claim(JobTicket job) {
        return store.claim(job, 1000, Duration.ofMinutes(1));
    }

    private static ScannedRecord scanned(RecordKey key) {
        return new ScannedRecord(key, Sha256.ofContent(null, key.toString()), Content.PRESENT, Locator.NONE);
    }

    private static RecordResult.Embedded embedded(Claim claim, Embedding vector) {
        String text = claim.key().toString();
        return new RecordResult.Embedded(
                claim, Sha256.ofContent(null, text), Sha256.ofText(text), vector, null, RecordCost.NONE);
    }

    private Map<RecordKey, Embedding> stored(int dimension) {
        Map<RecordKey, Embedding> stored = new LinkedHashMap<>();
        store.forEachVector(fingerprint(dimension), null, vector -> stored.put(vector.key(), vector.embedding()));
        return stored;
    }

    private Embedding anyVector(int dimension) {
        float[] components = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            components[i] = (float) random.nextGaussian();
        }
        return Embedding.of(components);
    }

    private Map<RecordKey, Embedding> anyVectors(int count, int dimension) {
        Map<RecordKey, Embedding> vectors = new LinkedHashMap<>();
        for (int i = 0; i < count; i++) {
            vectors.put(new RecordKey(i % 50 == 0 ? "rare" : "many", "" + i), anyVector(dimension));
        }
        return vectors;
    }

    private static List<String> ask(String sql) throws SQLException {
        List<String> answers = new ArrayList<>();
        try (Connection connection = TestPgvector.connect();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                answers.add(rows.getString(1));
            }
        }
        return answers;
    }

    // ---- the column ----

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 2001})
    void vectorsComeBackAsTheyWereToTheLastBit(int dimension) {
        Map<RecordKey, Embedding> vectors = new LinkedHashMap<>();
        float[] rare = {-0.0f, Float.MIN_VALUE, Float.MAX_VALUE, -Float.MIN_NORMAL, 1 + Math.ulp(1f), 0.1f, -1e-30f};
        for (int i = 0; i < 40; i++) {
            float[] components = new float[dimension];
            for (int k = 0; k < dimension; k++) {
                float any = Float.intBitsToFloat(random.nextInt());
                components[k] =
                        random.nextInt(3) == 0 || !Float.isFinite(any) ? rare[random.nextInt(rare.length)] : any;
            }
            components[0] = components[0] == 0 ? 1 : components[0];
            vectors.put(new RecordKey("any", "" + i), Embedding.of(components));
        }

        store(dimension, vectors);

        assertThat(stored(dimension)).containsExactlyInAnyOrderEntriesOf(vectors);
        List<StoredVector> sample = store.sample(fingerprint(dimension), 100, 7);
        assertThat(sample)
                .hasSize(40)
                .allSatisfy(one -> assertThat(one.embedding()).isEqualTo(vectors.get(one.key())));
        Sha256 text = Sha256.ofText("any/7");
        assertThat(store.vectors(fingerprint(dimension), Set.of(text)).get(text).embedding())
                .isEqualTo(vectors.get(new RecordKey("any", "7")));
    }

    @Test
    void theColumnIsAVectorOfTheModelsDimensionUpToPgvectorsLimit() {
        for (int dimension : new int[] {3, 2001, 16_000}) {
            store(dimension, anyVectors(1, dimension));
            assertThat(store.vectorStorage(fingerprint(dimension)))
                    .contains(new VectorStorage(table(dimension), "vector(" + dimension + ")", null));
        }
        store(16_001, anyVectors(1, 16_001));
        assertThat(store.vectorStorage(fingerprint(16_001)).orElseThrow().type())
                .isEqualTo("real[]");
        assertThat(store.vectorStorage(fingerprint(4))).isEmpty();
    }

    @Test
    void aVectorOfAnotherDimensionIsRefusedByTheStoreAndByTheColumn() throws SQLException {
        store(3, anyVectors(2, 3));
        Map<RecordKey, Embedding> before = stored(3);

        assertThatThrownBy(() -> store(3, Map.of(new RecordKey("any", "wrong"), anyVector(4))))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatExceptionOfType(SQLException.class)
                .isThrownBy(() -> {
                    try (Connection connection = TestPgvector.connect();
                            Statement statement = connection.createStatement()) {
                        statement.execute("update " + table(3) + " set vector = cast(array[1, 2] as real[])");
                    }
                })
                .satisfies(e -> assertThat(e.getSQLState()).isEqualTo("22000"));
        assertThat(stored(3)).isEqualTo(before);
    }

    @Test
    void vectorsGoWhenTheirGenerationIsPruned() throws SQLException {
        store(3, anyVectors(2, 3));

        assertThat(store.prune(fingerprint(3).generation())).contains(2L);

        assertThat(ask("select to_regclass('" + table(3) + "')")).containsExactly((String) null);
        assertThat(store.nearest(fingerprint(3), new NearestQuery(anyVector(3), 5)))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"vector", "halfvec"})
    void aColumnOfTheHostsOwnTableTakesTheVectorAsItIs(String type) throws SQLException {
        String question = TestPgvector.SCHEMA + ".question";
        TestPgvector.execute("create table " + question + " (id text primary key, embedding public." + type
                + "(3)); insert into " + question + " values ('asked', null), ('other', null)");
        store.close();
        store = JdbcStore.builder(TestPgvector.settings())
                .alsoWrite(HostColumn.update("update " + question + " set embedding = :embedding where id = :id"))
                .open();

        store(3, Map.of(new RecordKey("any", "asked"), Embedding.of(1, -0.5f, 2)));

        assertThat(ask("select id || cast(embedding as text) from " + question + " where embedding is not null"))
                .containsExactly("asked[1,-0.5,2]");
    }

    // ---- an extension that comes later ----

    @Test
    void aGenerationStaysAsItBeganWhenTheExtensionComesAndTheNextOneUsesIt() {
        store.close();
        store = JdbcStore.open(TestPgvector.withoutExtension());
        Map<RecordKey, Embedding> vectors = anyVectors(20, 3);
        store(3, vectors);
        assertThat(store.vectorStorage(fingerprint(3)).orElseThrow().type()).isEqualTo("real[]");
        assertThatThrownBy(() -> store.createVectorIndex(fingerprint(3)))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("kept as real[]")
                .hasMessageContaining("create extension vector");
        NearestQuery query = new NearestQuery(anyVector(3), 5);
        List<Neighbour> before = store.nearest(fingerprint(3), query);

        TestPgvector.execute("create extension vector schema public");
        store(3, Map.of(new RecordKey("late", "1"), anyVector(3)));
        store(4, anyVectors(20, 4));

        assertThat(store.vectorStorage(fingerprint(3)).orElseThrow().type()).isEqualTo("real[]");
        assertThat(stored(3)).containsAllEntriesOf(vectors).hasSize(21);
        assertThat(store.nearest(fingerprint(3), new NearestQuery(query.vector(), "many", 5, -1)))
                .isSubsetOf(store.nearest(fingerprint(3), new NearestQuery(query.vector(), 21)));
        assertThat(before).hasSize(5);
        assertThat(store.vectorStorage(fingerprint(4)).orElseThrow().type()).isEqualTo("vector(4)");
        assertThat(stored(4)).hasSize(20);
        assertThat(store.nearest(fingerprint(4), new NearestQuery(anyVector(4), 5)))
                .hasSize(5);
    }

    @Test
    void aGenerationThatBeganWithoutTheExtensionIsMovedByTwoStatements() {
        store.close();
        store = JdbcStore.open(TestPgvector.withoutExtension());
        Map<RecordKey, Embedding> vectors = anyVectors(20, 3);
        store(3, vectors);

        TestPgvector.execute("create extension vector schema public");
        TestPgvector.execute("begin; alter table " + table(3)
                + " alter column vector type public.vector(3) using vector::public.vector(3);"
                + " update " + TestPgvector.SCHEMA + ".evervec_generation set vector_type = 'vector' where name = '"
                + fingerprint(3).generation() + "'; commit");

        assertThat(stored(3)).containsExactlyInAnyOrderEntriesOf(vectors);
        assertThat(store.createVectorIndex(fingerprint(3)).outcome()).isEqualTo(VectorIndex.Outcome.CREATED);
        NearestQuery query = anyQuery(3, null);
        assertSame(store.nearest(fingerprint(3), query), exactly(vectors, query));
    }

    // ---- the nearest, and the index ----

    private List<Neighbour> exactly(Map<RecordKey, Embedding> vectors, NearestQuery query) {
        return vectors.entrySet().stream()
                .filter(entry ->
                        query.source() == null || entry.getKey().source().equals(query.source()))
                .map(entry -> new Neighbour(entry.getKey(), query.vector().cosine(entry.getValue())))
                .sorted(Comparator.comparingDouble(Neighbour::similarity).reversed())
                .limit(query.topK())
                .filter(neighbour -> neighbour.similarity() >= query.minSimilarity())
                .toList();
    }

    private void assertSame(List<Neighbour> actual, List<Neighbour> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i).similarity()).isCloseTo(expected.get(i).similarity(), within(TOLERANCE));
        }
    }

    private NearestQuery anyQuery(int dimension, @Nullable String source) {
        return new NearestQuery(anyVector(dimension), source, 1 + random.nextInt(30), -1);
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 2001})
    void withoutAnIndexTheOperatorComparesEveryVector(int dimension) {
        Map<RecordKey, Embedding> vectors = anyVectors(150, dimension);
        store(dimension, vectors);

        for (String source : new String[] {null, "many", "rare"}) {
            NearestQuery query = anyQuery(dimension, source);
            assertSame(store.nearest(fingerprint(dimension), query), exactly(vectors, query));
        }
        NearestQuery near = new NearestQuery(vectors.get(new RecordKey("many", "7")), null, 10, 0.99);
        assertThat(store.nearest(fingerprint(dimension), near))
                .singleElement()
                .satisfies(one -> assertThat(one.key()).isEqualTo(new RecordKey("many", "7")))
                .satisfies(one -> assertThat(one.similarity()).isBetween(1 - TOLERANCE, 1.0));
    }

    @Test
    void equallyNearOnesComeInTheOrderOfTheirKeys() {
        Embedding same = Embedding.of(3, 4, 0);
        store(
                3,
                Map.of(
                        new RecordKey("b", "1"), same,
                        new RecordKey("a", "2"), same,
                        new RecordKey("a", "10"), Embedding.of(6, 8, 0),
                        new RecordKey("B", "1"), same));

        assertThat(store.nearest(fingerprint(3), new NearestQuery(same, 3)))
                .extracting(Neighbour::key)
                .containsExactly(new RecordKey("B", "1"), new RecordKey("a", "10"), new RecordKey("a", "2"));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 2001})
    void anIndexIsMadeOnceAndUsed(int dimension) throws SQLException {
        Map<RecordKey, Embedding> vectors = anyVectors(300, dimension);
        store(dimension, vectors);
        String name = "evervec_vector_" + fingerprint(dimension).generation() + "_nearest";
        String over = dimension == 8 ? "vector" : "halfvec";

        assertThat(store.createVectorIndex(fingerprint(dimension)))
                .isEqualTo(new VectorIndex(name, over, VectorIndex.Outcome.CREATED));
        assertThat(store.createVectorIndex(fingerprint(dimension)))
                .isEqualTo(new VectorIndex(name, over, VectorIndex.Outcome.FOUND));

        assertThat(store.vectorStorage(fingerprint(dimension)).orElseThrow().index())
                .isEqualTo(name);
        assertThat(ask("select indexdef from pg_indexes where indexname = '" + name + "'"))
                .singleElement()
                .asString()
                .contains("USING hnsw", over + "_cosine_ops");
        for (String source : new String[] {null, "many", "rare"}) {
            NearestQuery query = anyQuery(dimension, source);
            List<Neighbour> exact = exactly(vectors, query);
            List<Neighbour> nearest = byIndex(session ->
                    VectorSearch.nearest(session, fingerprint(dimension), query).orElseThrow());
            assertThat(nearest).hasSameSizeAs(exact);
            assertThat(nearest)
                    .as("neighbours that the index found")
                    .filteredOn(one ->
                            one.similarity() >= exact.get(exact.size() - 1).similarity() - TOLERANCE)
                    .hasSizeGreaterThanOrEqualTo(exact.size() * 8 / 10);
            assertThat(nearest).isSortedAccordingTo(Comparator.comparingDouble(one -> -one.similarity()));
        }
        assertThat(plan(dimension)).contains("Index Scan using " + name);
    }

    /** So small a table would be read as a whole otherwise. */
    private static <T> T byIndex(Session.Work<T> work) throws SQLException {
        PostgresDialect dialect = new PostgresDialect(PostgresServer.of(TestPgvector.settings()), TestPgvector.SCHEMA);
        try (Session session = dialect.openReader()) {
            return session.inTransaction(reading -> {
                reading.execute("set local enable_seqscan = off");
                return work.run(reading);
            });
        }
    }

    /** How the database answers the statement of a search. */
    private String plan(int dimension) throws SQLException {
        return byIndex(session -> {
            VectorSearch search =
                    VectorSearch.of(session, fingerprint(dimension)).orElseThrow();
            NearestQuery query = anyQuery(dimension, null);
            return String.join(
                    "\n",
                    session.list("explain " + search.byIndex(query), row -> row.getString(1), search.values(query)));
        });
    }

    @Test
    void aSourceThatTheIndexHardlyMeetsIsFoundAllTheSame() throws SQLException {
        Map<RecordKey, Embedding> vectors = new LinkedHashMap<>();
        for (int i = 0; i < 2000; i++) {
            vectors.put(new RecordKey("many", "" + i), Embedding.of(1, random.nextFloat() / 100, 0));
        }
        for (int i = 0; i < 20; i++) {
            vectors.put(new RecordKey("rare", "" + i), Embedding.of(-1, random.nextFloat(), 1));
        }
        store(3, vectors);
        store.createVectorIndex(fingerprint(3));
        NearestQuery query = new NearestQuery(Embedding.of(1, 0, 0), "rare", 10, -1);

        List<Neighbour> nearest = byIndex(session -> {
            session.execute("set local enable_bitmapscan = off");
            return VectorSearch.nearest(session, fingerprint(3), query).orElseThrow();
        });

        assertSame(nearest, exactly(vectors, query));
        assertSame(store.nearest(fingerprint(3), query), exactly(vectors, query));
    }

    @Test
    void whatABrokenAttemptLeftBehindIsReplaced() throws SQLException {
        store(3, anyVectors(60, 3));
        String name = "evervec_vector_" + fingerprint(3).generation() + "_nearest";
        // A unique index over a column that is not: it is left behind, invalid.
        assertThatThrownBy(() -> TestPgvector.execute(
                        "create unique index concurrently " + name + " on " + table(3) + " (source)"))
                .isInstanceOf(IllegalStateException.class);
        assertThat(ask("select indisvalid from pg_index where indexrelid = '" + TestPgvector.SCHEMA + "." + name
                        + "'::regclass"))
                .containsExactly("f");
        assertThat(store.vectorStorage(fingerprint(3)).orElseThrow().index()).isNull();

        assertThat(store.createVectorIndex(fingerprint(3)).outcome()).isEqualTo(VectorIndex.Outcome.REPLACED);

        assertThat(store.vectorStorage(fingerprint(3)).orElseThrow().index()).isEqualTo(name);
        assertThat(store.createVectorIndex(fingerprint(3)).outcome()).isEqualTo(VectorIndex.Outcome.FOUND);
    }

    @Test
    void whatCannotBeIndexedIsRefusedInWords() {
        store(4001, anyVectors(1, 4001));

        assertThatThrownBy(() -> store.createVectorIndex(fingerprint(4001)))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("4001 dimensions")
                .hasMessageContaining("4000 are the most");
        assertThatThrownBy(() -> store.createVectorIndex(fingerprint(3)))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("run a build first");
    }
}
