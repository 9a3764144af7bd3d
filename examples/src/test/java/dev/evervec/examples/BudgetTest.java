package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import java.math.BigDecimal;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Builds that may cost no more than they are told, of texts that cost 0.00002 US dollars each. */
class BudgetTest {
    private static final int RECORDS = 20;

    private EmbeddingServer server;
    private Cli cli;

    @BeforeEach
    void recordsThatCostSomething(@TempDir Path folder) {
        server = EmbeddingServer.start();
        cli = new Cli(folder);
        cli.records(RECORDS);
        cli.file("config.toml", server.config("usd_per_million_tokens = 2.0", ""));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Result build(String... options) {
        return cli.run(Cli.withConfig("build", options));
    }

    @Test
    void aBuildStopsAtItsBudgetAndTheNextOneGoesOn() {
        Result capped = build("--budget-usd", "0.0002", "--batch-size", "1");

        assertThat(capped.code()).isZero();
        JsonNode summary = capped.summary();
        int embedded = summary.get("succeeded").asInt();
        int left = summary.at("/skipped/over_budget").asInt();
        assertThat(embedded).isPositive();
        assertThat(left).isPositive();
        assertThat(embedded + left).isEqualTo(RECORDS);
        assertThat(summary.get("cost_usd").decimalValue()).isLessThanOrEqualTo(new BigDecimal("0.0002"));
        assertThat(capped.out()).contains("skipped: over_budget");
        assertThat(build().summary().get("succeeded").asInt()).isEqualTo(left);
    }

    @Test
    void aBudgetThatCannotBeKeptIsRefusedBeforeTheJob() {
        cli.file("config.toml", server.config("", ""));

        assertThat(cli.refused(Cli.withConfig("build", "--budget-usd", "1")).err())
                .contains("house-model", "usd_per_million_tokens");
        assertThat(cli.refused(Cli.withConfig("build", "--budget-usd", "0")).err())
                .contains("must be more than 0");
        assertThat(cli.refused(Cli.withConfig("build", "--budget-usd", "much")).err())
                .contains("--budget-usd", "'much' is no number");
        assertThat(server.embedded()).isEmpty();
    }
}
