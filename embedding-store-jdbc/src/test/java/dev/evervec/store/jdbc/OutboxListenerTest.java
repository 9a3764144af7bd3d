package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.live.Change;
import dev.evervec.pipeline.live.Outbox.Listening;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import dev.evervec.store.jdbc.OutboxListener.Rhythm;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.ds.PGSimpleDataSource;

@Timeout(120)
@SuppressWarnings("try") // whoever listens is only held open
class OutboxListenerTest {
    private static final Change CHANGE = Change.updated("questions", "1");
    /** So long that nothing but a word of the database can be what wakes. */
    private static final Duration LONG = Duration.ofHours(1);

    private static final Rhythm SILENT = new Rhythm(LONG, Duration.ofSeconds(20), Duration.ZERO);
    private static final Rhythm CAREFUL =
            new Rhythm(Duration.ofMillis(50), Duration.ofMillis(500), Duration.ofMillis(1));

    private static TestPostgres postgres;

    private final Semaphore wakes = new Semaphore(0);
    private EmbeddingQueue queue;

    @BeforeAll
    static void makeADatabase() {
        postgres = TestPostgres.newDatabase();
    }

    @AfterAll
    static void dropTheDatabase() {
        postgres.drop();
    }

    @BeforeEach
    void makeTheTable() throws SQLException {
        execute("drop table if exists evervec_outbox");
        queue = EmbeddingQueue.in(dataSource(TestPostgres.port()));
        queue.createTableIfMissing();
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain("evervec-outbox-listen-1");
    }

    private static PGSimpleDataSource dataSource(int port) {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setServerNames(new String[] {"127.0.0.1"});
        source.setPortNumbers(new int[] {port});
        source.setUser("postgres");
        source.setDatabaseName(postgres.name());
        source.setApplicationName("listener");
        return source;
    }

    @Test
    void aCommitWakesAndARollbackDoesNot() throws Exception {
        try (Listening listening = listen(queue, SILENT);
                Connection host = postgres.dataSource().getConnection()) {
            host.setAutoCommit(false);
            queue.enqueue(host, CHANGE);
            host.rollback();
            queue.enqueue(host, CHANGE);
            queue.enqueue(host, CHANGE);
            assertThat(wakes.availablePermits()).as("before the commit").isZero();

            host.commit();

            awaitAWake();
            queue.enqueue(CHANGE);
            awaitAWake();
            assertThat(wakes.availablePermits()).as("one for each commit").isZero();
        }
    }

    @Test
    void theSameTableIsFoundByItsNameAndByItsSchema() throws Exception {
        try (Listening listening = listen(queue, SILENT)) {
            queue.inSchema("public").enqueue(CHANGE);
            awaitAWake();
        }
    }

    @Test
    void anotherOutboxWakesNobodyHere() throws Exception {
        execute("drop schema if exists other cascade; create schema other");
        EmbeddingQueue other = queue.inSchema("other");
        other.createTableIfMissing();
        try (Listening listening = listen(queue, SILENT)) {
            other.enqueue(CHANGE);
            queue.withoutNotify().enqueue(CHANGE);
            queue.enqueue(CHANGE);
            awaitAWake();
            assertThat(wakes.availablePermits()).isZero();
        }
    }

    @Test
    void aTriggerWakes() throws Exception {
        execute("drop table if exists question; create table question (id bigint primary key, body text)");
        for (String sql : EmbeddingQueue.triggerDdl(
                Database.POSTGRESQL, TriggerSpec.on("question").watching("body").build())) {
            execute(sql);
        }
        try (Listening listening = listen(queue, SILENT)) {
            execute("insert into question select n, 'text' from generate_series(1, 100) n");
            awaitAWake();
            assertThat(wakes.availablePermits()).as("one for a hundred rows").isZero();
        }
    }

    @Test
    void aDataSourceWithSocketTimeoutAndWithoutAutoCommitIsListenedToAllTheSame() throws Exception {
        PGSimpleDataSource impatient = dataSource(TestPostgres.port());
        impatient.setSocketTimeout(1);
        EmbeddingQueue pooled = EmbeddingQueue.in(Changed.connections(impatient, Changed::withoutAutoCommit));
        Rhythm longer = new Rhythm(Duration.ofMillis(2_500), Duration.ofSeconds(20), Duration.ZERO);
        try (Listening listening = listen(pooled, longer)) {
            int first = backend("listen %");
            assertThat(backend("select ''evervec_outbox_%"))
                    .as("the connection outlived the timeout")
                    .isEqualTo(first);
            queue.enqueue(CHANGE);
            awaitAWake();
        }
    }

    @Test
    void aTerminatedConnectionIsReplacedAndWakesForWhatMayHaveBeenMissed() throws Exception {
        try (Listening listening = listen(queue, SILENT)) {
            execute("select pg_terminate_backend(" + backend("listen %") + ")");
            awaitAWake();

            queue.enqueue(CHANGE);
            awaitAWake();
        }
    }

    @Test
    void aConnectionThatIsSilentBecauseItWasCutIsReplaced() throws Exception {
        try (BlackHole between = new BlackHole(TestPostgres.port());
                Listening listening = listen(EmbeddingQueue.in(dataSource(between.port())), CAREFUL)) {
            between.swallow();
            awaitAWake();
            while (wakes.tryAcquire()) {
                // Whatever came before is not what is waited for.
            }
            queue.enqueue(CHANGE);
            awaitAWake();
        }
    }

    @Test
    void aTableThatIsMadeAnewIsListenedToAgain() throws Exception {
        try (Listening listening = listen(queue, CAREFUL)) {
            execute("drop table evervec_outbox");
            queue.createTableIfMissing();
            awaitAWake();
            queue.enqueue(CHANGE);
            awaitAWake();
        }
    }

    @Test
    void aServerThatIsNotThereIsAskedAgainUntilTheListeningEnds() {
        listenUntilItIsClosed(EmbeddingQueue.in(dataSource(1)));
    }

    @Test
    void otherDatabasesTellNothing() {
        JdbcDataSource h2 = new JdbcDataSource();
        h2.setUrl("jdbc:h2:mem:silent;DB_CLOSE_DELAY=-1");
        listenUntilItIsClosed(EmbeddingQueue.in(h2));
    }

    @Test
    void aDriverThatIsNotPostgresOwnTellsNothing() {
        listenUntilItIsClosed(
                EmbeddingQueue.in(Changed.connections(postgres.dataSource(), Changed::withoutUnwrapping)));
    }

    private void listenUntilItIsClosed(EmbeddingQueue silent) {
        Listening listening = silent.listen(wakes::release, SILENT);
        listening.close();
        listening.close();
        assertThat(wakes.availablePermits()).isZero();
    }

    /** Begins to listen, and waits until it does. */
    private Listening listen(EmbeddingQueue outbox, Rhythm rhythm) throws InterruptedException {
        Listening listening = outbox.listen(wakes::release, rhythm);
        awaitAWake();
        return listening;
    }

    private void awaitAWake() throws InterruptedException {
        assertThat(wakes.tryAcquire(60, TimeUnit.SECONDS)).as("woken").isTrue();
    }

    /** The process of the server that the listener talks to, which was last asked this. */
    private static int backend(String asked) throws SQLException {
        String listener = "from pg_stat_activity where application_name = 'listener' and query like '" + asked + "'";
        while (number("select count(*) " + listener) == 0) {
            Thread.onSpinWait();
        }
        return number("select pid " + listener);
    }

    private static int number(String query) throws SQLException {
        try (Connection connection = postgres.dataSource().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getInt(1);
        }
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = postgres.dataSource().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }
}
