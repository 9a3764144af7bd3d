package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The command that serves the admin page: what it says when it starts, what it refuses, and how it ends. */
@Timeout(180)
class ServeCommandTest {
    private static final String SECRET = "correct-horse-battery";

    @TempDir
    Path folder;

    // ---- what is refused ----

    @Test
    void aWrongPortOrSecretIsRefusedBeforeAnythingIsOpened() {
        Cli cli = new Cli(folder);
        cli.config(4);
        cli.records(1);

        assertThat(cli.refused("serve", "--config", "config.toml", "--port", "65536")
                        .err())
                .contains("--port must be from 0 to 65535, not 65536");
        assertThat(cli.refused("serve", "--port", "http").err()).contains("--port");
        Cli.Result tooShort =
                cli.onTerminal(Map.of(ServeCommand.SECRET_VARIABLE, "elevenchars"), "serve", "--config", "config.toml");
        assertThat(tooShort.code()).isEqualTo(2);
        assertThat(tooShort.err())
                .contains("EVERVEC_ADMIN_SECRET cannot be used", "at least 12 characters")
                .doesNotContain("elevenchars");
        assertThat(folder.resolve("embeddings.db")).doesNotExist();
    }

    @Test
    void aPortThatIsTakenIsRefused() throws Exception {
        Cli cli = new Cli(folder);
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());

