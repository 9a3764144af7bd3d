package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a build would do, told without doing it. */
class DryRunTest {
    private EmbeddingServer server;
    private Cli cli;

    @BeforeEach
    void recordsThatCostSomething(@TempDir Path folder) {
        server = EmbeddingServer.start();
        cli = new Cli(folder);
        cli.records(20);
        cli.file("config.toml", server.config("usd_per_million_tokens = 2.0", ""));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Result dryRun(String... options) {
        String[] all = Stream.concat(Stream.of("--dry-run"), Stream.of(options)).toArray(String[]::new);
        return cli.run(Cli.withConfig("build", all));
    }

    private static JsonNode estimate(Result result) {
        List<String> lines = result.outLines();
        String last = lines.get(lines.size() - 1);
        assertThat(last).startsWith("EMBEDDING_ESTIMATE:");
        return Cli.parse(last.substring("EMBEDDING_ESTIMATE:".length()));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(cli.folder())) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void nothingIsSentAndNoFileIsMade() throws Exception {
        Result result = dryRun();

        assertThat(result.code()).isZero();
        assertThat(estimate(result).get("to_embed").asInt()).isEqualTo(20);
        assertThat(estimate(result).at("/embedding/requests").asInt()).isEqualTo(1);
        assertThat(estimate(result).get("cost_usd").decimalValue()).isPositive();
        assertThat(result.out()).contains("20 records for 0.", "Assumed: ").doesNotContain("text number");
        assertThat(server.embedded()).isEmpty();
        assertThat(files()).containsExactly("config.toml", "records.jsonl");
    }

    @Test
    void aStoreIsLookedAtAndLeftAsItIs() throws Exception {
        cli.run(Cli.withConfig("build"));
        byte[] before = Files.readAllBytes(cli.folder().resolve("embeddings.db"));
        cli.records(22);

        JsonNode estimate = estimate(dryRun("--job-id", "imagined"));

        assertThat(estimate.get("unchanged").asInt()).isEqualTo(20);
        assertThat(estimate.get("to_embed").asInt()).isEqualTo(2);
        assertThat(estimate.at("/embedding/distinct_texts").asInt()).isEqualTo(2);
        assertThat(Files.readAllBytes(cli.folder().resolve("embeddings.db"))).isEqualTo(before);
        assertThat(cli.folder().resolve("logs/imagined.log")).doesNotExist();
        assertThat(server.embedded()).hasSize(20);
    }

    @Test
    void whatABuildDoesIsWhatWasTold() {
        JsonNode estimate = estimate(dryRun("--batch-size", "3"));
        JsonNode summary = cli.run(Cli.withConfig("build", "--batch-size", "3")).summary();

        assertThat(summary.get("succeeded")).isEqualTo(estimate.get("to_embed"));
        assertThat(summary.get("requests").asInt())
                .isBetween(estimate.at("/embedding/requests").asInt(), 10);
        assertThat(estimate.at("/embedding/estimated").asBoolean()).isTrue();
    }

    @Test
    void itSaysWhetherTheBudgetIsEnough() {
        assertThat(dryRun("--budget-usd", "1").out()).contains("Fits the budget of 1 USD");
        Result tooLittle = dryRun("--budget-usd", "0.000001");
        assertThat(tooLittle.out()).contains("Does not fit the budget of 0.000001 USD");
        assertThat(tooLittle.code()).isZero();
        assertThat(estimate(tooLittle).get("fits_budget").asBoolean()).isFalse();
    }

    @Test
    void withJsonThereIsNothingElse() {
        assertThat(dryRun("--json").json().get("records").asInt()).isEqualTo(20);
    }

    @Test
    void mistakesAreThoseOfABuild() {
        cli.refused(Cli.withConfig("build", "--dry-run", "--source", "nowhere"));
        cli.refused(Cli.withConfig("build", "--dry-run", "--job-id", "no good"));
        cli.file("config.toml", server.config("", ""));
        assertThat(cli.refused(Cli.withConfig("build", "--dry-run", "--budget-usd", "1"))
                        .err())
                .contains("usd_per_million_tokens");
        assertThat(dryRun().out()).contains("20 records for unknown USD");
        cli.file("config.toml", server.config("nonsense = 1", ""));
        assertThat(cli.refused(Cli.withConfig("build", "--dry-run")).err()).contains("nonsense");
    }

    @Test
    void unreadableRecordsAreNamed() {
        cli.file("records.jsonl", "{\"id\":\"a\",\"content\":\"first\"}\n{\"id\":\"broken\n");

        Result result = dryRun();

        assertThat(result.out()).contains("1 record cannot be read:", "line 2");
        assertThat(estimate(result).at("/unreadable_records/0/id").asText()).isNotEmpty();
    }

    @Test
    void whereNothingIsPendingItSaysSo() {
        cli.run(Cli.withConfig("build"));

        Result result = dryRun();

        assertThat(result.out()).contains("No pending embeddings to process");
        assertThat(estimate(result).get("cost_usd").asInt()).isZero();
    }

    @Test
    void theBundledExampleNeedsNoStore() throws Exception {
        Files.delete(cli.folder().resolve("config.toml"));
        Files.delete(cli.folder().resolve("records.jsonl"));

        Result result = cli.run("build", "--dry-run");

        assertThat(estimate(result).get("to_embed").asInt()).isPositive();
        assertThat(files()).containsExactly(BundledExample.SAMPLES);
    }
}
