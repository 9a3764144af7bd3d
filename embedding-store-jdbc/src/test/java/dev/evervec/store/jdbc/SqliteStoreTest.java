package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.EmbeddingStoreContract;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.JobEnd;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Capability;
import dev.evervec.provider.TokenUsage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The contract on SQLite, and what SQLite alone can do and suffer. */
class SqliteStoreTest extends EmbeddingStoreContract {
    private static final JobStart LIVE = new JobStart(JobStart.LIVE_ID, FINGERPRINT, 3, Set.of(), JobStart.Kind.LIVE);

    @TempDir
    private Path folder;

    /** The dialect of the store that {@link #openEmpty} opened last. */
    private FaultyDialect dialect;

    @Override
    protected EmbeddingStore openEmpty() {
        dialect = new FaultyDialect(SqliteDialect.in(file()));
        return JdbcStore.open(dialect, Clock.systemUTC());
    }

    @Override
    protected EmbeddingStore successor() {
        dialect.loseLocks();
        return openEmpty();
    }

    private Path file() {
        return folder.resolve("store.db");
    }

    private void reopen(EmbeddingStore other) {
        store.close();
        store = other;
    }

    private Tables tables() {
        return new Tables(file());
    }

    private Connection connect() throws SQLException {
        return tables().connect();
    }

    private List<String> rows(String query) throws SQLException {
        return tables().rows(query);
    }

    private List<String> dump() throws SQLException {
        return tables().dump();
    }

    private List<String> records() throws SQLException {
        return dump().stream()
                .filter(row -> !row.startsWith("evervec_job") && !row.startsWith("evervec_worker"))
                .toList();
    }

    private static String stackTrace(Throwable thrown) {
        StringWriter text = new StringWriter();
        thrown.printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    private static StoreSettings url(String url) {
        return new StoreSettings(url, null, null, null);
    }

    @Nested
    class Opening {
        @Test
        void findsEverythingAgainAfterClosing() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"));
            List<String> before = dump();

            reopen(JdbcStore.open(url("jdbc:sqlite:" + file())));

            assertThat(dump()).isEqualTo(before);
            assertThat(vectors(FINGERPRINT)).containsOnlyKeys(key("1"));
            assertThat(store.location()).isEqualTo(file().toRealPath().toString());
        }

        @Test
        void aNewFileIsInWalModeWithLargePages() throws Exception {
            assertThat(rows("pragma journal_mode")).containsExactly("wal");
            assertThat(rows("pragma page_size")).containsExactly("32768");
        }

        @Test
        void aHostsOwnFileKeepsItsTables() throws Exception {
            Path host = folder.resolve("host.db");
            try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + host);
                    Statement sql = connection.createStatement()) {
                sql.execute("create table articles (id integer primary key, body text)");
                sql.execute("insert into articles values (1, 'kept')");
            }

            reopen(JdbcStore.openSqlite(host));
            embed(FINGERPRINT, scanned("1", "one"));

