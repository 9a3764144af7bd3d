package dev.evervec.store.jdbc;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Where connections to the database of an outbox come from. Thread-safe. */
interface OutboxDatabase {
    Connection connect() throws SQLException;

    /** Takes back a connection that did what it was to do. */
    void giveBack(Connection connection) throws SQLException;

    /** Whether it may be a database that tells of changes. */
    default boolean tells() {
        return true;
    }

    /** Closes what is kept open. */
    void close() throws SQLException;

    /** Somebody else's connections. */
    static OutboxDatabase of(DataSource dataSource) {
        return new OutboxDatabase() {
            @Override
            public Connection connect() throws SQLException {
                return dataSource.getConnection();
            }

            @Override
            public void giveBack(Connection connection) throws SQLException {
                connection.close();
            }

            @Override
            public void close() {}
        };
    }

    /**
     * An SQLite file: statements wait for other writers, and a commit in WAL mode does not wait for the disk. One connection is
     * kept, because opening one takes longer than what is done on it.
     */
    static OutboxDatabase sqlite(Path file) {
        String url = "jdbc:sqlite:" + file.toAbsolutePath().normalize();
        Properties settings = new Properties();
        settings.setProperty("busy_timeout", "5000");
        settings.setProperty("synchronous", "NORMAL");
        AtomicReference<@Nullable Connection> idle = new AtomicReference<>();
        return new OutboxDatabase() {
            @Override
            public Connection connect() throws SQLException {
                Connection kept = idle.getAndSet(null);
                return kept == null ? DriverManager.getConnection(url, settings) : kept;
            }

            @Override
            public void giveBack(Connection connection) throws SQLException {
                if (!idle.compareAndSet(null, connection)) {
                    connection.close();
                }
            }

            @Override
            public boolean tells() {
                return false;
            }

            @Override
            public void close() throws SQLException {
                Connection kept = idle.getAndSet(null);
                if (kept != null) {
                    kept.close();
                }
            }
        };
    }
}
