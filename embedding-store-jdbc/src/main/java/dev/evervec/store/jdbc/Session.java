package dev.evervec.store.jdbc;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection whose prepared statements stay open. Used by one thread at a time. */
final class Session implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);

    private final Connection connection;
    private final Dialect dialect;
    private final Use use;
    private final Map<String, PreparedStatement> statements = new HashMap<>();
    private @Nullable Long now;
    private boolean lost;

    /** What a connection is for. */
    enum Use {
        WRITING,
        READING
    }

    /** Turns the current row into a value. */
    @FunctionalInterface
    interface RowReader<T> {
        T read(ResultSet row) throws SQLException;
    }

    /** Takes the current row. */
    @FunctionalInterface
    interface RowConsumer {
        void accept(ResultSet row) throws SQLException;
    }

    Session(Connection connection, Dialect dialect, Use use) {
        this.connection = connection;
        this.dialect = dialect;
        this.use = use;
    }

    Use use() {
        return use;
    }

    /** Does something in a session. */
    @FunctionalInterface
    interface Work<T> {
        T run(Session session) throws SQLException;
    }

    /** Does the work in a transaction: all of it, or nothing if anything is thrown. */
    <T> T inTransaction(Work<T> work) throws SQLException {
        boolean committed = false;
        now = null;
        try {
            dialect.begin(this);
            T result = work.run(this);
            dialect.commit(this);
            committed = true;
            return result;
        } finally {
            if (!committed) {
                rollBack();
            }
        }
    }

    private void rollBack() {
        try {
            dialect.rollBack(this);
        } catch (SQLException e) {
            // The database rolls back by itself after some failures, and then there is nothing left to roll back.
            LOG.debug("nothing was left to roll back: SQLState {}, code {}", e.getSQLState(), e.getErrorCode());
            lost = !dialect.isUsable(this);
        }
    }

    /** What time it is in this transaction, in milliseconds since 1970. */
    long now() throws SQLException {
        if (now == null) {
            now = dialect.now(this);
        }
        return now;
    }

    /** Whether the connection can no longer be used. Found out when a transaction fails. */
    boolean isLost() {
        return lost;
    }

    /** Executes a statement that is not worth keeping: pragmas, DDL, transaction control. */
    void execute(String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** Executes a statement with these values; returns the number of rows it changed. */
    int update(String sql, @Nullable Object... values) throws SQLException {
        PreparedStatement statement = prepared(sql);
        bind(statement, values);
        return statement.executeUpdate();
    }

    /** Hands every row of a query to the consumer. The query must not be used again from inside. */
    void forEach(String sql, RowConsumer consumer, @Nullable Object... values) throws SQLException {
        PreparedStatement statement = prepared(sql);
        bind(statement, values);
        try (ResultSet rows = statement.executeQuery()) {
            while (rows.next()) {
                consumer.accept(rows);
            }
        }
    }

    /** All rows of a query. */
    <T> List<T> list(String sql, RowReader<T> reader, @Nullable Object... values) throws SQLException {
        List<T> all = new ArrayList<>();
        forEach(sql, row -> all.add(reader.read(row)), values);
        return all;
    }

    /** The first row of a query. */
    <T> Optional<T> first(String sql, RowReader<T> reader, @Nullable Object... values) throws SQLException {
        List<T> all = list(sql, reader, values);
        return all.isEmpty() ? Optional.empty() : Optional.of(all.get(0));
    }

    /** The single number that a query answers. */
    long number(String sql, @Nullable Object... values) throws SQLException {
        return first(sql, row -> row.getLong(1), values)
                .orElseThrow(() -> new IllegalStateException("a query for one number answered no row"));
    }

    /** The database's own number of the row that this connection inserted last. */
    long insert(String sql, @Nullable Object... values) throws SQLException {
        return number(sql + " returning number", values);
    }

    /** A batch of this statement; ends with {@link Batch#run()}. */
    Batch batch(String sql) throws SQLException {
        PreparedStatement statement = prepared(sql);
        // Rows of a batch that an exception cut off must not be sent with this one.
        statement.clearBatch();
        return new Batch(statement);
    }

    Connection connection() {
        return connection;
    }

    private PreparedStatement prepared(String sql) throws SQLException {
        PreparedStatement statement = statements.get(sql);
        if (statement == null) {
            statement = connection.prepareStatement(sql);
            statements.put(sql, statement);
        }
        return statement;
    }

    private static void bind(PreparedStatement statement, @Nullable Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            Object value = values[i];
            if (value == null) {
                statement.setNull(i + 1, Types.NULL);
            } else if (value instanceof byte[] bytes) {
                statement.setBytes(i + 1, bytes);
            } else if (value instanceof String text) {
                statement.setString(i + 1, text);
            } else if (value instanceof Number number) {
                statement.setLong(i + 1, number.longValue());
            } else {
                throw new IllegalArgumentException("cannot bind a " + value.getClass());
            }
        }
    }

    /** The connection cannot be used afterwards, whatever its closing says. */
    @Override
    public void close() throws SQLException {
        statements.clear();
        connection.close();
    }

    void closeQuietly() {
        try {
            close();
        } catch (SQLException e) {
            LOG.warn("a connection did not close: SQLState {}, code {}", e.getSQLState(), e.getErrorCode());
        }
    }

    /** Rows for one statement, sent in portions so that what is bound stays bounded. */
    static final class Batch {
        private static final int PORTION = 256;

        private final PreparedStatement statement;
        private final List<int[]> answers = new ArrayList<>();
        private int waiting;

        private Batch(PreparedStatement statement) {
            this.statement = statement;
        }

        /** Adds a row. */
        void add(@Nullable Object... values) throws SQLException {
            bind(statement, values);
            statement.addBatch();
            waiting++;
            if (waiting == PORTION) {
                send();
            }
        }

        /** Sends what waits; returns how many database rows each added row changed, in order. */
        int[] run() throws SQLException {
            send();
            return answers.stream().flatMapToInt(Arrays::stream).toArray();
        }

        private void send() throws SQLException {
            if (waiting > 0) {
                waiting = 0;
                try {
                    answers.add(statement.executeBatch());
                } finally {
                    statement.clearBatch();
                }
            }
        }
    }
}