            try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + host);
                    Statement sql = connection.createStatement();
                    ResultSet row = sql.executeQuery("select body from articles")) {
                assertThat(row.getString(1)).isEqualTo("kept");
            }
            assertThat(vectors(FINGERPRINT)).hasSize(1);
        }

        @ParameterizedTest
        @CsvSource({
            "jdbc:mysql://db/evervec, use jdbc:sqlite:FILE",
            "embeddings.db, use jdbc:sqlite:FILE",
            "jdbc:sqlite:, a database in memory cannot be used",
            "jdbc:sqlite::memory:, a database in memory cannot be used",
            "jdbc:sqlite:file:x?mode=memory, a database in memory cannot be used",
            "jdbc:sqlite:x.db?cache=shared, without parameters"
        })
        void otherUrlsAreRefused(String url, String why) {
            assertThatThrownBy(() -> JdbcStore.open(url(url)))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining(why);
        }

        @Test
        void aUrlIsNotQuotedBecauseItMayHoldAPassword() {
            assertThatThrownBy(() -> JdbcStore.open(url("jdbc:mysql://u:hunter2@db/x?password=hunter2")))
                    .satisfies(thrown -> assertThat(stackTrace(thrown)).doesNotContain("hunter2"));
        }

        @Test
        void aFolderIsRefused() {
            assertThatThrownBy(() -> JdbcStore.openSqlite(folder))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining(folder + " is a folder");
        }

        @Test
        void aMissingFolderIsRefused() {
            assertThatThrownBy(() -> JdbcStore.openSqlite(folder.resolve("none/store.db")))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("does not exist: create it");
        }

        @Test
        void somethingElseThanADatabaseIsRefusedAndLeftAsItIs() throws Exception {
            Path other = folder.resolve("notes.txt");
            Files.writeString(other, "these are notes and no database, whatever the name\n".repeat(50));
            byte[] before = Files.readAllBytes(other);

            assertThatThrownBy(() -> JdbcStore.openSqlite(other))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("not an SQLite database")
                    .hasMessageContaining("SQLITE_NOTADB");
            assertThat(Files.readAllBytes(other)).isEqualTo(before);
        }

        @Test
        void aReadOnlyFileIsRefused() throws Exception {
            store.close();
            assertThat(file().toFile().setReadOnly()).isTrue();
            assumeFalse(Files.isWritable(file()), "this user may write to read-only files");

            assertThatThrownBy(() -> JdbcStore.openSqlite(file()))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("read-only");
        }

        @Test
        void aNewerSchemaIsRefused() throws Exception {
            tables().execute("insert into evervec_schema values (99, 0, 'x')");

            assertThatThrownBy(SqliteStoreTest.this::openEmpty)
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("schema version 99")
                    .hasMessageContaining("versions up to 1");
        }

        @Test
        void aSchemaMadeByAnotherDdlIsRefused() throws Exception {
            tables().execute("update evervec_schema set checksum = 'x'");

            assertThatThrownBy(SqliteStoreTest.this::openEmpty)
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("another DDL for schema version 1");
        }

        @Test
        void tablesMadeByHandFromThePrintedDdlAreAccepted() throws Exception {
            Path byHand = folder.resolve("by-hand.db");
            try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + byHand);
                    Statement sql = connection.createStatement()) {
                for (String statement : JdbcStore.ddl().split(";\n")) {
                    if (!statement.isBlank()) {
                        sql.execute(statement);
                    }
                }
            }

            reopen(JdbcStore.openSqlite(byHand));
            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(vectors(FINGERPRINT)).hasSize(1);
        }

        @Test
        void withoutTheDriverTheErrorNamesItsArtifact() throws Exception {
            try (URLClassLoader withoutDriver = OwnClasses.load(OwnClasses.Driver.MISSING)) {
                Class<?> there = withoutDriver.loadClass(JdbcStore.class.getName());

                assertThatThrownBy(() ->
                                there.getMethod("openSqlite", Path.class).invoke(null, folder.resolve("other.db")))
                        .isInstanceOf(InvocationTargetException.class)
                        .cause()
                        .hasMessageContaining("org.xerial:sqlite-jdbc");
            }
        }
    }

    /** Begins a job and ends it; called in another class loader. Says what came of it. */
    private static String beginThere(String file) {
        try (EmbeddingStore store = JdbcStore.openSqlite(Path.of(file))) {
            store.beginJob(new JobStart("there-" + System.nanoTime(), FINGERPRINT, 3));
            return "begun";
        } catch (JobRefusedException e) {
            return e.getMessage();
        }
    }

    @Nested
    class OpeningTogether {
        @Test
        void severalMayOpenANewFileAtTheSameTime() throws Exception {
            for (int round = 0; round < 25; round++) {
                Path fresh = folder.resolve("fresh-" + round + ".db");
                CyclicBarrier start = new CyclicBarrier(4);
                ExecutorService executor = Executors.newFixedThreadPool(4);
                try {
                    Callable<EmbeddingStore> open = () -> {
                        start.await();
                        return JdbcStore.openSqlite(fresh);
                    };
                    for (Future<EmbeddingStore> opened : executor.invokeAll(Collections.nCopies(4, open))) {
                        opened.get().close();
                    }
                } finally {
                    executor.shutdownNow();
                }
            }
        }
    }

    @Nested
    class OpeningForReading {
        private EmbeddingStore reading(Path path) {
            return JdbcStore.openForReading(url("jdbc:sqlite:" + path));
        }

        @Test
        void whatIsNotThereIsAnEmptyStoreAndStaysAway() throws Exception {
            Path none = folder.resolve("none/store.db");
            List<ScannedRecord> page = List.of(scanned("1", "one"));

            try (EmbeddingStore reader = reading(none)) {
                assertThat(reader.wouldTake(new JobStart("imagined", FINGERPRINT, 3), page, MarkMode.PENDING))
                        .containsOnlyKeys(key("1"));
                assertThat(reader.stats(FINGERPRINT)).isEmpty();
                assertThat(reader.health(FINGERPRINT)).isEmpty();
                assertThat(reader.generations()).isEmpty();
                assertThat(reader.jobs(1)).isEmpty();
                assertThat(reader.vectors(FINGERPRINT, Set.of(Sha256.ofText("one"))))
                        .isEmpty();
                assertThat(reader.sample(FINGERPRINT, 3, 1)).isEmpty();
                assertThat(reader.location()).isEqualTo(none.toString());
            }

            assertThat(none.getParent()).doesNotExist();
        }

        @Test
        void aHostsFileWithoutOurTablesIsAnEmptyStoreAndIsLeftAsItIs() throws Exception {
            Path host = folder.resolve("host.db");
            new Tables(host).execute("create table articles (id integer primary key, body text)");
            byte[] before = Files.readAllBytes(host);

            try (EmbeddingStore reader = reading(host)) {
                assertThat(reader.generations()).isEmpty();
            }

            assertThat(Files.readAllBytes(host)).isEqualTo(before);
        }

        @Test
        void whatIsThereIsReadBesideARunningBuild() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"));
            JobTicket job = begin();
            mark(job, scanned("2", "two"));

            try (EmbeddingStore reader = reading(file())) {
                assertThat(reader.stats(FINGERPRINT)).isEqualTo(store.stats(FINGERPRINT));
                assertThat(commit(job, embedded(claimAll(job).get(0), "two"))).isEmpty();
                assertThat(reader.vectors(FINGERPRINT, Set.of(Sha256.ofText("two"))))
                        .hasSize(1);
            }
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files.map(file -> file.getFileName().toString()))
                        .containsExactlyInAnyOrder("store.db", "store.db-wal", "store.db-shm", "store.db.evervec.lock");
            }
        }

        @Test
        void nothingCanBeChanged() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"));
            List<String> before = dump();

            try (EmbeddingStore reader = reading(file())) {
                for (ThrowingCallable write : List.<ThrowingCallable>of(
                        () -> reader.beginJob(new JobStart("job", FINGERPRINT, 3)),
                        () -> reader.keepCalls(List.of(call(TokenUsage.NONE))),
                        () -> reader.prune(FINGERPRINT.generation()))) {
                    assertThatThrownBy(write)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("opened for reading");
                }
            }

            assertThat(dump()).isEqualTo(before);
        }

        @Test
        void otherSchemasAndOtherFilesAreRefused() throws Exception {
            tables().execute("insert into evervec_schema values (99, 0, 'x')");
            assertThatThrownBy(() -> reading(file()))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("schema version 99");
            Path notes = Files.writeString(folder.resolve("notes.txt"), "no database\n".repeat(200));
            assertThatThrownBy(() -> reading(notes))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("SQLITE_NOTADB");
            assertThatThrownBy(() -> JdbcStore.openForReading(url("jdbc:postgresql://db/x")))
                    .isInstanceOf(StoreException.class);
        }
    }

    @Nested
    class TwoStoresOnOneFile {
        private EmbeddingStore other;

        private void openOther(Path path) {
            other = JdbcStore.openSqlite(path);
        }

        private void closeOther() {
            other.close();
        }

        @Test
        void theSecondJobInOneProcessIsRefusedAndTheSecondStoreReads() {
            embed(FINGERPRINT, scanned("1", "one"));
            openOther(file());
            JobTicket job = begin();

            assertThatThrownBy(() -> other.beginJob(new JobStart("second", FINGERPRINT, 3)))
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining(job.start().jobId())
                    .hasMessageContaining("in this process");
            assertThat(other.stats(FINGERPRINT)).isEqualTo(store.stats(FINGERPRINT));
            end(job);
            assertThat(other.beginJob(new JobStart("second", FINGERPRINT, 3)).number())
                    .isGreaterThan(job.number());
            closeOther();
        }

        @Test
        void aSymbolicLinkIsTheSameFile() throws Exception {
            Path link = Files.createSymbolicLink(folder.resolve("link.db"), file());
            openOther(link);
            begin();

            assertThatThrownBy(() -> other.beginJob(new JobStart("second", FINGERPRINT, 3)))
                    .isInstanceOf(JobRefusedException.class);
            closeOther();
        }

        @Test
        void refusedAttemptsDoNotLoosenTheLock() throws Exception {
            openOther(file());
            begin();

            for (int i = 0; i < 3; i++) {
                assertThatThrownBy(() -> other.beginJob(new JobStart("second", FINGERPRINT, 3)))
                        .isInstanceOf(JobRefusedException.class);
            }
            closeOther();
            try (Worker worker = new Worker("second")) {
                assertThat(worker.line()).contains("refused").contains("in another process");
            }
        }

        @Test
        void aJobOfAnotherProcessIsNamedAndItsDeathFreesEverythingAtOnce() throws Exception {
            try (Worker worker = new Worker("theirs")) {
                assertThat(worker.line()).isEqualTo("claimed 2");
                assertThatThrownBy(SqliteStoreTest.this::begin)
                        .isInstanceOf(JobRefusedException.class)
                        .hasMessageContaining("theirs")
                        .hasMessageContaining("in another process");
                worker.kill();
            }

            JobTicket job = begin();

            assertThat(rows("select id, state, untaken from evervec_job where ended_at is not null"))
                    .containsExactly("theirs|interrupted|3");
            assertThat(mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"))
                            .taken())
                    .isEqualTo(3);
            assertThat(claimAll(job)).extracting(Claim::version).containsExactly(2L, 2L, 1L);
        }

        @Test
        void aBuildInAnotherProcessLeavesRoomForOneLiveJob() throws Exception {
            try (Worker worker = new Worker("theirs")) {
                assertThat(worker.line()).isEqualTo("claimed 2");
                JobTicket live = beginLive();

                assertThat(mark(live, scanned("1", "uno"), scanned("3", "tres")))
                        .isEqualTo(new MarkedPage(1, List.of(), List.of(), List.of(key("1"))));
                assertThat(commit(live, embedded(claimAll(live).get(0), "tres")))
                        .isEmpty();
                end(live);
                assertThat(rows("select id, state from evervec_job order by id"))
                        .containsExactly("live|completed", "theirs|running");
                assertThatThrownBy(SqliteStoreTest.this::begin).isInstanceOf(JobRefusedException.class);
            }
        }

        @Test
        void theDeathOfALiveJobFreesNothingOfABuildAndTheOtherWayRound() throws Exception {
            JobTicket build = begin();
            mark(build, scanned("1", "build's"));
            List<Claim> claims = claimAll(build);
            try (Worker worker = new Worker(JobStart.LIVE_ID)) {
                assertThat(worker.line()).isEqualTo("claimed 2");
                worker.kill();
            }

            JobTicket live = beginLive();

            assertThat(mark(live, scanned("2", "two"), scanned("3", "three")).taken())
                    .isEqualTo(2);
            assertThat(claimAll(live)).hasSize(2);
            assertThat(store.jobs(1).get(0).state()).isEqualTo(JobState.RUNNING);
            assertThat(commit(build, embedded(claims.get(0), "build's"))).containsExactly(key("1"));
        }

        @Test
        void anotherClassLoaderIsAnotherProcess() throws Exception {
            begin();
            try (URLClassLoader loader = OwnClasses.load(OwnClasses.Driver.SHARED)) {
                assertThat(beginIn(loader))
                        .contains("job-1")
                        .contains("in another process")
                        .contains("wait for it to end, or cancel it");
            }
            try (Worker worker = new Worker("second")) {
                assertThat(worker.line()).contains("refused").contains("job-1");
            }
        }

        @Test
        void anotherClassLoaderGetsTheLockWhenItIsFree() throws Exception {
            JobTicket job = begin();
            try (URLClassLoader loader = OwnClasses.load(OwnClasses.Driver.SHARED)) {
                assertThat(beginIn(loader)).contains("job-1");
                end(job);

                assertThat(beginIn(loader)).isEqualTo("begun");
            }
            assertThat(begin().number()).isGreaterThan(job.number());
        }

        private String beginIn(ClassLoader loader) throws Exception {
            Method begin =
                    loader.loadClass(SqliteStoreTest.class.getName()).getDeclaredMethod("beginThere", String.class);
            begin.setAccessible(true);
            return String.valueOf(begin.invoke(null, file().toString()));
        }

        @Test
        void readersSeeWhatIsCommittedAndNothingElse() throws Exception {
            openOther(file());
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"));
            List<Claim> claims = claimAll(job);
            commit(job, embedded(claims.get(0), "one"));
            List<Long> seen = new ArrayList<>();
            dialect.beforeCommit(() -> seen.add(other.stats(FINGERPRINT).get(0).embedded()));

            commit(job, embedded(claims.get(1), "two"));

            seen.add(other.stats(FINGERPRINT).get(0).embedded());
            assertThat(seen).containsExactly(1L, 2L);
            closeOther();
        }

        /** A process of its own that begins a job, claims two of three records and waits. */
        private final class Worker implements AutoCloseable {
            private final Process process;
            private final BufferedReader output;

            Worker(String jobId) throws IOException {
                process = new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java")
                                        .toString(),
                                "-cp",
                                System.getProperty("java.class.path"),
                                SqliteStoreTest.class.getName(),
                                file().toString(),
                                jobId)
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
                output = process.inputReader(StandardCharsets.UTF_8);
            }

            /** The first line that is ours. */
            String line() throws IOException {
                String line = output.readLine();
                while (line != null && !line.startsWith("claimed") && !line.startsWith("refused")) {
                    line = output.readLine();
                }
                return line;
            }

            void kill() {
                process.destroyForcibly().onExit().join();
            }

            @Override
            public void close() throws IOException {
                kill();
                output.close();
            }
        }
    }

    /** The other process of {@link TwoStoresOnOneFile}. */
    public static void main(String[] args) throws IOException {
        try (EmbeddingStore store = JdbcStore.openSqlite(Path.of(args[0]))) {
            JobStart.Kind kind = args[1].equals(JobStart.LIVE_ID) ? JobStart.Kind.LIVE : JobStart.Kind.BUILD;
            JobTicket job = store.beginJob(new JobStart(args[1], FINGERPRINT, 3, Set.of(), kind));
            store.mark(job, List.of(scanned("1", "one"), scanned("2", "two"), scanned("3", "three")), MarkMode.PENDING);
            System.out.println("claimed " + store.claim(job, 2, LEASE).size());
            System.out.println("ended by " + System.in.read());
        } catch (JobRefusedException e) {
            System.out.println("refused: " + e.getMessage());
        }
    }

    @Nested
    class AWorkerThatWasTakenForDead {
        private EmbeddingStore late;
        private JobTicket lateJob;

        @BeforeEach
        void takeOver() {
            lateJob = begin();
            mark(lateJob, scanned("1", "one"), scanned("2", "two"));
            late = store;
            store = successor();
        }

        @AfterEach
        void closeLate() {
            late.close();
        }

        @Test
        void isToldThatItsJobIsNotItsOwnAnyMore() throws Exception {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"));
            List<Claim> claims = store.claim(job, 1, LEASE);
            List<String> before = dump();

            refused(() -> late.mark(lateJob, List.of(scanned("1", "late")), MarkMode.PENDING));
            refused(() -> late.claim(lateJob, 10, LEASE));
            refused(() -> late.endScan(lateJob, new ScanScope.Complete(null), 1));
            refused(() -> late.endJob(lateJob, JobState.COMPLETED, Reason.ABORTED));

            assertThat(dump()).isEqualTo(before);
            assertThat(commit(job, embedded(claims.get(0), "one"))).isEmpty();
        }

        private void refused(ThrowingCallable write) {
            assertThatThrownBy(write)
                    .isInstanceOfSatisfying(
                            StoreException.class,
                            thrown -> assertThat(thrown.kind()).isEqualTo(StoreException.Kind.PERMANENT))
                    .hasMessageContaining("job-1")
                    .hasMessageContaining("taken over");
        }

        @Test
        void countsItsLateResultsAsSuperseded() throws Exception {
            late.commit(lateJob, List.of(), List.of());
            List<Claim> claims = late.claim(lateJob, 10, LEASE);
            begin();

            Set<RecordKey> refused = late.commit(
                    lateJob,
                    List.of(embedded(claims.get(0), "one"), not(claims.get(1), "two", Reason.EMBED_PERMANENT)),
                    List.of(call(TokenUsage.reported(7, 0))));

            assertThat(refused).containsExactly(key("1"), key("2"));
            assertThat(rows("select reason, records from evervec_job_count")).containsExactly("superseded|2");
            assertThat(rows("select state, embedded, untaken, requests, input_tokens from evervec_job where number = "
                            + lateJob.number()))
                    .containsExactly("interrupted|0|2|1|7");
        }
    }

    @Nested
    class Rows {
        @Test
        void aRunWithNothingToDoLeavesEveryRowAsItWas() throws Exception {
            List<ScannedRecord> records = IntStream.range(0, 300)
                    .mapToObj(i -> scanned("id-" + i, "text " + i))
                    .toList();
            embed(FINGERPRINT, records.toArray(ScannedRecord[]::new));
            fail(scanned("empty", "<p></p>"), Reason.EMPTY_CONTENT);
            List<String> before = records();

            JobTicket job = begin();
            List<ScannedRecord> again = new ArrayList<>(records);
            again.add(scanned("empty", "<p></p>"));
            MarkedPage page = store.mark(job, again, MarkMode.PENDING);
            store.endScan(job, new ScanScope.Partial(), 0.1);
            end(job);

            assertThat(page).isEqualTo(new MarkedPage(0, List.of(), List.of(), List.of()));
            assertThat(records()).isEqualTo(before);
        }

        @Test
        void aJobsRowHasItsCountsAndTokens() throws Exception {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"), scanned("4", "four"));
            store.endScan(job, new ScanScope.Complete(null), 0.1);
            List<Claim> claims = store.claim(job, 3, LEASE);
            store.keepRewrites(
                    job,
                    "f",
                    Map.of(Sha256.ofText("one"), "1"),
                    List.of(call(TokenUsage.reported(15, 30)), call(TokenUsage.reported(5, 0))));
            store.commit(
                    job,
                    List.of(embedded(claims.get(0), "one"), not(claims.get(1), "two", Reason.EMBED_PERMANENT)),
                    List.of(call(TokenUsage.estimated(5, 0))));
            store.commit(job, List.of(embedded(claims.get(0), "one")), List.of());
            store.endJob(job, JobState.CANCELLED, Reason.CANCELLED);

            assertThat(rows("select id, state, embedded, untaken, untaken_reason, requests, input_tokens,"
                            + " output_tokens, tokens_estimated, scan_ended_at is not null from evervec_job"))
                    .containsExactly("job-1|cancelled|1|2|cancelled|3|25|30|1|1");
            assertThat(rows("select reason, records from evervec_job_count order by reason"))
                    .containsExactly("cancelled|2", "embed_permanent|1", "superseded|1");
        }

        @Test
        void noRowStaysOnTheListOfAnEndedJob() throws Exception {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"), scanned("4", "four"));
            List<Claim> claims = store.claim(job, 3, LEASE);
            commit(job, embedded(claims.get(0), "one"), not(claims.get(1), "two", Reason.ABORTED));
            end(job);

            assertThat(rows("select distinct job, owner from evervec_ledger")).containsExactly("null|null");
        }

        @Test
        void vectorsAreLittleEndianFloats() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(rows("select vector from evervec_vector"))
                    .containsExactly(new String(vectorOf("one").toLittleEndian(), StandardCharsets.ISO_8859_1));
        }

        @ParameterizedTest
        @ValueSource(strings = {"0.0000000000001", "-1", "9300000"})
        void aCostThatIsNoneIsRefusedAndWritesNothing(String usd) throws Exception {
            JobTicket job = begin();
            List<String> before = dump();

            assertThatThrownBy(() -> store.commit(job, List.of(), List.of(call(TokenUsage.NONE, new BigDecimal(usd)))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(new BigDecimal(usd).toPlainString());
            assertThat(dump()).isEqualTo(before);
        }

        @Test
        void aCallIsARowWithARowForEachSource() throws Exception {
            JobTicket job = begin();
            ProviderCall call = new ProviderCall(
                    Instant.ofEpochMilli(1234),
                    Duration.ofMillis(56),
                    "openai",
                    "small",
                    Capability.REWRITE,
                    2,
                    TokenUsage.estimated(7, 8),
                    new BigDecimal("1.5"),
                    "quota",
                    List.of(
                            new ProviderCall.Share("a", 1, 3, 8, new BigDecimal("1")),
                            new ProviderCall.Share("b", 1, 4, 0, null)));

            store.keepRewrites(job, "f", Map.of(), List.of(call));

            assertThat(rows("select at, took_ms, provider, model, capability, texts, requests, input_tokens,"
                            + " output_tokens, estimated, cost, failure, job from evervec_usage"))
                    .containsExactly("1234|56|openai|small|rewrite|2|1|7|8|1|1500000000000|quota|" + job.number());
            assertThat(rows("select source, texts, input_tokens, output_tokens, cost from evervec_usage_share"
                            + " order by source"))
                    .containsExactly("a|1|3|8|1000000000000", "b|1|4|0|null");
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = ';',
                value = {
                    "select changed_at from evervec_ledger where generation = 1 and source = 'a' and state = 'pending'"
                            + " order by changed_at limit 1; evervec_ledger_pending",
                    "select source, id from evervec_ledger where met = 1 and generation = 1; evervec_ledger_met",
                    "select source, id from evervec_outcome where source = 'a' and id = 'b' and generation = 1;"
                            + " evervec_outcome_record",
                    "select at from evervec_usage where at >= 1 and at < 2 order by at limit 1; evervec_usage_at",
                    "select number from evervec_ledger where generation = 1 and reason in ('a', 'b') and attempts < 3"
                            + " limit 5; evervec_ledger_reason"
                })
        void whatIsLookedUpHasItsIndex(String query, String index) throws Exception {
            assertThat(String.join(" ", rows("explain query plan " + query)))
                    .contains(index)
                    .doesNotContain("TEMP B-TREE");
        }

        @Test
        void aVectorIsLookedUpFromTheEntryOfItsText() throws Exception {
            Generation generation = new Generation(1, "evervec_vector", VectorType.BLOB);
            for (Bulk find : Texts.FINDS) {
                List<String> plan = rows("explain query plan "
                        + generation
                                .sql(find)
                                .forOneRow()
                                .replaceFirst("[?]", "1")
                                .replaceFirst("[?]", "2")
                                .replaceFirst("[?]", "x'00'"));

                assertThat(plan).hasSize(3);
                assertThat(plan.get(0)).contains("SEARCH t USING PRIMARY KEY (generation=? AND text_key=?)");
                assertThat(plan.get(1)).contains("SEARCH l USING INTEGER PRIMARY KEY");
                assertThat(plan.get(2)).contains("SEARCH v USING INDEX", "(generation=? AND source=? AND id=?)");
            }
        }

        @Test
        void manyTextsAreLookedForAtOnce() throws Exception {
            assertThat(rows("explain query plan " + Texts.NOTED.forSomeRows(64)))
                    .filteredOn(step -> step.contains("SEARCH t USING PRIMARY KEY (generation=? AND text_key=?)"))
                    .hasSize(2);
        }

        @Test
        void theLedgerIsLookedUpForEachOfManyRows() throws Exception {
            Generation generation = new Generation(1, "evervec_vector", VectorType.BLOB);
            Map<Bulk, String> lookUps = Map.of(
                    Known.COMPARE, "(generation=? AND source=? AND id=?)",
                    Results.READ, "(generation=? AND source=? AND id=?)",
                    Results.EMBEDDED, "SEARCH evervec_ledger USING INTEGER PRIMARY KEY");
            for (Map.Entry<Bulk, String> lookUp : lookUps.entrySet()) {
                assertThat(rows("explain query plan "
                                + generation.sql(lookUp.getKey()).forSomeRows(64)))
                        .anyMatch(step -> step.contains(lookUp.getValue()))
                        .noneMatch(step -> step.contains("AUTOMATIC"));
            }
        }

        @Test
        void vectorsAreFoundByTheirTextWhereverItsEntryIs() throws Exception {
            int many = Texts.WAITING + 100;
            JobTicket job = begin();
            List<ScannedRecord> records = IntStream.range(0, many)
                    .mapToObj(i -> scanned("id-" + i, "text " + i))
                    .toList();
            store.mark(job, records, MarkMode.PENDING);
            for (List<Claim> claims = claimAll(job); !claims.isEmpty(); claims = claimAll(job)) {
                store.commit(
                        job,
                        claims.stream()
                                .<RecordResult>map(claim -> embedded(claim, textAt(claim)))
                                .toList(),
                        List.of());
            }

            Set<Sha256> all = IntStream.range(0, many)
                    .mapToObj(i -> Sha256.ofText("text " + i))
                    .collect(Collectors.toSet());
            assertThat(store.vectors(FINGERPRINT, all).keySet()).isEqualTo(all);
            assertThat(tables().number("select count(*) from evervec_text")).isGreaterThanOrEqualTo(Texts.WAITING);
            assertThat(tables().number("select count(*) from evervec_text_recent"))
                    .isEqualTo(many - tables().number("select count(*) from evervec_text"));
            end(job);
            store.prune(FINGERPRINT.generation());
            assertThat(tables().number("select count(*) from evervec_text")).isZero();
        }

        @Test
        void aTextIsNotFoundThroughARecordThatTookThePlaceOfItsOwn() {
            embed(FINGERPRINT, scanned("1", "one"));
            JobTicket live = beginLive();
            store.forget(live, Set.of(key("1")));
            mark(live, scanned("2", "two"));
            commit(live, embedded(claimAll(live).get(0), "two"));

            assertThat(store.vectors(FINGERPRINT, Set.of(Sha256.ofText("one"), Sha256.ofText("two"))))
                    .containsOnlyKeys(Sha256.ofText("two"));
        }

        @Test
        void claimingWalksTheListByItsIndex() throws Exception {
            String plan = String.join(
                    " ",
                    rows("explain query plan select number from evervec_ledger where job = 1 and owner is null"
                            + " order by number limit 100"));

            assertThat(plan).contains("evervec_ledger_list").doesNotContain("TEMP B-TREE");
        }

        @Test
        void theClockGivesTheTimes() {
            reopen(JdbcStore.open(
                    SqliteDialect.in(file()), Clock.fixed(Instant.ofEpochMilli(1234567), ZoneOffset.UTC)));

            embed(FINGERPRINT, scanned("1", "one"));

            assertThat(trace("1").changedAt()).isEqualTo(Instant.ofEpochMilli(1234567));
            assertThat(store.generations().get(0).createdAt()).isEqualTo(Instant.ofEpochMilli(1234567));
        }
    }

    @Nested
    class Failing {
        private FaultyDialect faults;

        @BeforeEach
        void openFaulty() {
            faults = new FaultyDialect(SqliteDialect.in(file()));
            reopen(JdbcStore.open(faults, Clock.systemUTC()));
        }

        /** Lets the first, second, third … statement of an action fail until it needs no more statements. */
        private int failEveryStatement(Runnable action) throws SQLException {
            for (int statement = 1; statement < 200; statement++) {
                List<String> before = dump();
                faults.failAt(statement);
                try {
                    action.run();
                    faults.failNone();
                    return statement - 1;
                } catch (StoreException e) {
                    faults.failNone();
                    assertThat(dump())
                            .as("after statement " + statement + " failed")
                            .isEqualTo(before);
                    assertThat(stackTrace(e)).doesNotContain(FaultyDialect.SECRET);
                    assertThat(e).hasMessageContaining(file().getFileName().toString());
                }
            }
            throw new AssertionError("the action still fails when none of its statements is made to");
        }

        @Test
        void anyStatementOfACommitLeavesNothingHalfWritten() throws Exception {
            embed(FINGERPRINT, scanned("2", "old"));
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"), scanned("4", "four"));
            List<Claim> claims = claimAll(job);
            commit(job, embedded(claims.get(0), "done"));

            int statements = failEveryStatement(() -> assertThat(commit(
                            job,
                            embedded(claims.get(0), "late"),
                            not(claims.get(1), "two", Reason.EMPTY_CONTENT),
                            embedded(claims.get(2), "three"),
                            not(claims.get(3), "four", Reason.SUPERSEDED)))
                    .containsExactly(claims.get(0).key()));

            assertThat(statements).isGreaterThanOrEqualTo(10);
            assertThat(vectors(FINGERPRINT)).hasSize(2);
            assertThat(end(job).untaken()).isZero();
        }

        @Test
        void anyStatementOfAMarkLeavesNothingHalfWritten() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            JobTicket job = begin();

            failEveryStatement(() -> assertThat(mark(
                            job, scanned("1", "uno"), scanned("2", ""), scanned("3", "three"), scanned("3", "again")))
                    .isEqualTo(new MarkedPage(2, List.of(key("3")), List.of(), List.of())));

            failEveryStatement(() ->
                    assertThat(mark(job, scanned("1", "again")).duplicates()).containsExactly(key("1")));
        }

        @Test
        void anyStatementOfTheRestLeavesNothingHalfWritten() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"), scanned("gone", "gone"));
            JobTicket[] job = new JobTicket[1];

            failEveryStatement(() -> job[0] = store.beginJob(new JobStart("faulty", fingerprint("model-b"), 3)));
            end(job[0]);
            job[0] = begin();
            mark(job[0], scanned("1", "uno"));
            failEveryStatement(() -> assertThat(store.endScan(job[0], new ScanScope.Complete(null), 1)
                            .removed())
                    .containsEntry("articles", 1L));
            failEveryStatement(() -> assertThat(claimAll(job[0])).hasSize(1));
            failEveryStatement(() -> store.renewLeases(job[0], LEASE));
            failEveryStatement(() -> store.keepRewrites(job[0], "f", Map.of(Sha256.ofText("one"), "uno"), List.of()));
            failEveryStatement(() -> store.noteHeldUp(job[0], "nothing gets through"));
            failEveryStatement(() -> store.keepCalls(List.of(call(TokenUsage.NONE), call(TokenUsage.NONE))));
            failEveryStatement(() -> assertThat(end(job[0]).untaken()).isEqualTo(1));
            failEveryStatement(
                    () -> assertThat(store.prune(FINGERPRINT.generation())).hasValue(1L));
        }

        @Test
        void anyStatementOfALiveJobLeavesNothingHalfWritten() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"), scanned("3", "three"));
            fail(scanned("4", "four"), Reason.EMBED_TRANSIENT);
            JobTicket build = begin();
            mark(build, scanned("2", "deux"), scanned("1", "one"));
            List<Claim> claims = claimAll(build);
            JobTicket[] live = new JobTicket[1];

            failEveryStatement(() -> live[0] = beginLive());
            failEveryStatement(
                    () -> assertThat(mark(live[0], scanned("1", "uno"), scanned("2", "due"), scanned("3", "")))
                            .isEqualTo(new MarkedPage(1, List.of(), List.of(), List.of(key("2")))));
            failEveryStatement(() ->
                    assertThat(commit(build, embedded(claims.get(0), "deux"))).containsExactly(key("2")));
            failEveryStatement(() -> assertThat(store.forget(live[0], Set.of(key("2"), key("unknown"))))
                    .isEmpty());
            failEveryStatement(() -> assertThat(store.markFailed(live[0], new FailedSelection(null, 3, null), 10))
                    .isEqualTo(1));
            failEveryStatement(() -> assertThat(end(live[0]).untaken()).isEqualTo(2));
            tables().requireSound();
        }

        /** The commit of the action happens, the store does not learn of it, and the action is done again. */
        private <T> T repeat(Callable<T> action) throws Exception {
            faults.failCommit(FaultyDialect.Fault.OUTAGE_AFTER);
            assertThatThrownBy(action::call).isInstanceOf(StoreException.class);
            List<String> written = dump();
            T answer = action.call();
            assertThat(dump()).isEqualTo(written);
            return answer;
        }

        @Test
        void aRepetitionAfterALostAnswerOfACommitWritesNothingAndAnswersTheSame() throws Exception {
            embed(FINGERPRINT, scanned("gone", "gone"));

            JobTicket job = repeat(() -> store.beginJob(new JobStart("repeated", FINGERPRINT, 3)));
            assertThat(repeat(() -> mark(job, scanned("1", "one"), scanned("2", "two"), scanned("1", "again"))))
                    .isEqualTo(new MarkedPage(2, List.of(key("1")), List.of(), List.of()));
            List<Claim> claims = repeat(() -> claimAll(job));
            assertThat(claims).hasSize(2);
            commit(job, embedded(claims.get(0), "one"));
            assertThat(repeat(() -> store.commit(
                            job,
                            List.of(embedded(claims.get(0), "late"), embedded(claims.get(1), "two")),
                            List.of(call(TokenUsage.reported(5, 0))))))
                    .containsExactly(key("1"));
            repeat(() -> {
                store.keepRewrites(job, "f", Map.of(Sha256.ofText("one"), "uno"), List.of());
                return job;
            });
            assertThat(repeat(() -> end(job)).untaken()).isZero();
            assertThat(repeat(() -> store.prune(FINGERPRINT.generation()))).hasValue(3L);
        }

        @Test
        void aRepetitionOfALiveJobWritesNothingAndAnswersTheSame() throws Exception {
            embed(FINGERPRINT, scanned("gone", "gone"));
            fail(scanned("failed", "failed"), Reason.EMBED_TRANSIENT);
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            List<Claim> claims = claimAll(build);

            JobTicket live = repeat(SqliteStoreTest.this::beginLive);
            assertThat(repeat(() -> mark(live, scanned("1", "uno"), scanned("2", "two"))))
                    .isEqualTo(new MarkedPage(1, List.of(), List.of(), List.of(key("1"))));
            assertThat(repeat(() -> store.markFailed(live, new FailedSelection(null, 3, null), 10)))
                    .isEqualTo(1);
            assertThat(repeat(() -> store.forget(live, Set.of(key("gone"), key("1")))))
                    .containsExactly(key("1"));
            assertThat(repeat(() -> store.commit(
                            build, List.of(embedded(claims.get(0), "one")), List.of(call(TokenUsage.reported(5, 0))))))
                    .containsExactly(key("1"));
            repeat(() -> {
                store.keepCalls(List.of(call(TokenUsage.reported(7, 0))));
                return live;
            });
            repeat(() -> {
                store.noteHeldUp(live, "nothing gets through");
                return live;
            });
            assertThat(repeat(() -> end(live)).untaken()).isEqualTo(2);
            tables().requireSound();
        }

        @Test
        void whatAnotherJobWritesMeanwhileDoesNotMakeARepetitionANewCall() throws Exception {
            JobTicket build = begin();
            mark(build, scanned("1", "one"));
            Claim claim = claimAll(build).get(0);
            JobTicket live = beginLive();
            List<ProviderCall> calls = List.of(call(TokenUsage.reported(5, 0)));
            faults.failCommit(FaultyDialect.Fault.OUTAGE_AFTER);
            assertThatThrownBy(() -> store.commit(build, List.of(embedded(claim, "one")), calls))
                    .isInstanceOf(StoreException.class);

            mark(live, scanned("2", "two"));
            store.keepCalls(calls);

            assertThat(store.commit(build, List.of(embedded(claim, "one")), calls))
                    .isEmpty();
            assertThat(store.job("job-1").orElseThrow().requests()).isEqualTo(1);
        }

        @Test
        void anotherCallAfterALostAnswerIsNoRepetition() throws Exception {
            JobTicket job = begin();
            mark(job, scanned("1", "one"), scanned("2", "two"));
            List<Claim> claims = claimAll(job);
            faults.failCommit(FaultyDialect.Fault.OUTAGE_AFTER);
            assertThatThrownBy(() -> commit(job, embedded(claims.get(0), "one")))
                    .isInstanceOf(StoreException.class);

            assertThat(commit(job, embedded(claims.get(0), "one"), embedded(claims.get(1), "two")))
                    .containsExactly(key("1"));

            assertThat(vectors(FINGERPRINT)).hasSize(2);
        }

        @Test
        void aScanThatLostWhatItHasMetDoesNotGoOn() {
            embed(FINGERPRINT, scanned("1", "one"), scanned("2", "two"));
            JobTicket job = begin();
            mark(job, scanned("1", "one"));
            faults.failAt(1, FaultyDialect.Fault.LOST_BEFORE);
            assertThatThrownBy(() -> mark(job, scanned("2", "two"))).isInstanceOf(StoreException.class);

            for (ThrowingCallable scan : List.<ThrowingCallable>of(
                    () -> mark(job, scanned("2", "two")), () -> store.endScan(job, new ScanScope.Complete(null), 1))) {
                assertThatThrownBy(scan)
                        .isInstanceOfSatisfying(
                                StoreException.class,
                                thrown -> assertThat(thrown.kind()).isEqualTo(StoreException.Kind.PERMANENT))
                        .hasMessageContaining(file().getFileName().toString())
                        .hasMessageContaining("in the middle of a scan");
            }
            assertThat(vectors(FINGERPRINT)).hasSize(2);
            assertThat(end(job)).isEqualTo(new JobEnd(0));
        }

        @Test
        void aScanThatHadMetNothingGoesOnOverANewConnection() {
            JobTicket job = begin();
            faults.failAt(1, FaultyDialect.Fault.LOST_BEFORE);
            assertThatThrownBy(() -> mark(job, scanned("1", "one"))).isInstanceOf(StoreException.class);

            assertThat(mark(job, scanned("1", "one")).taken()).isEqualTo(1);
            assertThat(mark(job, scanned("1", "one")).duplicates()).containsExactly(key("1"));
        }

        @Test
        void aJobThatCouldNotBeEndedDoesNotBlockTheNextOne() throws Exception {
            JobTicket lost = begin();
            mark(lost, scanned("1", "one"));
            faults.failAt(1);
            assertThatThrownBy(() -> end(lost)).isInstanceOf(StoreException.class);

            JobTicket job = begin();

            assertThat(mark(job, scanned("1", "one")).taken()).isEqualTo(1);
            assertThat(rows("select state from evervec_job order by number")).containsExactly("interrupted", "running");
        }

        @Test
        void aFullDiskIsSaidAndLeavesTheStoreSound() throws Exception {
            JobTicket job = begin();
            ScannedRecord[] records = IntStream.range(0, 500)
                    .mapToObj(i -> scanned("id-" + i, "text " + i))
                    .toArray(ScannedRecord[]::new);
            faults.onWriter("pragma max_page_count = " + (pages() + 1));

            StoreException thrown = catchThrowableOfType(StoreException.class, () -> mark(job, records));

            assertThat(thrown.kind()).isEqualTo(StoreException.Kind.PERMANENT);
            assertThat(thrown)
                    .hasMessageContaining("cannot compare scanned records in the store " + store.location())
                    .hasMessageContaining("no space is left")
                    .hasMessageContaining("SQLITE_FULL");
            assertThat(stackTrace(thrown)).doesNotContain("id-1");
            assertThat(store.stats(FINGERPRINT)).isEmpty();
            faults.onWriter("pragma max_page_count = 1000000");
            assertThat(mark(job, records).taken()).isEqualTo(500);
        }

        private long pages() throws SQLException {
            return Long.parseLong(rows("pragma page_count").get(0));
        }

        @Test
        void aDatabaseThatTurnedReadOnlyIsSaid() throws Exception {
            JobTicket job = begin();
            faults.onWriter("pragma query_only = on");

            assertThatThrownBy(() -> mark(job, scanned("1", "one")))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("read-only")
                    .hasMessageContaining("SQLITE_READONLY");
        }

        @Test
        void aLockedDatabaseIsAPassingFailure() throws Exception {
            JobTicket job = begin();
            faults.onWriter("pragma busy_timeout = 1");
            try (Connection host = connect();
                    Statement sql = host.createStatement()) {
                sql.execute("begin immediate");

                assertThatThrownBy(() -> mark(job, scanned("1", "one")))
                        .isInstanceOfSatisfying(
                                StoreException.class,
                                thrown -> assertThat(thrown.kind()).isEqualTo(StoreException.Kind.TRANSIENT))
                        .hasMessageContaining("locked")
                        .hasMessageContaining("SQLITE_BUSY");
                sql.execute("rollback");
            }
            assertThat(mark(job, scanned("1", "one")).taken()).isEqualTo(1);
        }

        @Test
        void aDamagedFileIsSaid() throws Exception {
            embed(FINGERPRINT, scanned("1", "one"));
            store.close();
            byte[] bytes = Files.readAllBytes(file());
            Arrays.fill(bytes, 100, bytes.length, (byte) 0x5a);
            Files.write(file(), bytes);

            assertThatThrownBy(SqliteStoreTest.this::openEmpty)
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("the file is damaged")
                    .hasMessageContaining("SQLITE_CORRUPT");
        }

        @ParameterizedTest
        @ValueSource(ints = {3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 23, 26, 1, 0, 5 | 2 << 8})
        void whatTheDriverSaysNeverLeavesTheStore(int code) {
            SQLException cause = new SQLException("near 'the text of a record'", null, code);
            cause.initCause(new IllegalStateException("the text of a record"));

            StoreException failure = SqliteDialect.in(file()).failure("commit results", cause);

            assertThat(stackTrace(failure)).doesNotContain("the text of a record");
            assertThat(failure).hasMessageStartingWith("cannot commit results in the store ");
            assertThat(failure.kind() == StoreException.Kind.TRANSIENT)
                    .isEqualTo(Set.of(5, 6, 9, 10, 15).contains(code & 0xff));
        }
    }

    @Nested
    class ClosingWithAJobRunning {
        @Test
        void leavesItInterruptedForTheNextOne() throws Exception {
            JobTicket lost = begin();
            mark(lost, scanned("1", "one"));
            claimAll(lost);
            reopen(openEmpty());

            JobTicket job = begin();

            assertThat(rows("select id, state from evervec_job order by number"))
                    .containsExactly("job-1|interrupted", "job-2|running");
            assertThat(mark(job, scanned("1", "one")).taken()).isEqualTo(1);
            assertThat(commit(job, embedded(claimAll(job).get(0), "one"))).isEmpty();
        }

        @Test
        void theTicketOfAnEndedJobStartsNothing() {
            JobTicket ended = begin();
            end(ended);

            assertThatThrownBy(() -> mark(ended, scanned("1", "one"))).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> claimAll(ended)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> end(ended)).isInstanceOf(IllegalStateException.class);
        }
    }

    private JobTicket beginLive() {
        return store.beginJob(LIVE);
    }

    private static ProviderCall call(TokenUsage usage) {
        return call(usage, BigDecimal.ZERO);
    }

    private static ProviderCall call(TokenUsage usage, BigDecimal usd) {
        return new ProviderCall(
                Instant.EPOCH,
                Duration.ZERO,
                "scripted",
                "model-a",
                Capability.EMBEDDING,
                1,
                usage,
                usd,
                null,
                List.of());
    }
}
