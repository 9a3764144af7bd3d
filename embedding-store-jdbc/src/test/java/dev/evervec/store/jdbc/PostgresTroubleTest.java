package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.live.Change;
import dev.evervec.pipeline.live.NotedChange;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.ScannedRecord.Content;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A store in PostgreSQL over odd connections, and in a database that refuses some of what it is asked. */
final class PostgresTroubleTest {
    private static final long SEED = 20_261_121;
    private static final Duration LEASE = Duration.ofMinutes(1);

    private static TestPostgres database;
    private static int schemas;

    private String schema;

    @BeforeAll
    static void create() {
        database = TestPostgres.newDatabase();
    }

    @AfterAll
    static void drop() {
        database.drop();
    }

    @BeforeEach
    void nameASchema() {
        schema = "trouble_" + ++schemas;
    }

    private JdbcStore open() {
        return JdbcStore.open(database.settings(schema));
    }

    private JdbcStore open(DataSource connections) {
        return JdbcStore.builder(connections).schema(schema).open();
    }

    private void requireSound() throws SQLException {
        new Tables(database, schema).requireSound();
    }

    private static Fingerprint model(int dimension) {
        return new Fingerprint(ModelIdentity.embedding("local", "model-" + dimension, dimension, "", "l2"), "");
    }

