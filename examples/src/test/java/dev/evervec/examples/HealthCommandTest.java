package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HealthCommandTest {
    private EmbeddingServer server;
    private Cli cli;

    @BeforeEach
    void twoSourcesOfWhichOneHasATextThatIsRefused(@TempDir Path folder) {
        server = EmbeddingServer.start();
        server.refuse("bad");
        cli = new Cli(folder);
        cli.file("records.jsonl", """
                {"id":"a","source":"books","content":"first"}
                {"id":"b","source":"books","content":"bad"}
                {"id":"c","source":"books","content":"<br>"}
                {"id":"a","source":"films","content":"second"}
                """);
        thresholds("");
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private void thresholds(String table) {
        cli.file("config.toml", server.config("", table));
    }

    private Result run(String command, String... rest) {
        return cli.run(Cli.withConfig(command, rest));
    }

    @Test
    void withoutThresholdsEverythingIsHealthyAndIsShown() {
        run("build", "--job-id", "first");

        Result health = run("health");

        assertThat(health.code()).isZero();
        assertThat(health.err()).isEmpty();
        assertThat(health.outLines().stream().map(line -> line.replaceAll(" +", " ")))
                .contains(
                        "books 1 0 1 1 50.0 % 0 -",
                        "films 1 0 0 0 100.0 % 0 -", "(all) 2 0 1 1 66.6 % 0 -", "Healthy: [health] sets no threshold")
                .anyMatch(line -> line.matches("Last job first failed, ended 20\\S+Z"));
    }

    @Test
    void aPassedThresholdIsNamedAndEndsWithOne() {
        run("build");
        thresholds("[health]\nmax_failed = 0\nmin_success_rate = 0.9\nmax_pending = 0");

        Result people = run("health");
        Result json = run("health", "--json");

        assertThat(people.code()).isEqualTo(1);
        assertThat(people.outLines())
                .containsSubsequence(
                        "Not healthy:",
                        "  1 record is failed, max_failed is 0",
                        "  the success rate is 0.6666, min_success_rate is 0.9");
        assertThat(json.code()).isEqualTo(1);
        assertThat(json.json().get("healthy").asBoolean()).isFalse();
        assertThat(json.json().get("breaches")).hasSize(2);
    }

    @Test
    void oneSourceIsHeldToTheThresholdsAlone() {
        run("build");
        thresholds("[health]\nmax_failed = 0");

        assertThat(run("health", "--source", "films").code()).isZero();
        assertThat(run("health", "--source", "books").code()).isEqualTo(1);
        assertThat(run("health", "--source", "all").code()).isEqualTo(1);
        JsonNode films = run("health", "--source", "films", "--json").json();
        assertThat(films.get("sources")).hasSize(1);
        assertThat(films.at("/total/completed").asInt()).isEqualTo(1);
        assertThat(cli.refused(Cli.withConfig("health", "--source", "plays")).err())
                .contains("plays", "books, films");
    }

    @Test
    void aChangedTextIsPendingAndItsVectorStaleUntilItIsEmbedded() {
        run("build");
        cli.file("records.jsonl", "{\"id\":\"a\",\"source\":\"films\",\"content\":\"bad news\"}\n");
        run("build", "--source", "films");

        JsonNode films = run("health", "--source", "films", "--json").json().get("total");

        assertThat(films.get("failed").asInt()).isEqualTo(1);
        assertThat(films.get("stale").asInt()).isEqualTo(1);
        assertThat(films.get("success_rate").asDouble()).isZero();
    }

    @Test
    void beforeTheFirstBuildThereIsNothingToTell() {
        assertThat(cli.refused(Cli.withConfig("health")).err()).contains("run a build first");
    }

    @Test
    void aMistakeInAThresholdIsNamed() {
        thresholds("[health]\nmax_failed = -1\nmin_succes_rate = 0.5");

        assertThat(cli.refused(Cli.withConfig("health")).err()).contains("health.max_failed", "health.min_succes_rate");
    }
}
