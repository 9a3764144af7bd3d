package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A real process in the middle of a build: a second one is refused, and SIGTERM ends the first in good order. */
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "has no SIGTERM")
class SignalTest {
    private static final int RECORDS = 70;
    private static final int BATCH = 10;

    @Test
    @Timeout(180)
    void aTerminatedBuildEndsWithBalancedBooksAndTheNextOneFinishes(@TempDir Path folder) throws Exception {
        Cli cli = new Cli(folder);
        cli.records(RECORDS);
        String config = Cli.config(4, "jsonl = \"records.jsonl\"").replace("\"local\"", "\"slow\"");
        cli.file("config.toml", config.replace("dim = 4", "dim = 4\nbatch_size = " + BATCH + "\nmax_in_flight = 1"));

        Result cancelled = terminatedBuild(cli);

        JsonNode summary = cancelled.summary();
        assertThat(cancelled.code()).as(cancelled.err()).isEqualTo(1);
        int succeeded = summary.get("succeeded").asInt();
        assertThat(succeeded).isBetween(SlowProviderFactory.CALLS_BEFORE_IT_WAITS * BATCH, RECORDS - 1);
        assertThat(summary.get("failed")).isEqualTo(Cli.parse("{\"cancelled\":" + (RECORDS - succeeded) + "}"));
        assertThat(summary.get("total_pending").asInt()).isEqualTo(RECORDS);
        assertThat(cancelled.out()).contains("Cancelled in ", "that stay pending for the next build");
        assertThat(cancelled.err()).contains("cancelled after ");
        assertThat(progress(folder).get("phase").asText()).isEqualTo("cancelled");

        Result next = build(folder);

        assertThat(next.code()).as(next.err()).isZero();
        assertThat(next.summary().get("succeeded").asInt()).isEqualTo(RECORDS - succeeded);
        JsonNode stats = cli.run("stats", "--config", "config.toml", "--json").json();
        assertThat(stats.at("/sources/0/embedded").asInt()).isEqualTo(RECORDS);
    }

    @Test
    @Timeout(180)
    void aTerminatedBuildWhoseProviderNeverAnswersEndsAfterTheGraceTime(@TempDir Path folder) throws Exception {
        Cli cli = new Cli(folder);
        cli.records(RECORDS);
        try (SilentServer server = new SilentServer()) {
            cli.file("config.toml", """
                    [llm]
                    provider = "openai"
                    base_url = "%s"
                    [llm.models.embedding]
                    name = "any-model"
                    dim = 4
                    timeout = 600
                    [records]
                    jsonl = "records.jsonl"
                    [store]
                    url = "jdbc:sqlite:embeddings.db"
                    """.formatted(server.url()));
            Process process = builder(folder, "--job-id", "cut").start();
            try {
                ChildJvm.endAfter(process, 120);
                server.awaitRequest();
                process.toHandle().destroy();
                StringBuilder err = new StringBuilder();
                readTo(null, process.errorReader(StandardCharsets.UTF_8), err);
                Result cancelled = ended(process, folder, err.toString());

                assertThat(cancelled.code()).as(cancelled.err()).isEqualTo(1);
                assertThat(cancelled.summary().get("total_pending").asInt()).isEqualTo(RECORDS);
                assertThat(cancelled.summary().get("failed")).isEqualTo(Cli.parse("{\"cancelled\":" + RECORDS + "}"));
                assertThat(progress(folder).get("phase").asText()).isEqualTo("cancelled");
                JsonNode stats =
                        cli.run("stats", "--config", "config.toml", "--json").json();
                assertThat(stats.at("/sources/0/pending").asInt()).isEqualTo(RECORDS);
            } finally {
                process.destroyForcibly();
            }
        }
    }

    /** Takes a connection and never answers. */
    private static final class SilentServer implements AutoCloseable {
        private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private Socket connection = new Socket();

        SilentServer() throws IOException {}

        String url() {
            return "http://127.0.0.1:" + socket.getLocalPort() + "/v1";
        }

        /** Waits for the first byte of a request. */
        void awaitRequest() throws IOException {
            connection = socket.accept();
            assertThat(connection.getInputStream().read()).isPositive();
        }

        @Override
        public void close() throws IOException {
            connection.close();
            socket.close();
        }
    }

    private static JsonNode progress(Path folder) throws IOException {
        return Cli.parse(Files.readString(folder.resolve("logs/cut.progress.json")));
    }

    private static Result terminatedBuild(Cli cli) throws Exception {
        Path folder = cli.folder();
        ProcessBuilder builder = builder(folder, "--job-id", "cut");
        Process process = builder.start();
        try {
            ChildJvm.endAfter(process, 120);
            StringBuilder err = new StringBuilder();
            BufferedReader lines = process.errorReader(StandardCharsets.UTF_8);
            readTo(SlowProviderFactory.WAITING, lines, err);
            assertThat(cli.refused("build", "--config", "config.toml").err()).contains("job cut");
            process.toHandle().destroy(); // SIGTERM; the process itself would close its streams
            readTo("Cancelling: ", lines, err);
            process.getOutputStream().close(); // the call that is out gets its answer
            readTo(null, lines, err);
            return ended(process, folder, err.toString());
        } finally {
            process.destroyForcibly();
        }
    }

    private static Result build(Path folder) throws Exception {
        ProcessBuilder builder = builder(folder);
        builder.environment().put(SlowProviderFactory.SWITCH, "no");
        Process process = builder.start();
        try {
            ChildJvm.endAfter(process, 120);
            process.getOutputStream().close();
            StringBuilder err = new StringBuilder();
            readTo(null, process.errorReader(StandardCharsets.UTF_8), err);
            return ended(process, folder, err.toString());
        } finally {
            process.destroyForcibly();
        }
    }

    private static ProcessBuilder builder(Path folder, String... options) {
        ProcessBuilder builder = new ProcessBuilder(ChildJvm.command(Main.class, "build", "--config", "config.toml"));
        builder.command().addAll(List.of(options));
        return builder.directory(folder.toFile())
                .redirectOutput(folder.resolve("out.txt").toFile());
    }

    /** Reads lines up to one that begins so, or all of them. */
    private static void readTo(String beginning, BufferedReader lines, StringBuilder seen) throws IOException {
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            seen.append(line).append('\n');
            if (beginning != null && line.startsWith(beginning)) {
                return;
            }
        }
        if (beginning != null) {
            throw new AssertionError("the process ended without " + beginning + ":\n" + seen);
        }
    }

    private static Result ended(Process process, Path folder, String err) throws Exception {
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        return new Result(process.exitValue(), Files.readString(folder.resolve("out.txt")), err);
    }
}
