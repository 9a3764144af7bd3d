package dev.evervec.benchmarks;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Embedding;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** A database that is new and empty, for a store and for the bare upsert that it is compared with. It goes when it is closed. */
interface FreshDatabase extends AutoCloseable {
    /** Makes one. */
    @FunctionalInterface
    interface Maker {
        FreshDatabase make() throws IOException, SQLException;
    }

    EmbeddingStore store();

    /** A connection without auto-commit, to a new table {@code bare (id, vector)} with ids as its key. */
    Connection bare() throws SQLException;

    /** What the driver takes as a vector. */
    Object value(Embedding vector);

    @Override
    void close() throws IOException, SQLException;

    /** Two files that lose as much in a power cut, with pages of one size. */
    static FreshDatabase sqlite() throws IOException {
        Path folder = Files.createTempDirectory("evervec-benchmark");
        return new FreshDatabase() {
            @Override
            public EmbeddingStore store() {
                return JdbcStore.openSqlite(folder.resolve("store.db"));
            }

            @Override
            public Connection bare() throws SQLException {
                return withTable(
                        DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("bare.db")),
                        // Not in the URL, where they have no order: the size has no effect after the mode.
                        "pragma page_size = 32768",
                        "pragma journal_mode = wal",
                        "pragma synchronous = normal",
                        "create table bare (id text primary key, vector blob not null) without rowid");
            }

            @Override
            public Object value(Embedding vector) {
                float[] components = vector.toArray();
                ByteBuffer bytes =
                        ByteBuffer.allocate(components.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
                bytes.asFloatBuffer().put(components);
                return bytes.array();
            }

            @Override
            public void close() throws IOException {
                Site.delete(folder);
            }
        };
    }

    /**
     * A database of the server.
     *
     * @param fromUrl whether the store opens its connections itself, from a URL; otherwise they are a host's, from a data source
     *     without any option
     */
    static FreshDatabase postgres(BenchServer server, boolean fromUrl) throws SQLException {
        String database = server.newDatabase();
        return new FreshDatabase() {
            @Override
            public EmbeddingStore store() {
                return fromUrl
                        ? JdbcStore.open(new StoreSettings(server.url(database), null, null, null))
                        : JdbcStore.builder(server.dataSource(database)).open();
            }

            @Override
            public Connection bare() throws SQLException {
                return withTable(
                        DriverManager.getConnection(server.url(database) + "&reWriteBatchedInserts=true"),
                        "create table bare (id text primary key, vector real[] not null)",
                        // Random numbers do not get smaller, and the store does not try either.
                        "alter table bare alter column vector set storage external");
            }

            @Override
            public Object value(Embedding vector) {
                return vector.toArray();
            }

            @Override
            public void close() throws SQLException {
                server.drop(database);
            }
        };
    }

    private static Connection withTable(Connection connection, String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
        connection.setAutoCommit(false);
        return connection;
    }
}
