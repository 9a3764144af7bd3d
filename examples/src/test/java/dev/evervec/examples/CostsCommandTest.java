package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.evervec.examples.Cli.Result;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.ProviderCall.Share;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.TokenUsage;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class CostsCommandTest {
    private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");

    private Cli cli;

    @BeforeEach
    void inAFolderOfItsOwn(@TempDir Path folder) {
        cli = new Cli(folder);
        cli.config(8);
    }

    private static ProviderCall call(Instant at, String source, TokenUsage usage, @Nullable String usd) {
        BigDecimal cost = usd == null ? null : new BigDecimal(usd);
        Share share = new Share(source, 1, usage.inputTokens(), usage.outputTokens(), cost);
        return new ProviderCall(
                at,
                Duration.ofMillis(200),
                "openai",
                "a-model",
                Capability.EMBEDDING,
                1,
                usage,
                cost,
                null,
                List.of(share));
    }

    private static ProviderCall call(Instant at, @Nullable String usd) {
        return call(at, "books", TokenUsage.reported(1000, 0), usd);
    }

    private void bill(ProviderCall... calls) {
        try (EmbeddingStore store = JdbcStore.openSqlite(cli.folder().resolve("embeddings.db"))) {
            store.keepCalls(List.of(calls));
        }
    }

    /** At noon of the second of January 2026. */
    private Result costs(String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code;
        try (PrintStream outStream = new PrintStream(out, true, StandardCharsets.UTF_8);
                PrintStream errStream = new PrintStream(err, true, StandardCharsets.UTF_8)) {
            Shell shell = new Shell(InputStream.nullInputStream(), outStream, errStream, cli.folder(), Map.of(), false);
            Failures failures = new Failures(shell);
            code = new CommandLine(CommandSpec.create())
                    .addSubcommand(new CostsCommand(shell, Clock.fixed(NOON, ZoneOffset.UTC)))
                    .setParameterExceptionHandler(failures)
                    .setExecutionExceptionHandler(failures)
                    .execute(Cli.withConfig("costs", args));
        }
        return new Result(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void amountsAreExactPlainDecimals() {
        bill(call(NOON, "0.000000000001"), call(NOON, "0.1"), call(NOON, "0.2"), call(NOON, "100"));

        assertThat(costs().outLines().stream().map(line -> line.replaceAll(" +", " ")))
                .contains("day 2026-01-02 4 4,000 0 100.300000000001", "total 4 4,000 0 100.300000000001");
        assertThat(costs("--json").out()).contains("\"cost_usd\":100.300000000001");
    }

    @Test
    void anUnknownPriceIsUnknownAndNeverZero() {
        bill(call(NOON, null), call(NOON, "films", TokenUsage.estimated(50, 0), "0.5"));

        Result people = costs();
        JsonNode json = costs("--json").json();

        assertThat(people.outLines().stream().map(line -> line.replaceAll(" +", " ")))
                .contains(
                        "source books 1 1,000 0 unknown",
                        " films 1 ~50 0 0.5",
                        "total 2 ~1,050 0 0.5 + unknown",
                        "~: some of the calls did not tell their tokens, which are estimated")
                .anyMatch(line -> line.startsWith("unknown: the price of 1,000 tokens was not known"));
        assertThat(json.at("/total/cost_usd").isNull()).isTrue();
        assertThat(json.at("/total/known_cost_usd").decimalValue()).isEqualByComparingTo("0.5");
        assertThat(json.at("/total/unpriced_tokens").asLong()).isEqualTo(1000);
        assertThat(json.at("/by_source/0/cost_usd").isNull()).isTrue();
    }

    @Test
    void daysAreThoseOfTheZoneAndTodayIsOneOfThem() {
        Instant lateOnTheFirst = Instant.parse("2026-01-01T23:30:00Z");
        bill(call(lateOnTheFirst, "1"), call(NOON, "2"));

        assertThat(costs("--json").json().get("by_day")).hasSize(2);
        assertThat(costs("--days", "1", "--json").json().at("/total/cost_usd").asInt())
                .isEqualTo(2);
        assertThat(costs("--days", "2147483647", "--json").json().get("by_day")).hasSize(2);
        assertThat(costs("--days", "2", "--json").json().at("/total/cost_usd").asInt())
                .isEqualTo(3);
        JsonNode berlin =
                costs("--days", "1", "--zone", "Europe/Berlin", "--json").json();
        assertThat(berlin.get("zone").asText()).isEqualTo("Europe/Berlin");
        assertThat(berlin.get("from").asText()).isEqualTo("2026-01-01T23:00:00Z");
        assertThat(berlin.get("by_day")).hasSize(1);
        assertThat(berlin.at("/by_day/0/day").asText()).isEqualTo("2026-01-02");
        assertThat(berlin.at("/total/cost_usd").asInt()).isEqualTo(3);
    }

    @Test
    void withoutCallsItSaysSo() {
        bill();

        assertThat(costs("--days", "7").out()).contains("Costs of the last 7 days (UTC)", "No calls to a provider");
        assertThat(costs("--json").json().at("/total/cost_usd").asInt()).isZero();
    }

    @Test
    void mistakesAreRefused() {
        bill();

        assertThat(refused("--days", "0")).contains("--days must be at least 1, not 0");
        assertThat(refused("--zone", "Mars/Olympus")).contains("--zone Mars/Olympus is no time zone");
        assertThat(refused("--days", "many")).contains("many");
    }

    private String refused(String... args) {
        Result result = costs(args);
        assertThat(result.code()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("evervec: ").doesNotContain("\tat ");
        return result.err();
    }

    @Test
    void callsOfNoJobAreUnderNone() {
        bill(call(NOON, "1"));

        assertThat(costs().outLines().stream().map(line -> line.replaceAll(" +", " ")))
                .contains("job (no job) 1 1,000 0 1", "model openai/a-model 1 1,000 0 1");
        assertThat(costs("--json").json().at("/by_job/0/job_id").isNull()).isTrue();
    }
}
