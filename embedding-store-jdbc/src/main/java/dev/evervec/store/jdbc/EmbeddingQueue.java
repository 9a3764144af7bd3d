package dev.evervec.store.jdbc;

import dev.evervec.pipeline.live.Backlog;
import dev.evervec.pipeline.live.Change;
import dev.evervec.pipeline.live.NotedChange;
import dev.evervec.pipeline.live.Outbox;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.store.jdbc.OutboxListener.Rhythm;
import dev.evervec.store.jdbc.OutboxTable.Signal;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Notes what a host changed, for a {@link dev.evervec.pipeline.live.LiveEmbedder} to embed.
 *
 * <pre>{@code
 * EmbeddingQueue queue = EmbeddingQueue.in(dataSource);
 * queue.createTableIfMissing();                              // once, or by the host's own migrations: ddl(...)
 *
 * connection.setAutoCommit(false);
 * insertQuestion(connection, question);
 * queue.enqueue(connection, Change.created("questions", question.id()));
 * connection.commit();
 * }</pre>
 *
 * <p>Noting a change appends one row to the table {@value #TABLE} and does nothing else: no provider, no ledger and no
 * other row is touched, so hosts never wait for each other through it. {@link #enqueue(Connection, Change)} does so in the
 * host's own transaction: the row is rolled back with it and seen by nobody before its commit. The table may be in any
 * database that the host writes to; it need not be that of the store.
 *
 * <p>SQLite has one writer at a time. A host whose tables are in one file with the outbox begins transactions that write with
 * {@code BEGIN IMMEDIATE} and sets a busy timeout (with the Xerial driver {@code jdbc:sqlite:app.db?transaction_mode=IMMEDIATE&busy_timeout=5000}):
 * a transaction that has read before it writes fails at once, without waiting, if another one has written meanwhile.
 *
 * <p>Thread-safe if the data source is. Failures are {@link StoreException}s that quote nothing of the driver's.
 */
public final class EmbeddingQueue implements Outbox, AutoCloseable {
    /** The name of the table. */
    public static final String TABLE = "evervec_outbox";

    private static final Logger log = LoggerFactory.getLogger(EmbeddingQueue.class);
    /** Few enough to hold a lock on a shared SQLite file only for a moment, and for every database's limit on parameters. */
    private static final int DELETED_AT_A_TIME = 250;

    private final OutboxDatabase database;
    private final OutboxTable table;
    private final Clock clock;

    /** The databases that {@link EmbeddingQueue#ddl} knows. */
    public enum Database {
        SQLITE,
        POSTGRESQL,
        H2,
        /** MySQL 8.0 and MariaDB 10.6, and later ones. */
        MYSQL
    }

    /** Work on a connection. */
    @FunctionalInterface
    private interface Work<T> {
        T on(Connection connection) throws SQLException;
    }

    EmbeddingQueue(OutboxDatabase database, Clock clock) {
        this(database, OutboxTable.BY_NAME, clock);
    }

    private EmbeddingQueue(OutboxDatabase database, OutboxTable table, Clock clock) {
        this.database = database;
        this.table = table;
        this.clock = clock;
    }

    /**
     * An outbox in the database of this data source. What is done without a connection of the host is committed on
     * connections taken from it, so it must not hand out the connection of the caller's running transaction.
     */
    public static EmbeddingQueue in(DataSource dataSource) {
        return new EmbeddingQueue(
                OutboxDatabase.of(Objects.requireNonNull(dataSource, "dataSource")), Clock.systemUTC());
    }

    /**
     * An outbox in an SQLite file, which is made by {@link #createTableIfMissing()}. Calls without a connection of the host use
     * one of the queue's, which waits up to 5 seconds for other writers and stays open until {@link #close()}. In WAL mode, which
     * the store switches its own file to, a commit made that way survives the death of the process; after a power cut the
     * last ones may be missing.
     */
    public static EmbeddingQueue inSqlite(Path file) {
        return new EmbeddingQueue(OutboxDatabase.sqlite(file), Clock.systemUTC());
    }

    /**
     * The same with the table in this schema (a database, in MySQL's words), whatever the connection's search path or current
     * schema is. Without it the table is the one that the connection finds by its name: on PostgreSQL the first on its
     * {@code search_path}.
     *
     * @param schema its name exactly as it is stored, unquoted
     * @throws IllegalArgumentException if no schema can be called so
     */
    public EmbeddingQueue inSchema(String schema) {
        return new EmbeddingQueue(database, table.inSchema(Objects.requireNonNull(schema, "schema")), clock);
    }

    /**
     * The same that does not tell {@link dev.evervec.pipeline.live.LiveEmbedder}s of what it notes: they find it when they look
     * by themselves. On PostgreSQL, the only database where they are told (by {@code pg_notify}), transactions that tell are
     * committed one after another, which very busy hosts may feel, and cannot be prepared for a two-phase commit.
     */
    public EmbeddingQueue withoutNotify() {
        return new EmbeddingQueue(database, table.withoutNotify(), clock);
    }

    /** The statement that makes the table, for people and for a host's migrations; without a semicolon at its end. */
    public static String ddl(Database database) {
        return OutboxDdl.of(database, OutboxTable.BY_NAME);
    }

    /**
     * The statement that makes the table in this schema, which must be there.
     *
     * @param schema its name exactly as it is stored, unquoted
     * @throws IllegalArgumentException if no schema can be called so
     */
    public static String ddl(Database database, String schema) {
        return OutboxDdl.of(database, OutboxTable.BY_NAME.inSchema(Objects.requireNonNull(schema, "schema")));
    }

    /**
     * Statements that make triggers which note what is written to a table of the host, for writes that come by other ways than
     * the host's own program: an insert as created, an update that changes a watched column as updated, a delete as deleted, and
     * a change of the id as both of the last. They are to be executed in this order, each without a semicolon, in one
     * transaction; the outbox must be there. The first fails, and nothing has happened, if a table or a column is missing. They
     * replace what an equal table and source have got before, and their text is always the same.
     *
     * <p>Whoever writes to the table then needs the right to insert into the outbox. What happens without triggers is not noted:
     * {@code truncate}, replicated writes, and rows that SQLite's {@code insert or replace} takes away for the sake of another
     * unique column. {@link dev.evervec.pipeline.live.LiveEmbedder#reconcile(double)} finds that.
     *
     * @throws IllegalArgumentException if the database is neither PostgreSQL (11 or later) nor SQLite
     */
    public static List<String> triggerDdl(Database database, TriggerSpec triggers) {
        return TriggerDdl.create(database, triggers);
    }

    /**
     * Statements that drop those triggers, as far as they are there.
     *
     * @throws IllegalArgumentException if the database is neither PostgreSQL nor SQLite
     */
    public static List<String> dropTriggerDdl(Database database, TriggerSpec triggers) {
        return TriggerDdl.drop(database, triggers);
    }

    /**
     * Makes the table if it is not there, on a connection of its own. Never called by the library: tables are made when the
     * host says so, and not in one of its transactions.
     *
     * @throws StoreException if the database is none that {@link #ddl} knows, or refuses
     */
    public void createTableIfMissing() {
        perform("make the table", connection -> {
            if (!hasTable(connection)) {
                create(connection);
            }
            return connection;
        });
    }

    /**
     * Notes a change in the transaction of this connection, which is neither committed nor rolled back and stays as it is.
     * With auto-commit on, the row is committed at once.
     *
     * @param connection to the database that has the table
     * @throws StoreException if the row cannot be appended: no such table, closed, locked, read-only. The transaction is the
     *     host's: it decides whether to go on without. PostgreSQL lets nothing else happen in it
     */
    public void enqueue(Connection connection, Change change) {
        Objects.requireNonNull(change, "change");
        try {
            append(connection, change);
        } catch (SQLException e) {
            throw OutboxFailures.failed("note a change", table, connection, e);
        }
    }

    /**
     * Notes a change on a connection of its own. To be called after the host's commit: a record that is not yet there when its
     * change is read is looked for again for a minute, and then taken for vanished.
     *
     * @throws StoreException if the row cannot be appended
     */
    public void enqueue(Change change) {
        Objects.requireNonNull(change, "change");
        perform("note a change", connection -> {
            append(connection, change);
            return change;
        });
    }

    private void append(Connection connection, Change change) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(table.insert(connection))) {
            insert.setString(1, change.key().source());
            insert.setString(2, change.key().id());
            insert.setString(3, change.kind().code());
            insert.setLong(4, clock.millis());
            insert.execute();
        }
    }

    /** {@inheritDoc} Rows that name no record or no known kind of change are deleted with a warning and left out. */
    @Override
    public List<NotedChange> read(long after, int limit) {
        while (true) {
            List<Long> unreadable = new ArrayList<>();
            List<NotedChange> rows = perform("read changes", connection -> read(connection, after, limit, unreadable));
            if (unreadable.isEmpty()) {
                return rows;
            }
            log.warn("rows {} of {} name no record or no known change: they are deleted", unreadable, table);
            delete(unreadable);
        }
    }

    private List<NotedChange> read(Connection connection, long after, int limit, List<Long> unreadable)
            throws SQLException {
        List<NotedChange> rows = new ArrayList<>();
        try (PreparedStatement select = connection.prepareStatement("select seq, source, id, op, noted_at from "
                + table.in(connection) + " where seq > ? order by seq limit ?")) {
            select.setLong(1, after);
            select.setInt(2, limit);
            try (ResultSet row = select.executeQuery()) {
                while (row.next()) {
                    NotedChange change = noted(row);
                    if (change == null) {
                        unreadable.add(row.getLong(1));
                    } else {
                        rows.add(change);
                    }
                }
            }
        }
        return rows;
    }

    private static @Nullable NotedChange noted(ResultSet row) throws SQLException {
        String source = Objects.requireNonNullElse(row.getString(2), "");
        String id = Objects.requireNonNullElse(row.getString(3), "");
        String kind = Objects.requireNonNullElse(row.getString(4), "");
        Instant notedAt = Instant.ofEpochMilli(row.getLong(5));
        try {
            return new NotedChange(
                    row.getLong(1), new Change(new RecordKey(source, id), Change.Kind.ofCode(kind)), notedAt);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    @Override
    public void delete(Collection<Long> seqs) {
        List<Long> all = List.copyOf(seqs);
        for (int from = 0; from < all.size(); from += DELETED_AT_A_TIME) {
            List<Long> some = all.subList(from, Math.min(all.size(), from + DELETED_AT_A_TIME));
            perform("delete changes", connection -> delete(connection, some));
        }
    }

    private int delete(Connection connection, List<Long> seqs) throws SQLException {
        String marks = ", ?".repeat(seqs.size()).substring(2);
        try (PreparedStatement delete =
                connection.prepareStatement("delete from " + table.in(connection) + " where seq in (" + marks + ")")) {
            int index = 1;
            for (long seq : seqs) {
                delete.setLong(index++, seq);
            }
            return delete.executeUpdate();
        }
    }

    @Override
    public Backlog backlog() {
        return perform("count changes", connection -> {
            try (PreparedStatement select =
                            connection.prepareStatement("select count(*), min(noted_at) from " + table.in(connection));
                    ResultSet row = select.executeQuery()) {
                row.next();
                long rows = row.getLong(1);
                return new Backlog(rows, rows == 0 ? null : Instant.ofEpochMilli(row.getLong(2)));
            }
        });
    }

    /**
     * {@inheritDoc} On PostgreSQL, where a data source hands out connections of its own driver, pooled or not: one of them is
     * kept as long as somebody listens. It must lead to a session of its own, which a pooler in transaction mode does not
     * give; changes are then found as in other databases.
     */
    @Override
    public Listening listen(Runnable wake) {
        return listen(wake, Rhythm.DEFAULT);
    }

    Listening listen(Runnable wake, Rhythm rhythm) {
        return database.tells() && table.signal() == Signal.NOTIFY
                ? OutboxListener.start(database, table, rhythm, wake)
                : () -> {};
    }

    /** Does the work on a connection of its own, in a transaction of its own. */
    private <T> T perform(String doing, Work<T> work) {
        Connection connection = null;
        try {
            connection = database.connect();
            T result = work.on(connection);
            endTransaction(connection);
            database.giveBack(connection);
            return result;
        } catch (SQLException e) {
            StoreException failure = OutboxFailures.failed(doing, table, connection, e);
            discard(connection);
            throw failure;
        } catch (RuntimeException | Error e) {
            discard(connection);
            throw e;
        }
    }

    /** Its transaction is rolled back first: some that take connections back keep it open. */
    private static void discard(@Nullable Connection connection) {
        if (connection != null) {
            rollBack(connection);
            try {
                connection.close();
            } catch (SQLException e) {
                log.debug("a connection to an outbox could not be closed: SQLState {}", e.getSQLState());
            }
        }
    }

    /** Closes the connection that is kept to an SQLite file; a data source is left alone. Harmless if repeated. */
    @Override
    public void close() {
        try {
            database.close();
        } catch (SQLException e) {
            throw OutboxFailures.failed("close", table, null, e);
        }
    }

    private boolean hasTable(Connection connection) {
        try (Statement statement = connection.createStatement();
                ResultSet none = statement.executeQuery("select seq from " + table.in(connection) + " where 1 = 0")) {
            return !none.next();
        } catch (SQLException e) {
            rollBack(connection);
            return false;
        }
    }

    private void create(Connection connection) throws SQLException {
        Database known = OutboxDdl.database(connection);
        try (Statement statement = connection.createStatement()) {
            statement.execute(OutboxDdl.of(known, table));
        } catch (SQLException e) {
            rollBack(connection);
            // Somebody else may have made it meanwhile.
            if (!hasTable(connection)) {
                throw e;
            }
        }
    }

    private static void endTransaction(Connection connection) throws SQLException {
        if (!connection.getAutoCommit()) {
            connection.commit();
        }
    }

    private static void rollBack(Connection connection) {
        try {
            if (!connection.getAutoCommit()) {
                connection.rollback();
            }
        } catch (SQLException e) {
            log.debug("an outbox transaction could not be rolled back: SQLState {}", e.getSQLState());
        }
    }

    /** Shows which table it is. */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "EmbeddingQueue[%s]", table);
    }
}
