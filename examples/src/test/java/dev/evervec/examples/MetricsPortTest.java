package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Prometheus looks at a build: the embedding service scrapes its caller before it answers. */
class MetricsPortTest {
    private static final Pattern ANNOUNCED = Pattern.compile("metrics at (http://127\\.0\\.0\\.1:\\d+/metrics)");

    private final HttpClient client = HttpClient.newHttpClient();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private EmbeddingServer server;
    private Cli cli;

    @BeforeEach
    void aStoreWithOneEmbeddedRecord(@TempDir Path folder) {
        server = EmbeddingServer.start();
        cli = new Cli(folder);
        cli.file("config.toml", server.config("usd_per_million_tokens = 2.0\nmax_in_flight = 1", ""));
        cli.records(1);
        assertThat(cli.run(Cli.withConfig("build")).code()).isZero();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private int build(String... options) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (PrintStream outStream = new PrintStream(out, true, StandardCharsets.UTF_8);
                PrintStream errStream = new PrintStream(err, true, StandardCharsets.UTF_8)) {
            Shell shell = new Shell(InputStream.nullInputStream(), outStream, errStream, cli.folder(), Map.of(), false);
            return Main.run(Cli.withConfig("build", options), shell);
        }
    }

    private URI announced() {
        Matcher announced = ANNOUNCED.matcher(err.toString(StandardCharsets.UTF_8));
        assertThat(announced.find()).isTrue();
        return URI.create(announced.group(1));
    }

    private HttpResponse<String> scrape(URI uri) throws IOException {
        try {
            return client.send(
                    HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(10)).build(), BodyHandlers.ofString());
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Listeners hear of a call soon, but not at once. */
    private String scrapeUntilThereAre(String... names) {
        try {
            String body = scrape(announced()).body();
            while (!Arrays.stream(names).allMatch(body::contains)) {
                body = scrape(announced()).body();
            }
            return body;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    @Timeout(60)
    void whileABuildRunsItsCallsAndTheLedgerCanBeScraped() throws Exception {
        cli.records(3);
        AtomicReference<String> scraped = new AtomicReference<>();
        server.beforeEachAnswer(() -> {
            if (server.embedded().size() == 2) {
                scraped.set(scrapeUntilThereAre(
                        "gen_ai_client_operation_duration_seconds_count",
                        "gen_ai_client_token_usage_count",
                        "evervec_cost_usd_total"));
            }
        });

        int code = build("--metrics-port", "0", "--batch-size", "1");

        assertThat(code).isZero();
        String labels = "gen_ai_operation_name=\"embeddings\",gen_ai_provider_name=\"openai\","
                + "gen_ai_request_model=\"house-model\"";
        assertThat(scraped.get())
                .contains(
                        "gen_ai_client_operation_duration_seconds_count{" + labels + "} 1",
                        "gen_ai_client_token_usage_bucket{" + labels + ",gen_ai_token_type=\"input\",le=\"16.0\"} 1",
                        "evervec_cost_usd_total{" + labels + "} 2.0E-5",
                        "evervec_records{source=\"default\",state=\"embedded\"} 1.0",
                        "evervec_records{source=\"default\",state=\"failed\"} 0.0",
                        "evervec_splits_total 0.0",
                        "evervec_circuit_open 0.0");
        URI uri = announced();
        Assertions.assertThatExceptionOfType(ConnectException.class)
                .as("closed with the build")
                .isThrownBy(() -> scrape(uri));
    }

    @Test
    @Timeout(60)
    void aScrapeIsTextOfPrometheus() throws Exception {
        try (MetricsEndpoint endpoint = MetricsEndpoint.start(0)) {
            HttpResponse<String> response = scrape(URI.create(endpoint.url()));

            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(response.headers().allValues("Content-Type"))
                    .isEqualTo(List.of("text/plain; version=0.0.4; charset=utf-8"));
            assertThat(response.body()).contains("# TYPE evervec_splits_total counter");
        }
    }

    @Test
    void aPortThatCannotBeUsedIsRefusedBeforeTheBuild() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());

            assertThat(cli.refused(Cli.withConfig("build", "--metrics-port", port))
                            .err())
                    .contains("port " + port);
        }
        assertThat(cli.refused(Cli.withConfig("build", "--metrics-port", "70000"))
                        .err())
                .contains("--metrics-port must be from 0 to 65535, not 70000");
    }
}
