package dev.evervec.benchmarks.contest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** A SQLite file with vectors and nothing else, which loses as much in a power cut as the store does and has pages of the same size. */
public final class BareSqlite {
    private BareSqlite() {}

    /** A connection without auto-commit to a new file with a table {@code bare (id, vector)}. */
    public static Connection create(Path file) throws SQLException {
        Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
        try (Statement statement = connection.createStatement()) {
            // Not in the URL, where they have no order: the size has no effect after the mode.
            statement.execute("pragma page_size = 32768");
            statement.execute("pragma journal_mode = wal");
            statement.execute("pragma synchronous = normal");
            statement.execute("create table bare (id text primary key, vector blob not null) without rowid");
        }
        connection.setAutoCommit(false);
        return connection;
    }

    /** What is kept of a vector. */
    public static byte[] bytes(float[] components) {
        ByteBuffer bytes = ByteBuffer.allocate(components.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(components);
        return bytes.array();
    }
}
