package dev.evervec.store.jdbc;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.store.EmbeddingStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A real PostgreSQL for tests: one server for all that run in this process, which ends with it, and a database of its own for
 * whoever asks. Its user is a superuser without a password; the extension pgvector is not there. Thread-safe.
 */
public final class TestPostgres {
    private static final AtomicInteger DATABASES = new AtomicInteger();

    private final String name;

    private TestPostgres(String name) {
        this.name = name;
    }

    /** Started when it is asked for. */
    private static final class Server {
        static final EmbeddedPostgres RUNNING = start();

        private static EmbeddedPostgres start() {
            try {
                EmbeddedPostgres server = EmbeddedPostgres.start();
                Runtime.getRuntime().addShutdownHook(new Thread(() -> close(server), "test-postgres-close"));
                return server;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static void close(EmbeddedPostgres server) {
            try {
                server.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** A new and empty database. */
    public static TestPostgres newDatabase() {
        TestPostgres database = new TestPostgres("test_" + DATABASES.incrementAndGet());
        new TestPostgres("postgres").execute("create database " + database.name);
        return database;
    }

    /** A new database with all that is in this one, which nobody may be connected to. */
    public TestPostgres copy() {
        TestPostgres copy = new TestPostgres("test_" + DATABASES.incrementAndGet());
        new TestPostgres("postgres").execute("create database " + copy.name + " template " + name);
        return copy;
    }

    /** Drops the database, whoever is connected to it. */
    public void drop() {
        new TestPostgres("postgres").execute("drop database if exists " + name + " with (force)");
    }

    public String name() {
        return name;
    }

    /** The port on 127.0.0.1. */
    public static int port() {
        return Server.RUNNING.getPort();
    }

    /** The URL without user. */
    public String url() {
        return "jdbc:postgresql://127.0.0.1:" + port() + "/" + name;
    }

    /** A store in it, in the default schema. */
    public StoreSettings settings() {
        return settings(null);
    }

    /** A store in a schema of it. */
    public StoreSettings settings(String schema) {
        return new StoreSettings(url(), "postgres", null, schema);
    }

    /** Opens a store in it, in the default schema. */
    public EmbeddingStore open() {
        return JdbcStore.open(settings());
    }

    /** Connections to it, without a pool. */
    public PGSimpleDataSource dataSource() {
        PGSimpleDataSource source = new PGSimpleDataSource();
        source.setUrl(url());
        source.setUser("postgres");
        return source;
    }

    public Connection connect() throws SQLException {
        return DriverManager.getConnection(url(), "postgres", "");
    }

    /** Executes statements. */
    public void execute(String sql) {
        try (Connection connection = connect();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }
}
