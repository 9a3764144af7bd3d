package dev.evervec.it;

import static org.awaitility.Awaitility.await;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A PostgreSQL server on one port of 127.0.0.1 that can be restarted, and can crash. */
final class PostgresServer implements AutoCloseable {
    private final Path data;
    private EmbeddedPostgres server;

    private PostgresServer(Path data) throws IOException {
        this.data = data;
        this.server = start(data, 0);
    }

    /** A new server with its data in this folder. */
    static PostgresServer start(Path folder) throws IOException {
        return new PostgresServer(folder.resolve("postgres"));
    }

    private static EmbeddedPostgres start(Path data, int port) throws IOException {
        EmbeddedPostgres.Builder server = EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                // What has been committed is there after a crash, as on a server that is not only for tests.
                .setServerConfig("synchronous_commit", "on");
        return (port == 0 ? server : server.setPort(port)).start();
    }

    int port() {
        return server.getPort();
    }

    /** The address of a database as seen through a port, which is the server's own or leads to it. */
    static String url(int port, String database) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + database + "?user=postgres";
    }

    /** The address of a database. */
    String url(String database) {
        return url(port(), database);
    }

    /** A new, empty database. */
    PostgresServer withDatabase(String name) throws SQLException {
        execute("postgres", "create database " + name);
        return this;
    }

    /** Ends the server as an administrator does, with all connections, and starts it again. */
    void restart() throws IOException {
        int port = port();
        server.close();
        server = start(data, port);
    }

    /**
     * Kills one of the server's own processes, upon which it ends all others, in whatever they are doing, and recovers from its
     * log. Returns when it is there again.
     */
    void crash() throws SQLException {
        try (Connection victim = connect("postgres")) {
            long pid = Long.parseLong(strings(victim, "select pg_backend_pid()").get(0));
            ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
            process.destroyForcibly();
            process.onExit().join();
        }
        awaitConnection();
    }

    private void awaitConnection() {
        await().ignoreExceptionsInstanceOf(SQLException.class)
                .until(() -> strings("postgres", "select 1").size() == 1);
    }

    /** Ends every connection of these applications. */
    void terminate(String applications) throws SQLException {
        execute(
                "postgres",
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '" + applications
                        + "'");
    }

    Connection connect(String database) throws SQLException {
        return DriverManager.getConnection(url(database));
    }

    void execute(String database, String sql) throws SQLException {
        try (Connection connection = connect(database);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    /** The first column of the answer. */
    List<String> strings(String database, String sql) throws SQLException {
        try (Connection connection = connect(database)) {
            return strings(connection, sql);
        }
    }

    private static List<@Nullable String> strings(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            List<@Nullable String> strings = new ArrayList<>();
            while (rows.next()) {
                strings.add(rows.getString(1));
            }
            return strings;
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
