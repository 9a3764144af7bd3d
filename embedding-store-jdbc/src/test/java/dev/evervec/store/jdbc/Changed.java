package dev.evervec.store.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Data sources as hosts may have them. */
final class Changed {
    private Changed() {}

    /** Does something to a connection before it is handed out. */
    @FunctionalInterface
    interface Change {
        Connection of(Connection connection) throws SQLException;
    }

    static DataSource connections(DataSource database, Change change) {
        return (DataSource) Proxy.newProxyInstance(
                Changed.class.getClassLoader(), new Class<?>[] {DataSource.class}, (proxy, method, arguments) -> {
                    try {
                        Object result = method.invoke(database, arguments);
                        return result instanceof Connection connection ? change.of(connection) : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    static Connection withoutAutoCommit(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        return connection;
    }

    /** A driver that is not to be seen. */
    static Connection withoutUnwrapping(Connection connection) {
        return (Connection) Proxy.newProxyInstance(
                Changed.class.getClassLoader(), new Class<?>[] {Connection.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("isWrapperFor")) {
                        return false;
                    }
                    try {
                        return method.invoke(connection, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
