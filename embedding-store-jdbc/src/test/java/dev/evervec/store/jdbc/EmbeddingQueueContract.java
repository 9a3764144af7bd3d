package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.live.Backlog;
import dev.evervec.pipeline.live.Change;
import dev.evervec.pipeline.live.NotedChange;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.testkit.ManualClock;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every database must do with an outbox. Its database is shared by the tests of a class. */
abstract class EmbeddingQueueContract {
    private final ManualClock clock = new ManualClock();

    private EmbeddingQueue queue;

    /** The database; connections come with auto-commit on. */
    protected abstract DataSource database();

    @BeforeEach
    void makeAnEmptyOutbox() throws SQLException {
        queue = new EmbeddingQueue(OutboxDatabase.of(database()), clock);
        execute("drop table if exists " + EmbeddingQueue.TABLE);
        queue.createTableIfMissing();
    }

    @Test
    void aChangeNotedInATransactionIsSeenAfterItsCommitAndNotBefore() throws SQLException {
        try (Connection host = database().getConnection()) {
            host.setAutoCommit(false);
            queue.enqueue(host, Change.created("orders", "1"));

            assertThat(queue.read(0, 10)).isEmpty();
            assertThat(host.getAutoCommit()).isFalse();

            host.commit();
        }
        assertThat(changes()).containsExactly(Change.created("orders", "1"));
    }

    @Test
    void aChangeIsRolledBackWithItsTransaction() throws SQLException {
        execute("drop table if exists host_order");
        execute("create table host_order (id int)");
        try (Connection host = database().getConnection()) {
            host.setAutoCommit(false);
            execute(host, "insert into host_order values (1)");
            queue.enqueue(host, Change.created("orders", "1"));
            host.rollback();
            execute(host, "insert into host_order values (2)");
            queue.enqueue(host, Change.created("orders", "2"));
            host.commit();
        }
        assertThat(changes()).containsExactly(Change.created("orders", "2"));
        assertThat(number("select sum(id) from host_order")).isEqualTo(2);
    }

    @Test
    void theHostsConnectionStaysAsItWas() throws SQLException {
        List<Statement> opened = new ArrayList<>();
        try (Connection host = Statements.remembering(database().getConnection(), opened)) {
            queue.enqueue(host, Change.updated("orders", "1"));

            assertThat(host.getAutoCommit()).isTrue();
            assertThat(host.isClosed()).isFalse();
            for (Statement statement : opened) {
                assertThat(statement.isClosed()).isTrue();
            }
            assertThat(opened).hasSize(1);
        }
    }

    @Test
    void withoutAConnectionAChangeIsCommittedAtOnce() {
        queue.enqueue(Change.created("orders", "1"));
        queue.enqueue(Change.updated("orders", "1"));
        queue.enqueue(Change.deleted("orders", "1"));

        assertThat(changes())
                .containsExactly(
                        Change.created("orders", "1"), Change.updated("orders", "1"), Change.deleted("orders", "1"));
    }

    @Test
    void aDataSourceWithoutAutoCommitIsCommittedToo() {
        EmbeddingQueue pooled = new EmbeddingQueue(new WithoutAutoCommit(OutboxDatabase.of(database())), clock);

        pooled.enqueue(Change.created("orders", "1"));
        pooled.enqueue(Change.created("orders", "2"));
        pooled.delete(Set.of(pooled.read(0, 1).get(0).seq()));

        assertThat(changes()).containsExactly(Change.created("orders", "2"));
    }

    @Test
    void aRowKeepsSourceIdKindAndTime() {
        String id = "№ 7 \uD83E\uDD98 " + "x".repeat(500);
        clock.advance(Duration.ofMillis(1234));
        queue.enqueue(Change.updated("fälle", id));

        NotedChange row = queue.read(0, 1).get(0);

        assertThat(row.change()).isEqualTo(Change.updated("fälle", id));
        assertThat(row.notedAt()).isEqualTo(clock.instant());
    }

    @Test
    void rowsAreReadInPagesInTheirOrder() {
        for (int i = 0; i < 25; i++) {
            queue.enqueue(Change.created("orders", "" + i));
        }
        List<String> ids = new ArrayList<>();
        long after = 0;
        for (List<NotedChange> page = queue.read(after, 10); !page.isEmpty(); page = queue.read(after, 10)) {
            assertThat(page).hasSizeLessThanOrEqualTo(10);
            page.forEach(row -> ids.add(row.change().key().id()));
            after = page.get(page.size() - 1).seq();
        }
        assertThat(ids)
                .containsExactlyElementsOf(
                        IntStream.range(0, 25).mapToObj(String::valueOf).toList());
    }

    @Test
    void exactlyTheRowsNamedAreDeleted() {
        for (int i = 0; i < 700; i++) {
            queue.enqueue(Change.created("orders", "" + i));
        }
        List<Long> even = queue.read(0, 1000).stream()
                .filter(row -> Integer.parseInt(row.change().key().id()) % 2 == 0)
                .map(NotedChange::seq)
                .toList();

        queue.delete(even);
        queue.delete(even);

        assertThat(changes())
                .hasSize(350)
                .allMatch(change -> Integer.parseInt(change.key().id()) % 2 == 1);
    }

    @Test
    void aNumberIsNeverGivenOutTwice() {
        queue.enqueue(Change.created("orders", "1"));
        long first = queue.read(0, 1).get(0).seq();
        queue.delete(Set.of(first));
        queue.enqueue(Change.created("orders", "2"));

        assertThat(queue.read(0, 1).get(0).seq()).isGreaterThan(first);
    }

