package dev.evervec.examples;

import dev.evervec.config.HealthSettings;
import dev.evervec.config.LlmConfig;
import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.HealthStats;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.SourceHealth;
import java.io.PrintStream;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tells whether the records are kept embedded, for people and for a monitor. */
@Command(
        name = "health",
        description = {
            "Tells how many records of each source are embedded, pending and failed, how long the oldest has been pending, how the"
                    + " last job ended and whether a running one is held up.",
            "Thresholds are in the [health] table of the configuration: max_failed, max_pending, max_stale,"
                    + " max_oldest_pending (seconds), min_success_rate. Without any, all is healthy."
        },
        footer =
                "%nExit codes: 0 healthy; 1 a threshold is passed; 2 wrong usage or configuration, or a store that cannot be"
                        + " used.")
final class HealthCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description =
                    "Only this source: its counts are held to the thresholds. Without it, or with all: every source.")
    private @Nullable String source;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    HealthCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        LlmConfig loaded = config.load(shell);
        HealthSettings thresholds = loaded.health();
        try (Wiring wiring = Wiring.of(loaded)) {
            HealthStats health =
                    wanted(HealthStats.of(wiring.existingStore(), wiring.fingerprint(), Clock.systemUTC()));
            if (json) {
                shell.out().println(health.toJson(thresholds));
            } else {
                shell.out().println(GenerationsCommand.describe(wiring.fingerprint()));
                print(health, thresholds, shell.out());
            }
            return health.breaches(thresholds).isEmpty() ? ExitCode.OK : ExitCode.FAILED;
        }
    }

    private HealthStats wanted(HealthStats all) {
        if (source == null || source.equals(RecordKey.ALL_SOURCES)) {
            return all;
        }
        List<String> known = all.sources().stream().map(SourceHealth::source).toList();
        return all.only(source).orElseThrow(() -> StatsCommand.unknownSource(String.valueOf(source), known));
    }

    private static void print(HealthStats health, HealthSettings thresholds, PrintStream out) {
        out.println();
        printSources(health, out);
        out.println();
        out.println("Last job  " + lastRun(health.lastRun()));
        if (health.heldUpBy() != null) {
            out.println("Held up   " + health.heldUpBy());
        }
        List<String> breaches = health.breaches(thresholds);
        if (breaches.isEmpty()) {
            out.println(thresholds.equals(HealthSettings.NONE) ? "Healthy: [health] sets no threshold" : "Healthy");
        } else {
            out.println("Not healthy:");
            breaches.forEach(breach -> out.println("  " + breach));
        }
    }

    private static void printSources(HealthStats health, PrintStream out) {
        TextTable table = new TextTable(
                Column.text("source"),
                Column.number("embedded"),
                Column.number("pending"),
                Column.number("skipped"),
                Column.number("failed"),
                Column.number("success"),
                Column.number("stale"),
                Column.number("oldest pending"));
        health.sources().forEach(one -> row(table, one.source(), one, health));
        if (health.sources().size() != 1) {
            row(table, "(all)", health.total(), health);
        }
        table.print(out);
    }

    private static void row(TextTable table, String name, SourceHealth counts, HealthStats health) {
        Double rate = counts.successRate();
        Duration age = counts.oldestPendingAge(health.asOf());
        table.row(
                name,
                SourceTable.count(counts.embedded()),
                SourceTable.count(counts.pending()),
                SourceTable.count(counts.skipped()),
                SourceTable.count(counts.failed()),
                rate == null ? "-" : percent(rate),
                SourceTable.count(counts.stale()),
                age == null ? "-" : ProgressDisplay.clock(age));
    }

    /** Rounded down: 99.99 % must not look like 100. */
    private static String percent(double rate) {
        return String.format(Locale.ROOT, "%.1f %%", Math.floor(rate * 1000) / 10);
    }

    private static String lastRun(@Nullable JobInfo run) {
        if (run == null) {
            return "none yet";
        }
        return run.jobId() + " " + run.state().code()
                + (run.endedAt() == null
                        ? ", since " + Json.time(run.startedAt())
                        : ", ended " + Json.time(run.endedAt()));
    }
}
