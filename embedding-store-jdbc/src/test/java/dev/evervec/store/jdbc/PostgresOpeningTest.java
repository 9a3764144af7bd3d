package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.Secret;
import dev.evervec.testkit.ScriptedProvider;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How a store in PostgreSQL is opened, and what it does when it cannot be, or its connections are lost. */
final class PostgresOpeningTest {
    private static final Fingerprint NOBODYS =
            new Fingerprint(ModelIdentity.embedding("local", "model-a", 3, "", "l2"), "");

    private final TestPostgres database = TestPostgres.newDatabase();
    private final ScriptedProvider embedder =
            ScriptedProvider.builder().dimension(3).build();

    @BeforeEach
    void makeRole() {
        database.execute("drop role if exists lowly");
        database.execute("create role lowly login");
    }

    @AfterEach
    void drop() {
        database.drop();
        TestPostgres.newDatabase().execute("drop role lowly");
    }

    private Tables tables(String schema) {
        return new Tables(database, schema);
    }

    private Fingerprint build(EmbeddingStore store, int records) {
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(IntStream.range(0, records)
                        .mapToObj(i -> SourceRecord.of("id-" + i, "text " + i))
                        .toList()))
                .embedder(embedder)
                .store(store)
                .build();
        assertThat(pipeline.run(BuildRequest.all()).totalFailed()).isZero();
        return pipeline.fingerprint();
    }

    private static String stackTrace(Throwable thrown) {
        StringWriter text = new StringWriter();
        thrown.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    @Test
    void findsEverythingAgainInASchemaOfItsOwn() throws Exception {
        Fingerprint fingerprint;
        try (EmbeddingStore store =
                JdbcStore.builder(database.settings()).schema("vectors_2").open()) {
            assertThat(store.location())
                    .isEqualTo("PostgreSQL 127.0.0.1:" + TestPostgres.port() + "/" + database.name()
                            + ", schema vectors_2");
            fingerprint = build(store, 3);
        }

        try (EmbeddingStore store = JdbcStore.open(database.settings("vectors_2"))) {
            assertThat(store.stats(fingerprint).get(0).embedded()).isEqualTo(3);
        }
        assertThat(tables("public").number("select count(*) from pg_tables where schemaname = 'public'"))
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "Upper", "a-b", "a\"b", "1a", "pg_mine", "information_schema", "a; drop schema public"})
    void namesThatWouldHaveToBeQuotedAreRefused(String schema) {
        assertThatThrownBy(() -> JdbcStore.open(database.settings(schema)))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("schema's name");
        assertThatThrownBy(() -> JdbcStore.builder(database.settings()).schema(schema))
                .isInstanceOf(StoreException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"user", "select", "order", "public"})
    void aWordOfSqlMayBeTheNameOfASchema(String schema) throws Exception {
        try (EmbeddingStore store = JdbcStore.open(database.settings(schema))) {
            build(store, 3);
        }
        tables("\"" + schema + "\"").requireSound();

        database.execute("drop schema \"" + schema + "\" cascade");
        database.execute(JdbcStore.builder(database.settings()).schema(schema).ddl());
        JdbcStore.open(database.settings(schema)).close();
    }

    @Test
    void manyThatOpenAtOnceMakeTheTablesOnce() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(6);
        try {
            List<Callable<String>> openings = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                openings.add(() -> {
                    try (EmbeddingStore store = database.open()) {
                        return store.location();
                    }
                });
            }
            for (Future<String> opened : threads.invokeAll(openings)) {
                assertThat(opened.get()).contains(database.name());
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(tables("evervec").rows("select version from evervec_schema")).containsExactly("1");
    }

    @Test
    void aNewerSchemaAndOneOfAnotherDdlAreRefused() throws Exception {
        database.open().close();
        tables("evervec").execute("insert into evervec_schema values (99, 0, 'x')");
        assertThatThrownBy(database::open).hasMessageContaining("schema version 99");

        tables("evervec").execute("delete from evervec_schema where version = 99");
        tables("evervec").execute("update evervec_schema set checksum = 'x'");
        assertThatThrownBy(database::open).hasMessageContaining("another DDL").hasMessageContaining("another schema");
    }

    @Test
    void tablesOfAnEarlierVersionAreNotTakenForAnEmptyStore() throws Exception {
        database.open().close();
        Dialect dialect = new PostgresDialect(PostgresServer.of(database.settings()), null);
        List<String> versions = new ArrayList<>(Schema.versions(dialect.name()));
        versions.add("create table later (number bigint);\n");

        assertThatThrownBy(() -> dialect.openReader(new Schema(dialect, versions)))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("schema version 1")
                .hasMessageContaining("reads version 2")
                .hasMessageContaining("open the store for writing");
    }

    @Test
    void aTableOfSomebodyElseInTheSchemaIsToldAndLeftAlone() throws Exception {
        database.execute("create schema evervec; create table evervec.evervec_ledger (number bigint)");

        assertThatThrownBy(database::open).hasMessageContaining("42P07").hasMessageContaining("another schema");
        assertThat(tables("evervec").rows("select tablename from pg_tables where schemaname = 'evervec'"))
                .containsExactly("evervec_ledger");
    }

    @Test
    void whoMayNotUseTheSchemaIsTold() {
        database.open().close();
        StoreSettings lowly = new StoreSettings(database.url(), "lowly", null, null);

        for (Callable<EmbeddingStore> opening :
                List.<Callable<EmbeddingStore>>of(() -> JdbcStore.open(lowly), () -> JdbcStore.openForReading(lowly))) {
            assertThatThrownBy(opening::call).isInstanceOf(StoreException.class).hasMessageContaining("may not use it");
        }
    }

    @Test
    void whoMayNotMakeTheSchemaIsToldAndItsOwnerCanMakeItByHand() throws Exception {
        StoreSettings lowly = new StoreSettings(database.url(), "lowly", null, null);
        assertThatThrownBy(() -> JdbcStore.open(lowly))
                .isInstanceOf(StoreException.class)
                .hasMessageContaining("42501")
                .hasMessageContaining("JdbcStore.Builder.ddl")
                .hasMessageNotContaining("lowly");

        database.execute(JdbcStore.builder(lowly).ddl());
        database.execute("grant usage, create on schema evervec to lowly");
        database.execute("grant all on all tables in schema evervec to lowly");
        database.execute("grant usage on all sequences in schema evervec to lowly");

        try (EmbeddingStore store = JdbcStore.open(lowly)) {
            build(store, 3);
        }
        tables("evervec").requireSound();
    }

    @Test
    void thePrintedDdlMakesTheSameTables() throws Exception {
        JdbcStore.open(database.settings("ours")).close();
        database.execute(
                JdbcStore.builder(database.settings()).schema("by_hand").ddl());

        assertThat(shape("by_hand")).isEqualTo(shape("ours")).hasSizeGreaterThan(100);
        JdbcStore.open(database.settings("by_hand")).close();
    }

    private List<String> shape(String schema) throws SQLException {
        List<String> shape = tables(schema)
                .rows("select table_name, column_name, data_type, collation_name, is_nullable, column_default,"
                        + " is_identity from information_schema.columns where table_schema = '" + schema
                        + "' order by 1, 2");
        shape.addAll(tables(schema)
                .rows("select replace(indexdef, '" + schema + ".', '') from pg_indexes" + " where schemaname = '"
                        + schema + "' order by 1"));
        shape.addAll(tables(schema)
                .rows("select relname, relpersistence, relkind from pg_class where relnamespace = '" + schema
                        + "'::regnamespace order by 1"));
        return shape;
    }

    @Test
    void readingMakesNothingAndFindsNothingUntilThereIsSomething() throws Exception {
        try (EmbeddingStore reading = JdbcStore.openForReading(database.settings())) {
            assertThat(reading.generations()).isEmpty();
            assertThat(reading.jobs(5)).isEmpty();
            assertThat(reading.stats(NOBODYS)).isEmpty();
            assertThatThrownBy(() -> reading.prune("abc")).isInstanceOf(IllegalStateException.class);
            assertThat(tables("public").number("select count(*) from pg_namespace where nspname = 'evervec'"))
                    .isZero();

            try (EmbeddingStore store = database.open()) {
                Fingerprint fingerprint = build(store, 2);
                assertThat(reading.stats(fingerprint))
                        .isEqualTo(store.stats(fingerprint))
                        .hasSize(1);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:postgresql://127.0.0.1:1/x?password=hunter2, 08001, TRANSIENT",
        "jdbc:postgresql://hunter2@127.0.0.1:1/x, 08001, TRANSIENT"
    })
    void anUnreachableServerIsToldWithoutUserAndPassword(String url, String state, StoreException.Kind kind) {
        StoreSettings settings = new StoreSettings(url, "hunter2", Secret.ofPassword("hunter2"), null);

        assertThatThrownBy(() -> JdbcStore.open(settings)).isInstanceOfSatisfying(StoreException.class, failure -> {
            assertThat(failure.kind()).isEqualTo(kind);
            assertThat(failure).hasMessageContaining(state).hasMessageContaining("127.0.0.1:1/x");
            assertThat(stackTrace(failure)).doesNotContain("hunter2");
        });
    }

    @Test
    void aMissingDatabaseAndAMissingUserAreTold() {
        StoreSettings missing = new StoreSettings(database.url() + "_not", "postgres", null, null);
        StoreSettings nobody = new StoreSettings(database.url(), "hunter2", null, null);

        assertThatThrownBy(() -> JdbcStore.open(missing))
                .hasMessageContaining("3D000")
                .hasMessageContaining("create it");
        assertThatThrownBy(() -> JdbcStore.open(nobody))
                .hasMessageContaining("28000")
                .satisfies(failure -> assertThat(stackTrace(failure)).doesNotContain("hunter2"));
    }

    @Test
    void aHostsConnectionsAreGivenBackAsTheyWere() throws Exception {
        try (LentConnection lent = new LentConnection(database.dataSource())) {
            Connection connection = lent.getConnection();
            try (EmbeddingStore reading = JdbcStore.builder(lent).schema("lent").openForReading()) {
                assertThat(reading.generations()).isEmpty();
            }
            assertAsItWas(connection);

            try (EmbeddingStore store =
                    JdbcStore.builder(database.dataSource()).schema("lent").open()) {
                Fingerprint fingerprint = build(store, 4);
                try (EmbeddingStore reading =
                        JdbcStore.builder(lent).schema("lent").openForReading()) {
                    List<String> ids = new ArrayList<>();
                    reading.forEachVector(
                            fingerprint, null, vector -> ids.add(vector.key().id()));
                    assertThat(ids).hasSize(4);
                }
            }
            assertAsItWas(connection);
            JdbcStore.builder(lent).schema("lent").open().close();
            assertAsItWas(connection);
        }
    }

    private static void assertAsItWas(Connection connection) throws SQLException {
        assertThat(connection.getAutoCommit()).isTrue();
        assertThat(connection.isReadOnly()).isFalse();
        try (var sql = connection.createStatement();
                var row = sql.executeQuery("select current_setting('search_path'), current_setting('jit'),"
                        + " current_setting('transaction_isolation')")) {
            row.next();
            assertThat(row.getString(1)).isEqualTo("\"$user\", public");
            assertThat(row.getString(2)).isEqualTo("on");
            assertThat(row.getString(3)).isEqualTo("read committed");
        }
    }

    @Test
    void lostConnectionsAreOpenedAnew() throws Exception {
        try (EmbeddingStore store = database.open()) {
            Fingerprint fingerprint = build(store, 5);
            terminateOthers();

            assertThat(store.stats(fingerprint).get(0).embedded()).isEqualTo(5);
            assertThatThrownBy(() -> store.prune("00000000"))
                    .isInstanceOfSatisfying(
                            StoreException.class,
                            failure -> assertThat(failure.kind()).isEqualTo(StoreException.Kind.TRANSIENT));
            assertThat(store.prune("00000000")).isEmpty();
            build(store, 7);
        }
        tables("evervec").requireSound();
    }

    @Test
    void vectorsAreReadAsTheyAreHandedOut() throws Exception {
        try (EmbeddingStore store = database.open()) {
            Fingerprint fingerprint = build(store, 2000);
            List<String> ids = new ArrayList<>();

            assertThatThrownBy(() -> store.forEachVector(fingerprint, null, vector -> {
                        ids.add(vector.key().id());
                        if (ids.size() == 1) {
                            terminateOthers();
                        }
                    }))
                    .isInstanceOf(StoreException.class);
            assertThat(ids).isNotEmpty().hasSizeLessThan(1000);
        }
    }

    private void terminateOthers() {
        database.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                + " and pid <> pg_backend_pid()");
    }
}