            assertThat(cli.refused("serve", "--port", port).err())
                    .contains("127.0.0.1:" + port, "Address already in use", "--port");
        }
    }

    @Test
    void anAddressThatIsNotOursIsRefused() {
        Cli cli = new Cli(folder);

        assertThat(cli.refused("serve", "--port", "0", "--host", "192.0.2.1").err())
                .contains("192.0.2.1:0", "--host");
    }

    @Test
    void aHostThatDoesNotExistIsRefused() {
        Cli cli = new Cli(folder);

        assertThat(cli.refused("serve", "--port", "0", "--host", "no-such-host.invalid")
                        .err())
                .contains("no-such-host.invalid:0", "unknown host", "--host");
    }

    // ---- a process ----

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no SIGTERM")
    void withoutAnyConfigurationItServesTheSamplesAndMakesASecret() throws Exception {
        try (Server server = Server.start(folder, List.of("--port", "0"))) {
            String page = server.lineWith("Admin page: ");
            String secret = server.lineWith("Log in with this secret: ");
            server.lineWith("It is new at every start");
            server.url(page);

            String id = server.post("trigger", "{}", secret).get("job_id").asText();
            JsonNode job = server.awaitEnd(secret);

            assertThat(job.get("job_id").asText()).isEqualTo(id);
            assertThat(job.get("state").asText()).isEqualTo("completed");
            assertThat(job.at("/summary/succeeded").asInt()).isPositive();
            assertThat(server.terminate()).isZero();
            assertThat(server.err()).doesNotContain("\tat ");
            assertThat(server.err().split(secret, -1))
                    .as("the secret is shown once")
                    .hasSize(2);
            assertThat(folder.resolve("logs").resolve(id + ".log")).content().doesNotContain(secret);
        }
    }

    @Test
    @DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no SIGTERM")
    void toldToStopItCancelsTheRunningJobWithBalancedBooks() throws Exception {
        Cli cli = withSlowProvider();
        try (Server server = Server.start(folder, List.of("--config", "config.toml"))) {
            server.url(server.lineWith("Admin page: "));
            server.lineWith("Log in with the secret of [serve]");
            server.post("trigger", "{}", SECRET);
            server.lineWith(SlowProviderFactory.WAITING);

            assertThat(server.terminate()).as(server.err()).isZero();
            assertThat(server.err()).doesNotContain(SECRET);
        }

        JsonNode stats =
                cli.run("stats", "--config", "config.toml", "--json").json().at("/sources/0");
        assertThat(stats.get("embedded").asInt()).isBetween(20, 69);
        assertThat(stats.get("embedded").asInt() + stats.get("pending").asInt()).isEqualTo(70);
        JsonNode health = cli.run("health", "--config", "config.toml", "--json").json();
        assertThat(health.at("/last_run/state").asText()).isEqualTo("cancelled");
    }

    @Test
    void killedInMidJobItShowsTheJobAsInterruptedAndCarriesItOn() throws Exception {
        Cli cli = withSlowProvider();
        String killed;
        try (Server server = Server.start(folder, List.of("--config", "config.toml"))) {
            server.url(server.lineWith("Admin page: "));
            killed = server.post("trigger", "{}", SECRET).get("job_id").asText();
            server.lineWith(SlowProviderFactory.WAITING);
            server.kill();
        }

        try (Server server =
                Server.start(folder, List.of("--config", "config.toml"), SlowProviderFactory.SWITCH, "no")) {
            server.url(server.lineWith("Admin page: "));
            JsonNode interrupted = server.awaitEnd(SECRET);
            assertThat(interrupted.get("job_id").asText()).isEqualTo(killed);
            assertThat(interrupted.get("state").asText()).isEqualTo("interrupted");
            assertThat(interrupted.get("resumable").asBoolean()).isTrue();

            String id =
                    server.post(killed + "/resume", "{}", SECRET).get("job_id").asText();
            JsonNode ended = server.awaitEnd(SECRET);

            assertThat(ended.get("job_id").asText()).isEqualTo(id);
            assertThat(ended.get("resumes").asText()).isEqualTo(killed);
            assertThat(ended.get("state").asText()).isEqualTo("completed");
        }

        JsonNode stats =
                cli.run("stats", "--config", "config.toml", "--json").json().at("/sources/0");
        assertThat(stats.get("embedded").asInt()).isEqualTo(70);
    }

    /** Seventy records in seven requests, the third of which is not answered. */
    private Cli withSlowProvider() {
        Cli cli = new Cli(folder);
        cli.records(70);
        String config = Cli.config(4, "jsonl = \"records.jsonl\"").replace("\"local\"", "\"slow\"");
        cli.file(
                "config.toml",
                config.replace("dim = 4", "dim = 4\nbatch_size = 10\nmax_in_flight = 1")
                        + "[serve]\nport = 0\nsecret = \"" + SECRET + "\"\n");
        return cli;
    }

    @Test
    void otherMachinesAreWarnedOf() throws Exception {
        try (Server server = Server.start(folder, List.of("--port", "0", "--host", "0.0.0.0"))) {
            assertThat(server.lineWith("Admin page: ")).startsWith("http://localhost:");
            assertThat(server.lineWith("evervec: 0.0.0.0 can be reached")).contains("TLS");
        }
    }

    /** The program in a process of its own. */
    static final class Server implements AutoCloseable {
        private final Process process;
        private final BufferedReader lines;
        private final StringBuilder seen = new StringBuilder();
        private final HttpClient client = HttpClient.newHttpClient();
        private String url = "";

        private Server(Process process) {
            this.process = process;
            this.lines = process.errorReader(StandardCharsets.UTF_8);
        }

        /** {@code variable}: the name and value of an environment variable, or nothing. */
        static Server start(Path folder, List<String> options, String... variable) throws IOException {
            List<String> command = new ArrayList<>(ChildJvm.command(Main.class, "serve"));
            command.addAll(options);
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD);
            builder.environment().remove(ServeCommand.SECRET_VARIABLE);
            if (variable.length > 0) {
                builder.environment().put(variable[0], variable[1]);
            }
            Process process = builder.start();
            ChildJvm.endAfter(process, 120);
            return new Server(process);
        }

        /** What comes after this beginning of a line of standard error. */
        String lineWith(String beginning) throws IOException {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                seen.append(line).append('\n');
                if (line.startsWith(beginning)) {
                    return line.substring(beginning.length());
                }
            }
            throw new AssertionError("the process ended without " + beginning + ":\n" + seen);
        }

        String err() {
            return seen.toString();
        }

        void url(String page) {
            url = page.replace("/admin/embeddings", "/admin/api/embeddings/");
        }

        JsonNode post(String path, String json, String secret) throws Exception {
            HttpRequest request = request(path, secret)
                    .header("content-type", "application/json")
                    .POST(BodyPublishers.ofString(json))
                    .build();
            HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
            return Cli.parse(response.body());
        }

        private HttpRequest.Builder request(String path, String secret) {
            return HttpRequest.newBuilder(URI.create(url + path))
                    .timeout(Duration.ofSeconds(60))
                    .header("x-admin-secret", secret);
        }

        /** Reads events until no job runs; returns the last job. */
        JsonNode awaitEnd(String secret) throws Exception {
            HttpRequest request = request("events", secret).build();
            try (var events = client.send(request, BodyHandlers.ofLines()).body()) {
                return events.filter(line -> line.startsWith("data: {\"job\":{"))
                        .map(line ->
                                Cli.parse(line.substring("data: ".length())).get("job"))
                        .filter(job -> !job.get("state").asText().equals("running"))
                        .findFirst()
                        .orElseThrow();
            }
        }

        /** Sends SIGTERM and returns the exit code. */
        int terminate() throws Exception {
            process.toHandle().destroy();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                seen.append(line).append('\n');
            }
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return process.exitValue();
        }

        void kill() throws InterruptedException {
            process.destroyForcibly();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }
}
