package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands with their store in PostgreSQL, which asks for a password and has no pgvector. */
@Timeout(180)
class PostgresCommandsTest {
    private static final String PASSWORD = "corr%ct&h0rse";
    private static EmbeddedPostgres server;

    private Cli cli;

    @BeforeAll
    static void startServer(@TempDir Path folder) throws Exception {
        Path access = Files.writeString(folder.resolve("access.conf"), """
                host all postgres 127.0.0.1/32 trust
                host all all      127.0.0.1/32 scram-sha-256
                """);
        server = EmbeddedPostgres.builder()
                .setServerConfig("hba_file", access.toString())
                .start();
        execute("create role app login password '" + PASSWORD + "'");
        execute("create role guest login password '" + PASSWORD + "'");
        execute("grant create on database postgres to app");
    }

    @AfterAll
    static void stopServer() throws IOException {
        server.close();
    }

    @BeforeEach
    void inAFolderAndASchemaOfItsOwn(@TempDir Path folder) throws SQLException {
        cli = new Cli(folder);
        execute("drop schema if exists vectors cascade");
        cli.file("records.jsonl", """
                {"id":"1","source":"animals","title":"A cat","content":"the cat sleeps in the sun"}
                {"id":"2","source":"animals","title":"A dog","content":"the dog barks at the moon"}
                {"id":"3","source":"tools","content":"a hammer drives the nail"}
                """);
        config(url(), "app", PASSWORD, "vectors");
    }

    private static void execute(String sql) throws SQLException {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static boolean schemaExists() throws SQLException {
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery("select to_regnamespace('vectors') is not null")) {
            row.next();
            return row.getBoolean(1);
        }
    }

    private static String url() {
        return "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/postgres";
    }

    private void config(String url, String user, String password, String schema) {
        config(64, url, user, password, schema);
    }

    private void config(int dimension, String url, String user, String password, String schema) {
        String withoutStore = Cli.config(dimension, "jsonl = \"records.jsonl\"").replaceAll("(?s)\\[store].*", "");
        cli.file("config.toml", withoutStore + """
                [store]
                url = "%s"
                user = "%s"
                password = "%s"
                schema = "%s"
                """.formatted(url, user, password, schema));
    }

    private Result run(String command, String... rest) {
        return cli.run(Cli.withConfig(command, rest));
    }

    @Test
    void everyCommandWorks() throws Exception {
        assertThat(run("build").summary().get("succeeded").asInt()).isEqualTo(3);
        Result again = run("build");
        assertThat(again.out()).contains("No pending embeddings to process");
        assertThat(again.summary().get("requests").asInt()).isZero();

        JsonNode stats = run("stats", "--json").json();
        assertThat(stats.at("/sources/0/embedded").asInt()).isEqualTo(2);
        assertThat(stats.at("/vectors/type").asText()).isEqualTo("real[]");
        assertThat(run("stats").out()).contains("Vectors: table vectors.evervec_vector_", ", real[], no index");
        JsonNode query = run("query", "the cat sleeps", "--json").json();
        assertThat(query.at("/nearest/0/id").asText()).isEqualTo("1");
        assertThat(query.at("/nearest/0/title").asText()).isEqualTo("A cat");
        assertThat(query.get("nearest")).hasSize(3);
        assertThat(run("explain", "2").out()).contains("embedded");
        assertThat(run("health").code()).isZero();
        assertThat(run("verify", "--sample", "3").out()).contains(": 3 matched, 0 did not");
        assertThat(run("costs", "--json").json().at("/total/requests").asInt()).isEqualTo(3);
        Result retried = run("retry-failed");
        assertThat(retried.code()).as(retried.err()).isZero();
        assertThat(run("export", "--out", "v.jsonl").code()).isZero();
        assertThat(Files.readAllLines(cli.folder().resolve("v.jsonl"))).hasSize(3);
        String generation = stats.get("generation").asText();
        config(32, url(), "app", PASSWORD, "vectors");
        assertThat(run("build").summary().get("succeeded").asInt()).isEqualTo(3);
        assertThat(run("prune", generation).out()).contains("Deleted generation " + generation + " with 3 vectors");
        assertThat(run("generations", "--json").json().get("generations")).hasSize(1);
    }

    @Test
    void beforeTheFirstBuildNothingIsMade() throws Exception {
        for (String command : List.of("stats", "generations", "health", "costs", "index")) {
            assertThat(cli.refused(Cli.withConfig(command)).err())
                    .contains("run a build first")
                    .doesNotContain(PASSWORD);
        }
        assertThat(run("schema").out()).contains("no tables of Evervec yet");
        assertThat(schemaExists()).isFalse();
    }

    @Test
    void theIndexNeedsTheExtension() {
        run("build");

        assertThat(cli.refused(Cli.withConfig("index")).err()).contains("real[]", "create extension vector");
    }

    @Test
    void thePrintedStatementsMakeTheTablesThatTheStoreTakes() throws Exception {
        execute("create schema vectors authorization app");
        String ddl = run("schema", "--print").out();
        try (Connection connection = server.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement()) {
            statement.execute("set role app");
            statement.execute(ddl);
        }

        assertThat(run("schema").out()).contains("version 1", "vectors");
        assertThat(run("build").summary().get("succeeded").asInt()).isEqualTo(3);
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no SIGTERM")
    void thePageIsServedOverIt() throws Exception {
        try (ServeCommandTest.Server page =
                ServeCommandTest.Server.start(cli.folder(), List.of("--port", "0", "--config", "config.toml"))) {
            page.url(page.lineWith("Admin page: "));
            String secret = page.lineWith("Log in with this secret: ");

            page.post("trigger", "{}", secret);

            assertThat(page.awaitEnd(secret).at("/summary/succeeded").asInt()).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "URL | app | wr0ng | vectors | password",
                "URL | nobody | wr0ng | vectors | user",
                "URL | guest | OK | vectors | lacks a right",
                "URL?sslmod=require | app | OK | vectors | parameter 1 behind the ?",
                "URL_nowhere | app | OK | vectors | database",
                "URL | app | OK | pg_mine | schema",
            })
    void mistakesAreSaidBeforeAnything(String url, String user, String password, String schema, String words) {
        config(url.replace("URL", url()), user, password.replace("OK", PASSWORD), schema);

        Result result = cli.refused(Cli.withConfig("build"));

        assertThat(result.err()).contains(words).doesNotContain(PASSWORD, "wr0ng");
    }

    @Test
    void aServerThatIsNotThereIsSaid() throws Exception {
        int port;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = closed.getLocalPort();
        }
        config("jdbc:postgresql://127.0.0.1:" + port + "/postgres", "app", PASSWORD, "vectors");

        assertThat(cli.refused(Cli.withConfig("build")).err())
                .contains("127.0.0.1:" + port)
                .doesNotContain(PASSWORD);
    }
}
