package dev.evervec.store.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What PostgreSQL tells a connection that listens. Found by reflection, because its driver may be missing. */
final class PostgresNotices {
    private final Object connection;
    private final Method getNotifications;

    private PostgresNotices(Object connection, Method getNotifications) {
        this.connection = connection;
        this.getNotifications = getNotifications;
    }

    /** Those of this connection, or null if it is none of PostgreSQL's own driver, underneath. */
    static @Nullable PostgresNotices of(Connection connection) throws SQLException {
        try {
            Class<?> driver = Class.forName("org.postgresql.PGConnection");
            return connection.isWrapperFor(driver)
                    ? new PostgresNotices(connection.unwrap(driver), driver.getMethod("getNotifications", int.class))
                    : null;
        } catch (ReflectiveOperationException | LinkageError e) {
            return null;
        }
    }

    /** Waits until there is one, without a statement; false if there was none for so long. */
    boolean await(Duration limit) throws SQLException {
        try {
            Object[] notices = (Object[]) getNotifications.invoke(connection, Math.toIntExact(limit.toMillis()));
            return notices != null && notices.length > 0;
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof SQLException failure) {
                throw failure;
            }
            throw new IllegalStateException("PostgreSQL's driver failed", e.getCause());
        } catch (IllegalAccessException e) {
            throw new IllegalStateException("PostgreSQL's driver does not let itself be asked", e);
        }
    }
}
