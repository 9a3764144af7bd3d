package dev.evervec.examples;

import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.store.CostQuery;
import java.io.PrintStream;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Adds up what provider calls cost. */
@Command(
        name = "costs",
        description = {
            "Adds up what the calls to providers used and cost: by day, source, model and job. It is the bill of the store, with all"
                    + " generations and failed calls.",
            "A price that was not known when a call was made stays unknown: set usd_per_million_tokens in the configuration for"
                    + " the calls to come."
        },
        footer = ExitCode.HELP)
final class CostsCommand implements Callable<Integer> {
    private final Shell shell;
    private final Clock clock;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--days",
            paramLabel = "N",
            description = "Only the last N days, today included. Without it: everything.")
    private @Nullable Integer days;

    @Option(
            names = "--zone",
            paramLabel = "ZONE",
            description = "Where days begin, such as Europe/Berlin or +02:00. Without it: UTC.")
    private String zone = "UTC";

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    CostsCommand(Shell shell, Clock clock) {
        this.shell = shell;
        this.clock = clock;
    }

    @Override
    public Integer call() {
        CostQuery query = query();
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            CostReport costs = wiring.existingStore().costs(query);
            if (json) {
                shell.out().println(costs.toJson());
            } else {
                print(costs, shell.out());
            }
        }
        return ExitCode.OK;
    }

    private CostQuery query() {
        ZoneId where = zone();
        if (days == null) {
            return new CostQuery(null, null, where);
        }
        if (days < 1) {
            throw new UsageException("--days must be at least 1, not " + days);
        }
        LocalDate first = LocalDate.ofInstant(clock.instant(), where).minusDays(days - 1L);
        return new CostQuery(first.atStartOfDay(where).toInstant(), null, where);
    }

    private ZoneId zone() {
        try {
            return ZoneId.of(zone);
        } catch (DateTimeException e) {
            throw new UsageException(
                    "--zone " + zone + " is no time zone: give one such as UTC, Europe/Berlin or +02:00", e);
        }
    }

    private void print(CostReport costs, PrintStream out) {
        out.println("Costs " + period() + " (" + costs.zone() + ")");
        if (costs.total().requests() == 0) {
            out.println("No calls to a provider");
            return;
        }
        TextTable table = new TextTable(
                Column.text(""),
                Column.text(""),
                Column.number("requests"),
                Column.number("input tokens"),
                Column.number("output tokens"),
                Column.number("USD"));
        rows(table, "day", costs.byDay());
        rows(table, "source", costs.bySource());
        rows(table, "model", costs.byModel());
        rows(table, "job", costs.byJob());
        row(table, "total", "", costs.total());
        out.println();
        table.print(out);
        printLegend(costs.total(), out);
    }

    private String period() {
        if (days == null) {
            return "since the first call";
        }
        return days == 1 ? "of today" : "of the last " + SourceTable.count(days, "day");
    }

    private static void rows(TextTable table, String title, List<CostReport.Line> lines) {
        String once = title;
        for (CostReport.Line line : lines) {
            row(table, once, line.key().isEmpty() ? "(no " + title + ")" : line.key(), line.sum());
            once = "";
        }
    }

    private static void row(TextTable table, String title, String key, CostReport.Sum sum) {
        table.row(
                title,
                key,
                SourceTable.count(sum.requests()),
                tokens(sum.inputTokens(), sum),
                tokens(sum.outputTokens(), sum),
                usd(sum));
    }

    private static String tokens(long count, CostReport.Sum sum) {
        return (sum.estimated() && count > 0 ? "~" : "") + SourceTable.count(count);
    }

    /** An unknown price is never taken for zero. */
    private static String usd(CostReport.Sum sum) {
        if (sum.costUsd() != null) {
            return Json.plain(sum.costUsd());
        }
        return sum.knownCostUsd().signum() == 0 ? "unknown" : Json.plain(sum.knownCostUsd()) + " + unknown";
    }

    private static void printLegend(CostReport.Sum total, PrintStream out) {
        out.println();
        if (total.estimated()) {
            out.println("~: some of the calls did not tell their tokens, which are estimated");
        }
        if (total.costUsd() == null) {
            out.println("unknown: the price of " + SourceTable.count(total.unpricedTokens(), "token")
                    + " was not known; set usd_per_million_tokens for the calls to come");
        }
    }
}
