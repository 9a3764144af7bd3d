package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A text that a provider refuses, over several jobs, until the provider changes its mind. */
class RetryFailedTest {
    private EmbeddingServer server;
    private Cli cli;

    @BeforeEach
    void aServiceThatRefusesOneOfThreeTexts(@TempDir Path folder) {
        server = EmbeddingServer.start();
        cli = new Cli(folder);
        cli.records(3);
        cli.file("config.toml", server.config("usd_per_million_tokens = 2.0", "[build]\nmax_attempts = 2"));
        server.refuse("number 1");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Result run(String command, String... rest) {
        return cli.run(Cli.withConfig(command, rest));
    }

    private static void assertCounts(JsonNode summary, int pending, int succeeded, int failed) {
        assertThat(summary.get("total_pending").asInt()).as("pending").isEqualTo(pending);
        assertThat(summary.get("succeeded").asInt()).as("succeeded").isEqualTo(succeeded);
        assertThat(summary.at("/failed/embed_permanent").asInt()).as("failed").isEqualTo(failed);
    }

    @Test
    void nothingIsTriedBeforeItIsDueUnlessAsked() {
        assertThat(run("build").code()).isEqualTo(1);

        Result early = run("retry-failed");
        Result now = run("retry-failed", "--now");

        assertThat(early.code()).isZero();
        assertThat(early.out()).contains("No failed record is due", "--now", "--all");
        assertThat(early.summary().get("requests").asInt()).isZero();
        assertThat(now.code()).isEqualTo(1);
        assertCounts(now.summary(), 1, 0, 1);
    }

    @Test
    void aRecordWithoutTriesLeftIsNamedWithTheWayOutWhichWorks() {
        run("build");
        run("retry-failed", "--now");

        Result build = run("build");
        assertThat(build.outLines())
                .anyMatch(line -> line.startsWith("Note: ")
                        && line.contains("default/r1")
                        && line.contains("retry-failed --all"));
        assertCounts(run("retry-failed", "--now").summary(), 0, 0, 0);
        assertThat(run("explain", "r1").out()).contains("Attempts   2 of 2; builds leave it alone, retry-failed --all");
        server.refuseNothing();

        Result all = run("retry-failed", "--all");

        assertThat(all.code()).isZero();
        assertCounts(all.summary(), 1, 1, 0);
        assertCounts(run("build").summary(), 0, 0, 0);
    }

    @Test
    void moreTriesThanConfiguredAreGivenOnRequest() {
        run("build");
        run("retry-failed", "--now");

        assertCounts(run("retry-failed", "--now", "--max-retries", "3").summary(), 1, 0, 1);
        assertCounts(run("retry-failed", "--now", "--max-retries", "3").summary(), 0, 0, 0);
    }

    @Test
    void asJsonThereIsOnlyTheResult() {
        run("build");

        Result json = run("retry-failed", "--now", "--json");

        assertThat(json.code()).isEqualTo(1);
        assertCounts(json.json(), 1, 0, 1);
    }

    @Test
    void explainTellsEachAttemptWithItsCostAndWhenTheNextIsDue() {
        run("build", "--job-id", "first");

        Result people = run("explain", "r1");
        assertThat(people.out())
                .contains("Attempts   1 of 2", "Retry due  20")
                .containsPattern("(?m)^20\\S+Z  first .*  embed_permanent: ");
        server.refuseNothing();
        run("retry-failed", "--now", "--job-id", "second");

        assertThat(run("explain", "r1").out())
                .contains("State      embedded", "Vector     8 dimensions")
                .containsPattern("(?s)second +10 +0.00002  embedded.*first .*embed_permanent: ");
        JsonNode record = run("explain", "r1", "--json").json().at("/records/0");
        assertThat(record.at("/vector/tokens").asInt()).isEqualTo(EmbeddingServer.TOKENS_PER_TEXT);
        assertThat(record.at("/vector/cost_usd").decimalValue()).isEqualByComparingTo("0.00002");
        assertThat(record.get("history")).hasSize(1);
        assertThat(record.at("/history/0/reason").asText()).isEqualTo("embed_permanent");
        assertThat(record.at("/history/0/job_id").asText()).isEqualTo("first");
    }

    @Test
    void mistakesAreRefusedBeforeAnythingBegins() {
        assertThat(run("retry-failed").err()).contains("run a build first");
        run("build");

        assertThat(cli.refused(Cli.withConfig("retry-failed", "--all", "--max-retries", "3"))
                        .err())
                .contains("--all", "--max-retries");
        assertThat(cli.refused(Cli.withConfig("retry-failed", "--max-retries", "0"))
                        .err())
                .contains("--max-retries must be at least 1, not 0");
        assertThat(cli.refused(Cli.withConfig("retry-failed", "--source", "films"))
                        .err())
                .contains("films", "default");
        assertThat(cli.refused(Cli.withConfig("retry-failed", "--budget-usd", "0"))
                        .err())
                .contains("must be more than 0");
    }
}