    /** For databases with schemas, in which this one is not looked into by itself. */
    final void requireThatASchemaMayBeNamed(String schema) throws SQLException {
        EmbeddingQueue elsewhere = queue.inSchema(schema);
        assertThatExceptionOfType(StoreException.class)
                .isThrownBy(elsewhere::createTableIfMissing)
                .withMessageContaining("schema is not there");
        execute("create schema " + SqlNames.quoted(schema));
        try (Connection host = database().getConnection()) {
            assertThatExceptionOfType(StoreException.class)
                    .isThrownBy(() -> elsewhere.enqueue(host, Change.created("orders", "1")))
                    .withMessageContaining(schema)
                    .withMessageContaining("EmbeddingQueue.ddl(Database." + product() + ", \"" + schema + "\")");
        }
        elsewhere.createTableIfMissing();
        elsewhere.createTableIfMissing();
        queue.enqueue(Change.created("orders", "here"));
        elsewhere.enqueue(Change.created("orders", "there"));
        elsewhere.enqueue(Change.created("orders", "there too"));

        List<NotedChange> there = elsewhere.read(0, 10);
        assertThat(there).extracting(row -> row.change().key().id()).containsExactly("there", "there too");
        assertThat(changes()).containsExactly(Change.created("orders", "here"));
        elsewhere.delete(Set.of(there.get(0).seq()));
        assertThat(elsewhere.backlog().rows()).isEqualTo(1);

        execute("drop table " + SqlNames.quoted(schema) + "." + EmbeddingQueue.TABLE);
        execute(EmbeddingQueue.ddl(product(), schema));
        assertThat(elsewhere.backlog().rows()).isZero();
        execute("drop schema " + SqlNames.quoted(schema) + " cascade");
    }

    /** For databases in which two transactions may write at a time. */
    final void requireThatALateRowOutlivesLaterOnes() throws SQLException {
        try (Connection slow = database().getConnection()) {
            slow.setAutoCommit(false);
            queue.enqueue(slow, Change.created("orders", "late"));
            queue.enqueue(Change.created("orders", "early"));
            List<NotedChange> seen = queue.read(0, 10);
            assertThat(seen).hasSize(1);

            slow.commit();
            queue.delete(seen.stream().map(NotedChange::seq).toList());
        }
        assertThat(changes()).containsExactly(Change.created("orders", "late"));
    }

    @Test
    void theBacklogIsCounted() {
        assertThat(queue.backlog()).isEqualTo(new Backlog(0, null));

        queue.enqueue(Change.created("orders", "1"));
        clock.advance(Duration.ofSeconds(5));
        queue.enqueue(Change.created("orders", "2"));

        assertThat(queue.backlog()).isEqualTo(new Backlog(2, ManualClock.START));
    }

    @Test
    void rowsThatNameNothingAreDeletedAndTheRestIsRead() throws SQLException {
        execute("insert into evervec_outbox (source, id, op, noted_at) values ('all', '1', 'create', 0)");
        execute("insert into evervec_outbox (source, id, op, noted_at) values ('orders', '', 'create', 0)");
        execute("insert into evervec_outbox (source, id, op, noted_at) values ('orders', '1', 'upsert', 0)");
        execute("insert into evervec_outbox (source, id, op, noted_at) values ('orders', '1', 'update', 0)");

        assertThat(queue.read(0, 2)).extracting(NotedChange::change).containsExactly(Change.updated("orders", "1"));
        assertThat(number("select count(*) from evervec_outbox")).isEqualTo(1);
    }

    @Test
    void aMissingTableIsNamedWithTheDdlThatMakesIt() throws SQLException {
        execute("drop table " + EmbeddingQueue.TABLE);
        try (Connection host = database().getConnection()) {
            assertThatExceptionOfType(StoreException.class)
                    .isThrownBy(() -> queue.enqueue(host, Change.created("orders", "1")))
                    .withMessageContaining("evervec_outbox")
                    .withMessageContaining("the table is not there")
                    .withMessageContaining("EmbeddingQueue.ddl(Database." + product() + ")")
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(StoreException.Kind.PERMANENT));
        }
        assertThatExceptionOfType(StoreException.class)
                .isThrownBy(() -> queue.read(0, 1))
                .withMessageContaining("createTableIfMissing");
    }

    protected abstract EmbeddingQueue.Database product();

    @Test
    void aClosedConnectionIsSaidToBeClosed() throws SQLException {
        Connection host = database().getConnection();
        host.close();

        assertThatExceptionOfType(StoreException.class)
                .isThrownBy(() -> queue.enqueue(host, Change.created("orders", "1")))
                .withMessageContaining("the connection is closed");
    }

    @Test
    void aTableThatIsThereIsLeftAsItIs() {
        queue.enqueue(Change.created("orders", "1"));

        queue.createTableIfMissing();

        assertThat(changes()).hasSize(1);
    }

    @Test
    void theDdlThatIsPrintedMakesTheTable() throws SQLException {
        execute("drop table " + EmbeddingQueue.TABLE);

        execute(EmbeddingQueue.ddl(product()));

        queue.enqueue(Change.created("orders", "1"));
        assertThat(changes()).hasSize(1);
    }

    private List<Change> changes() {
        return queue.read(0, 10_000).stream().map(NotedChange::change).toList();
    }

    private long number(String query) throws SQLException {
        try (Connection connection = database().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getLong(1);
        }
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = database().getConnection()) {
            execute(connection, sql);
        }
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** A pool that is set up so. */
    private record WithoutAutoCommit(OutboxDatabase database) implements OutboxDatabase {
        @Override
        public Connection connect() throws SQLException {
            Connection connection = database.connect();
            connection.setAutoCommit(false);
            return connection;
        }

        @Override
        public void giveBack(Connection connection) throws SQLException {
            database.giveBack(connection);
        }

        @Override
        public void close() throws SQLException {
            database.close();
        }
    }
}
