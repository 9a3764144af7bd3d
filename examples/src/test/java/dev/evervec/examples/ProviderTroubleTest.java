package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import dev.evervec.examples.Cli.Result;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real SDK against a server that refuses the key: the job begins and fails as a whole, and the key is never shown. */
class ProviderTroubleTest {
    private static final String KEY = "sk-never-to-be-shown";

    private Cli cli;
    private HttpServer server;

    @BeforeEach
    void aServerThatRefusesTheKey(@TempDir Path folder) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            byte[] body = "{\"error\":{\"message\":\"Incorrect API key\",\"code\":\"invalid_api_key\"}}"
                    .getBytes(StandardCharsets.UTF_8);
            exchange.getRequestBody().readAllBytes();
            exchange.getResponseHeaders().add("Content-Type", "application/json");
            exchange.sendResponseHeaders(401, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        cli = new Cli(folder);
        cli.records(5);
        cli.file("config.toml", """
                [llm]
                provider = "openai"
                api_key = "%s"
                base_url = "http://127.0.0.1:%d/v1"

                [llm.models.embedding]
                name = "text-embedding-3-small"
                dim = 8

                [records]
                jsonl = "records.jsonl"

                [store]
                url = "jdbc:sqlite:embeddings.db"
                """.formatted(KEY, server.getAddress().getPort()));
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void aBuildStopsWithItsBooksBalancedAndSaysWhatToChange() {
        Result build = cli.run("build", "--config", "config.toml");

        assertThat(build.code()).isEqualTo(1);
        JsonNode summary = build.summary();
        assertThat(summary.get("total_pending").asInt()).isEqualTo(5);
        assertThat(summary.get("succeeded").asInt()).isZero();
        assertThat(summary.at("/failed/aborted").asInt()).isEqualTo(5);
        assertThat(build.outLines()).anyMatch(line -> line.startsWith("Stopped: ") && line.contains("401"));
        assertThat(build.out() + build.err()).doesNotContain(KEY);
    }

    @Test
    void anEmbeddedTextFailsWithOneAndTheReason() {
        Result embed = cli.run("embed-text", "--config", "config.toml", "a rope");

        assertThat(embed.code()).isEqualTo(1);
        assertThat(embed.out()).isEmpty();
        assertThat(embed.err()).startsWith("evervec: ").contains("401").doesNotContain(KEY, "a rope");
    }
}
