package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.BareSqlite;
import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Embedding;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
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
                return BareSqlite.create(folder.resolve("bare.db"));
            }

            @Override
            public Object value(Embedding vector) {
                return BareSqlite.bytes(vector.toArray());
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
                Connection connection =
                        DriverManager.getConnection(server.url(database) + "&reWriteBatchedInserts=true");
                try (Statement statement = connection.createStatement()) {
                    statement.execute("create table bare (id text primary key, vector real[] not null)");
                    // Random numbers do not get smaller, and the store does not try either.
                    statement.execute("alter table bare alter column vector set storage external");
                }
                connection.setAutoCommit(false);
                return connection;
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
}
