package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.SourceException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Properties;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Where connections to the host's database come from. Thread-safe as far as its data source is. */
interface SourceDatabase {
    Connection connect() throws SQLException;

    static SourceDatabase of(DataSource dataSource) {
        return dataSource::getConnection;
    }

    static SourceDatabase of(String url, @Nullable String user, @Nullable String password) {
        Properties login = new Properties();
        if (user != null) {
            login.setProperty("user", user);
        }
        if (password != null) {
            login.setProperty("password", password);
        }
        return () -> {
            checkDriver(url);
            checkSqliteFile(url);
            return DriverManager.getConnection(url, login);
        };
    }

    private static void checkDriver(String url) {
        try {
            DriverManager.getDriver(url);
        } catch (SQLException e) {
            throw SourceFailures.noDriver(url);
        }
    }

    /** SQLite would make an empty database of a mistyped path, and the error would name a missing table. */
    private static void checkSqliteFile(String url) {
        String prefix = "jdbc:sqlite:";
        if (!url.startsWith(prefix)) {
            return;
        }
        int end = url.indexOf('?');
        String file = url.substring(prefix.length(), end < 0 ? url.length() : end);
        if (file.isEmpty() || file.startsWith(":") || file.startsWith("file:")) {
            return;
        }
        if (!Files.isRegularFile(Path.of(file))) {
            throw new SourceException(
                    "Records database: there is no file " + file + ". Check the path in the URL.", null);
        }
    }
}
