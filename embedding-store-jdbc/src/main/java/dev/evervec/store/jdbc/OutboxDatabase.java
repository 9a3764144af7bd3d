package dev.evervec.store.jdbc;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;

/** Where connections to the database of an outbox come from. */
@FunctionalInterface
interface OutboxDatabase {
    Connection connect() throws SQLException;

    /** An SQLite file; statements wait for other writers, and a commit in WAL mode does not wait for the disk. */
    static OutboxDatabase sqlite(Path file) {
        String url = "jdbc:sqlite:" + file.toAbsolutePath().normalize();
        Properties settings = new Properties();
        settings.setProperty("busy_timeout", "5000");
        settings.setProperty("synchronous", "NORMAL");
        return () -> DriverManager.getConnection(url, settings);
    }
}
