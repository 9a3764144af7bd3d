package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.sql.DataSource;
import org.postgresql.core.BaseConnection;
import org.postgresql.core.TransactionState;

/**
 * A pool as hosts have them: lends the same connections again, and nobody may use what was given back. Notes what is used too
 * late, and which connections come back otherwise than they were lent. Thread-safe.
 */
final class StrictPool implements AutoCloseable {
    private static final String SETTINGS =
            "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings"
                    + " where name ~ 'path|jit|plan_|enable_|timeout|client_min|isolation|read_only|commit|application'";
    private static final String HELD =
            "select (select count(*) from pg_locks where pid = pg_backend_pid() and locktype ="
                    + " 'advisory') || ' locks, ' || (select count(*) from pg_listening_channels()) || ' channels'";

    private final DataSource database;
    private final Change change;
    private final int size;
    private final Deque<Connection> idle = new ArrayDeque<>();
    private final Map<Connection, String> states = new HashMap<>();
    private final List<String> troubles = new ArrayList<>();
    private int lent;

    /** What the host does to a connection when it is opened. */
    @FunctionalInterface
    interface Change {
        void on(Connection connection) throws SQLException;
    }

    StrictPool(DataSource database, int size, Change change) {
        this.database = database;
        this.size = size;
        this.change = change;
    }

    static Change executing(String sql) {
        return connection -> {
            try (Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
        };
    }

    DataSource connections() {
        return proxy(
                DataSource.class, (proxy, method, values) -> method.getName().equals("getConnection") ? lend() : null);
    }

    private synchronized Connection lend() throws SQLException {
        if (lent == size) {
            throw new SQLTransientConnectionException("hunter2: no connection within 30000 ms");
        }
        Connection connection = idle.isEmpty() ? open() : idle.pop();
        lent++;
        return lent(connection);
    }

    private Connection open() throws SQLException {
        Connection connection = database.getConnection();
        change.on(connection);
        states.put(connection, state(connection));
        return connection;
    }

    private Connection lent(Connection connection) {
        boolean[] closed = {false};
        return proxy(Connection.class, (proxy, method, values) -> {
            switch (method.getName()) {
                case "close" -> {
                    if (!closed[0]) {
                        closed[0] = true;
                        takeBack(connection);
                    }
                    return null;
                }
                case "isClosed" -> {
                    return closed[0] || connection.isClosed();
                }
                case "isWrapperFor" -> {
                    return false;
                }
                default -> {
                    requireOpen(closed[0], method.getName());
                    Object result = call(connection, method, values);
                    return result instanceof Statement statement
                            ? statement(statement, method.getReturnType(), closed)
                            : result;
                }
            }
        });
    }

    private Object statement(Statement statement, Class<?> type, boolean[] closed) {
        return proxy(type, (proxy, method, values) -> {
            requireOpen(closed[0], "a statement's " + method.getName());
            return call(statement, method, values);
        });
    }

    private synchronized void requireOpen(boolean closed, String method) throws SQLException {
        if (closed) {
            troubles.add(method + " after the connection was given back");
            throw new SQLException("closed", "08003");
        }
    }

    private synchronized void takeBack(Connection connection) throws SQLException {
        lent--;
        if (connection.isClosed()) {
            return;
        }
        if (((BaseConnection) connection).getTransactionState() != TransactionState.IDLE) {
            troubles.add("given back in a transaction");
            connection.rollback();
        }
        String state = state(connection);
        if (!state.equals(states.get(connection))) {
            troubles.add("given back as " + state + ", was " + states.get(connection));
        }
        idle.push(connection);
    }

    private static String state(Connection connection) throws SQLException {
        String state = "autocommit " + connection.getAutoCommit() + ", read only " + connection.isReadOnly()
                + ", isolation " + connection.getTransactionIsolation() + ", network timeout "
                + connection.getNetworkTimeout() + ", " + text(connection, SETTINGS) + ", " + text(connection, HELD);
        if (!connection.getAutoCommit()) {
            connection.rollback();
        }
        return state;
    }

    private static String text(Connection connection, String query) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(query)) {
            row.next();
            return row.getString(1);
        }
    }

    private static Object call(Object target, java.lang.reflect.Method method, Object[] values) throws Throwable {
        try {
            return method.invoke(target, values);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    @SuppressWarnings("unchecked")
    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return (T) Proxy.newProxyInstance(StrictPool.class.getClassLoader(), new Class<?>[] {type}, handler);
    }

    synchronized void requireAllGivenBackAsTheyWere() {
        assertThat(troubles).isEmpty();
        assertThat(lent).as("not given back").isZero();
    }

    @Override
    public synchronized void close() throws SQLException {
        for (Connection connection : states.keySet()) {
            connection.close();
        }
    }
}
