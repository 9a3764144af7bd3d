package dev.evervec.store.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;

/** What PostgreSQL tells a connection that listens. Only to be touched where its driver may be missing: it is optional. */
final class PostgresNotices {
    private final PGConnection connection;

    private PostgresNotices(PGConnection connection) {
        this.connection = connection;
    }

    /** Those of this connection, or null if it is none of PostgreSQL's own driver, underneath. */
    static @Nullable PostgresNotices of(Connection connection) throws SQLException {
        return connection.isWrapperFor(PGConnection.class)
                ? new PostgresNotices(connection.unwrap(PGConnection.class))
                : null;
    }

    /** Waits until there is one, without a statement; false if there was none for so long. */
    boolean await(Duration limit) throws SQLException {
        return connection.getNotifications(Math.toIntExact(limit.toMillis())).length > 0;
    }
}
