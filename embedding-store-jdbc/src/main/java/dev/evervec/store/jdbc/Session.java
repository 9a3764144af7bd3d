package dev.evervec.store.jdbc;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection whose prepared statements stay open. Used by one thread at a time. */
class Session implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);

    private static final int STREAMED = 200;

    private final Connection connection;
    private final Dialect dialect;
    private final Use use;
    private final Companion companion;
    private final Map<Object, PreparedStatement> statements = new HashMap<>();
    private List<HostColumn> hostColumns = List.of();
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

    /** What goes along with a connection. */
    @FunctionalInterface
    interface Companion {
        /** A transaction was committed. */
        default void committed(Session session) {}

        /** The connection is going to be closed. */
        void end(Session session) throws SQLException;
    }

    Session(Connection connection, Dialect dialect, Use use) {
        this(connection, dialect, use, session -> {});
    }

    Session(Connection connection, Dialect dialect, Use use, Companion companion) {
        this.connection = connection;
        this.dialect = dialect;
        this.use = use;
        this.companion = companion;
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
            companion.committed(this);
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
        forEach(prepared(sql), consumer, values);
    }

    /** Hands every row of a query to the consumer; they may be more than fit into memory. */
    void stream(String sql, RowConsumer consumer, @Nullable Object... values) throws SQLException {
        PreparedStatement statement = prepared(sql);
        // Without it PostgreSQL's driver reads all rows before it hands out the first.
        statement.setFetchSize(STREAMED);
        forEach(statement, consumer, values);
    }

    private static void forEach(PreparedStatement statement, RowConsumer consumer, @Nullable Object... values)
            throws SQLException {
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

    /** Rows for this statement; ends with {@link Rows#run()} or, for a query, with {@link Rows#forEach}. */
    Rows rows(Bulk bulk) throws SQLException {
        return dialect.rows(this, bulk);
    }

    /** Numbers for rows that are going to be inserted into this table, ascending. */
    List<Long> newNumbers(String table, int count) throws SQLException {
        return dialect.newNumbers(this, table, count);
    }

    /** Whether others may write at the same time, so that rows are locked before they are read and then changed. */
    boolean locksRows() {
        return dialect.locksRows();
    }

    /** Lets the plans of statements fit what a scan has put into the tables. */
    void fitPlans() throws SQLException {
        dialect.fitPlans(this);
    }

    /** Runs statements that may take minutes. */
    <T> T patiently(Work<T> work) throws SQLException {
        return dialect.patiently(this, work);
    }

    /** From now on these columns of the host are written, too. */
    void alsoWrite(List<HostColumn> columns) {
        hostColumns = columns;
    }

    /** What a transaction writes into columns of the host. */
    HostColumns hostColumns() {
        return new HostColumns(this, dialect, hostColumns);
    }

    Connection connection() {
        return connection;
    }

    /** The statement of this SQL, which stays open. */
    PreparedStatement prepared(String sql) throws SQLException {
        return prepared(sql, () -> sql);
    }

    /** The statement that is called for by equal keys, which stays open; its SQL is written once. */
    PreparedStatement prepared(Object key, Supplier<String> sql) throws SQLException {
        PreparedStatement statement = statements.get(key);
        if (statement == null) {
            statement = connection.prepareStatement(sql.get());
            statements.put(key, statement);
        }
        return statement;
    }

    private static void bind(PreparedStatement statement, @Nullable Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            bind(statement, i + 1, values[i]);
        }
    }

    /** Binds a value to a place of a statement. */
    static void bind(PreparedStatement statement, int place, @Nullable Object value) throws SQLException {
        if (value == null) {
            statement.setNull(place, Types.NULL);
        } else if (value instanceof byte[] bytes) {
            statement.setBytes(place, bytes);
        } else if (value instanceof String text) {
            statement.setString(place, storable(text));
        } else if (value instanceof Number number) {
            statement.setLong(place, number.longValue());
        } else {
            throw new IllegalArgumentException("cannot bind a " + value.getClass());
        }
    }

    /** PostgreSQL has no place for the character zero in a text. */
    static @Nullable String storable(@Nullable String text) {
        return text == null ? null : text.replace('\0', '\uFFFD');
    }

    void closeStatements() throws SQLException {
        for (PreparedStatement statement : statements.values()) {
            statement.close();
        }
        statements.clear();
    }

    /** The connection cannot be used afterwards, whatever its closing says. */
    @Override
    public void close() throws SQLException {
        try {
            companion.end(this);
        } finally {
            statements.clear();
            connection.close();
        }
    }

    void closeQuietly() {
        try {
            close();
        } catch (SQLException e) {
            LOG.warn("a connection did not close: SQLState {}, code {}", e.getSQLState(), e.getErrorCode());
        }
    }
}