    private static Embedding vectorOf(String text, int dimension) {
        Random random = new Random(text.hashCode());
        float[] components = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            components[i] = random.nextFloat() + 0.01f;
        }
        return Embedding.of(components);
    }

    /** A job with claims on so many records. */
    private static final class Job {
        private final EmbeddingStore store;
        private final int dimension;
        private final JobTicket ticket;
        private final List<Claim> claims;

        Job(EmbeddingStore store, int dimension, String name, int records) {
            this.store = store;
            this.dimension = dimension;
            ticket = store.beginJob(new JobStart(name, model(dimension), 3));
            List<ScannedRecord> page = IntStream.range(0, records)
                    .mapToObj(i -> scanned(name + "-" + i))
                    .toList();
            store.mark(ticket, page, MarkMode.PENDING);
            store.endScan(ticket, new ScanScope.Partial(), 1);
            claims = store.claim(ticket, Math.max(1, records), LEASE);
            assertThat(claims).hasSize(records);
        }

        private static ScannedRecord scanned(String id) {
            return new ScannedRecord(
                    new RecordKey("articles", id),
                    Sha256.ofContent(null, id),
                    Content.PRESENT,
                    Locator.of(id.getBytes(StandardCharsets.UTF_8)));
        }

        RecordResult embedded(Claim claim) {
            String text = claim.key().id();
            return new Embedded(
                    claim,
                    Sha256.ofContent(null, text),
                    Sha256.ofText(text),
                    vectorOf(text, dimension),
                    null,
                    RecordCost.NONE);
        }

        static RecordResult skipped(Claim claim) {
            return new NotEmbedded(
                    claim,
                    Sha256.ofContent(null, claim.key().id()),
                    Reason.INPUT_TOO_LONG,
                    "it's \0 \ud800 long",
                    null,
                    RecordCost.NONE);
        }

        Set<RecordKey> commit(List<RecordResult> results) {
            return store.commit(ticket, results, List.of());
        }

        Set<RecordKey> embed(List<Claim> of) {
            return commit(of.stream().map(this::embedded).toList());
        }

        void end() {
            store.endJob(ticket, JobState.COMPLETED, Reason.ABORTED);
        }
    }

    private static void embed(EmbeddingStore store, String name, int records) {
        Job job = new Job(store, 3, name, records);
        assertThat(job.embed(job.claims)).isEmpty();
        job.end();
    }

    /** The vectors of a model, each of which is that of its record. */
    private static Set<String> vectors(EmbeddingStore store, int dimension) {
        Map<String, Embedding> vectors = new HashMap<>();
        store.forEachVector(model(dimension), null, vector -> {
            assertThat(vector.textHash()).isEqualTo(Sha256.ofText(vector.key().id()));
            vectors.put(vector.key().id(), vector.embedding());
        });
        vectors.forEach((id, vector) -> assertThat(vector).as(id).isEqualTo(vectorOf(id, dimension)));
        return vectors.keySet();
    }

    private static StoreException.Kind kindOf(Throwable thrown) {
        return ((StoreException) thrown).kind();
    }

    /** Those of a pool. */
    @Nested
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    class HostsConnections {
        Stream<Arguments> changes() {
            return Stream.of(
                    Arguments.of("as the driver opens them", change(connection -> {})),
                    Arguments.of("without autocommit", change(connection -> connection.setAutoCommit(false))),
                    Arguments.of("in a transaction", change(connection -> {
                        connection.setAutoCommit(false);
                        StrictPool.executing("select 1").on(connection);
                    })),
                    Arguments.of(
                            "serializable",
                            change(connection ->
                                    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE))),
                    Arguments.of("without a path", StrictPool.executing("set search_path to ''")),
                    Arguments.of(
                            "in a hurry",
                            StrictPool.executing("set statement_timeout to '5s'; set lock_timeout to '5s';"
                                    + " set idle_in_transaction_session_timeout to '5s'")),
                    Arguments.of(
                            "with a limit of their own",
                            change(connection -> connection.setNetworkTimeout(Runnable::run, 20_000))),
                    Arguments.of(
                            "with odd settings",
                            StrictPool.executing("set standard_conforming_strings to off; set array_nulls to off;"
                                    + " set bytea_output to escape; set extra_float_digits to -15;"
                                    + " set quote_all_identifiers to on")));
        }

        private static StrictPool.Change change(StrictPool.Change change) {
            return change;
        }

        @ParameterizedTest(name = "{0}")
        @MethodSource("changes")
        void areUsedAndGivenBackAsTheyWere(String name, StrictPool.Change change) throws Exception {
            try (StrictPool pool = new StrictPool(database.dataSource(), 3, change)) {
                try (JdbcStore store = open(pool.connections())) {
                    embed(store, "first", 40);
                    assertThat(vectors(store, 3)).hasSize(40);
                    assertThat(store.prune(model(3).generation())).contains(40L);
                    embed(store, "second", 5);
                }
                try (JdbcStore reading =
                        JdbcStore.builder(pool.connections()).schema(schema).openForReading()) {
                    assertThat(vectors(reading, 3)).hasSize(5);
                }
                useAnOutbox(EmbeddingQueue.in(pool.connections()).inSchema(schema));
                pool.requireAllGivenBackAsTheyWere();
            }
            requireSound();
        }

        private static void useAnOutbox(EmbeddingQueue queue) {
            queue.createTableIfMissing();
            queue.enqueue(Change.created("articles", "1"));
            List<NotedChange> changes = queue.read(0, 10);
            queue.delete(List.of(changes.get(0).seq()));

            assertThat(changes).hasSize(1);
            assertThat(queue.backlog().rows()).isZero();
        }

        @Test
        void ofADatabaseThatIsRefusedAreGivenBackAsTheyWere() throws Exception {
            database.execute(
                    "create database " + schema + " encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0");
            var latin = database.dataSource();
            latin.setDatabaseName(schema);
            try (StrictPool pool = new StrictPool(latin, 1, connection -> {})) {
                assertThatThrownBy(() -> open(pool.connections()))
                        .hasMessageContaining("LATIN1")
                        .hasMessageContaining("UTF8");
                pool.requireAllGivenBackAsTheyWere();
            } finally {
                database.execute("drop database " + schema);
            }
        }

        @Test
        void thatMayOnlyReadAreToldWhenAStoreIsOpenedForWriting() throws Exception {
            try (StrictPool pool =
                    new StrictPool(database.dataSource(), 2, connection -> connection.setReadOnly(true))) {
                assertThatThrownBy(() -> open(pool.connections()))
                        .hasMessageContaining("25006")
                        .hasMessageContaining("DataSource's connections may only read");
                JdbcStore.builder(pool.connections()).openForReading().close();
                pool.requireAllGivenBackAsTheyWere();
            }
        }

        @Test
        void ofAPoolThatHasNoneLeftAreAskedForAgain() throws Exception {
            try (StrictPool pool = new StrictPool(database.dataSource(), 1, connection -> {});
                    JdbcStore store = open(pool.connections())) {
                assertThatThrownBy(() -> store.stats(model(3)))
                        .isInstanceOf(StoreException.class)
                        .hasMessageContaining("let the pool have more")
                        .hasMessageNotContaining("hunter2")
                        .satisfies(failure -> assertThat(kindOf(failure)).isEqualTo(StoreException.Kind.TRANSIENT));
                embed(store, "writes-all-the-same", 2);
            }
        }

        @Test
        void ofAPoolThatHasNoneLeftAreAskedForAgainByAnOutbox() throws Exception {
            try (StrictPool pool = new StrictPool(database.dataSource(), 0, connection -> {})) {
                assertThatThrownBy(() -> EmbeddingQueue.in(pool.connections()).enqueue(Change.created("articles", "1")))
                        .isInstanceOf(StoreException.class)
                        .hasMessageContaining("gave no connection")
                        .hasMessageNotContaining("hunter2")
                        .satisfies(failure -> assertThat(kindOf(failure)).isEqualTo(StoreException.Kind.TRANSIENT));
            }
        }

        @Test
        void mayServeTwoSchemas() throws Exception {
            try (StrictPool pool = new StrictPool(database.dataSource(), 3, connection -> {})) {
                for (int i = 0; i < 8; i++) { // so often that the server keeps their statements
                    for (String one : List.of("this", "that")) {
                        try (JdbcStore store = JdbcStore.builder(pool.connections())
                                .schema(schema + one)
                                .open()) {
                            embed(store, one + i, 2);
                            assertThat(vectors(store, 3)).hasSize(2 * (i + 1)).allMatch(id -> id.startsWith(one));
                        }
                    }
                }
                pool.requireAllGivenBackAsTheyWere();
            }
        }
    }

    /** Otherwise one who waited for a row would fail because another changed it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatIsWrittenIsIsolatedByReadCommittedWhateverTheDefault(boolean lent) throws Exception {
        open().close();
        database.execute("create function " + schema + ".look() returns trigger language plpgsql as $$ begin"
                + " if current_setting('transaction_isolation') <> 'read committed' then raise exception 'isolated';"
                + " end if; return new; end $$; create trigger look before insert or update on " + schema
                + ".evervec_worker for each row execute function " + schema + ".look()");
        StoreSettings isolated = new StoreSettings(
                database.url() + "?options=-c%20default_transaction_isolation=serializable", "postgres", null, schema);
        try (StrictPool pool = new StrictPool(
                        database.dataSource(),
                        3,
                        connection -> connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE));
                JdbcStore store = lent ? open(pool.connections()) : JdbcStore.open(isolated)) {
            embed(store, "job", 3);

            assertThat(vectors(store, 3)).hasSize(3);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1, 33",
        "3, 0",
        "3, 1",
        "3, 31",
        "3, 32",
        "3, 33",
        "3, 1023",
        "3, 1024",
        "3, 1025",
        "2000, 65",
        "16001, 9"
    })
    void everyVectorOfACommitIsThatOfItsRecordWhateverTheirNumber(int dimension, int records) throws Exception {
        Random random = new Random(SEED);
        try (JdbcStore store = open()) {
            Job job = new Job(store, dimension, "job", records);
            List<String> wanted = new ArrayList<>();
            List<RecordResult> results = new ArrayList<>();
            for (Claim claim : job.claims) {
                boolean embedded = random.nextInt(4) > 0;
                results.add(embedded ? job.embedded(claim) : Job.skipped(claim));
                if (embedded) {
                    wanted.add(claim.key().id());
                }
            }
            Collections.shuffle(results, random);

            assertThat(job.commit(results)).isEmpty();
            job.end();

            assertThat(vectors(store, dimension)).as("seed " + SEED).containsExactlyInAnyOrderElementsOf(wanted);
        }
        requireSound();
    }

    @ParameterizedTest
    @ValueSource(strings = {"trigger no before insert", "constraint trigger no after insert"})
    void nothingOfACommitThatFailsIsWrittenByTheNextOne(String trigger) throws Exception {
        try (JdbcStore store = open()) {
            Job job = new Job(store, 3, "job", 100);
            String table = store.vectorStorage(model(3)).orElseThrow().table();
            database.execute("create function " + schema + ".no() returns trigger language plpgsql as $$ begin"
                    + " if new.id = 'job-40' then raise exception 'secret'; end if; return new; end $$; create "
                    + trigger + " on " + table
                    + (trigger.startsWith("constraint") ? " deferrable initially deferred" : "")
                    + " for each row execute function " + schema + ".no()");

            assertThatThrownBy(() -> job.embed(job.claims))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("cannot commit results")
                    .hasMessageContaining("P0001")
                    .hasStackTraceContaining("withheld")
                    .satisfies(failure -> assertThat(failure.toString()).doesNotContain("secret"));
            assertThat(vectors(store, 3)).isEmpty();

            assertThat(job.embed(job.claims.subList(50, 57))).isEmpty();
            assertThat(vectors(store, 3)).hasSize(7).doesNotContain("job-40");

            database.execute("drop trigger no on " + table);
            assertThat(job.embed(job.claims)).hasSize(7);
            assertThat(vectors(store, 3)).hasSize(100);
            job.end();
        }
        requireSound();
    }

    @ParameterizedTest
    @CsvSource({"lock_timeout, 55P03", "statement_timeout, 57014"})
    void aCommitThatWaitsTooLongMayBeTriedAgain(String timeout, String state) throws Exception {
        open().close();
        StoreSettings hurried =
                new StoreSettings(database.url() + "?options=-c%20" + timeout + "=1000", "postgres", null, schema);
        try (JdbcStore store = JdbcStore.open(hurried);
                Connection other = database.connect();
                Statement statement = other.createStatement()) {
            Job job = new Job(store, 3, "job", 40);
            other.setAutoCommit(false);
            statement.execute(
                    "lock table " + store.vectorStorage(model(3)).orElseThrow().table() + " in exclusive mode");

            assertThatThrownBy(() -> job.embed(job.claims))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining(state)
                    .satisfies(failure -> assertThat(kindOf(failure)).isEqualTo(StoreException.Kind.TRANSIENT));

            other.rollback();
            assertThat(job.embed(job.claims)).isEmpty();
            assertThat(vectors(store, 3)).hasSize(40);
        }
        requireSound();
    }

    @Test
    void tablesThatWereDroppedUnderAStoreAreToldAndThoseMadeAnewAreUsed() throws Exception {
        try (JdbcStore store = open();
                JdbcStore reading = JdbcStore.openForReading(database.settings(schema))) {
            embed(store, "before", 3);
            database.execute("drop schema " + schema + " cascade");

            assertThatThrownBy(() -> embed(store, "meanwhile", 3)).hasMessageContaining("42P01");
            assertThatThrownBy(() -> store.stats(model(3))).hasMessageContaining("42P01");
            assertThat(reading.stats(model(3))).isEmpty();

            open().close();
            embed(store, "after", 4);
            assertThat(vectors(store, 3)).hasSize(4);
            assertThat(vectors(reading, 3)).hasSize(4);
        }
        requireSound();
    }
}
