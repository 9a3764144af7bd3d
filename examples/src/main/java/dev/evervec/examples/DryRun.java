package dev.evervec.examples;

import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildEstimate.Amounts;
import dev.evervec.pipeline.report.BuildEstimate.Calls;
import dev.evervec.pipeline.report.BuildEstimate.Line;
import dev.evervec.pipeline.report.RecordOutcome;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Tells what a build would do and cost; the estimate line comes last. */
final class DryRun {
    private static final String ESTIMATE = "EMBEDDING_ESTIMATE:";

    private final BuildPipeline pipeline;
    private final Shell shell;

    DryRun(BuildPipeline pipeline, Shell shell) {
        this.pipeline = pipeline;
        this.shell = shell;
    }

    /** Returns the exit code. */
    int run(BuildRequest request, boolean onlyJson) {
        BuildEstimate estimate = pipeline.estimate(request);
        if (onlyJson) {
            shell.out().println(estimate.toJson());
        } else {
            print(estimate, shell.out());
            shell.out().println(ESTIMATE + estimate.toJson());
        }
        shell.out().flush();
        return ExitCode.OK;
    }

    private void print(BuildEstimate estimate, PrintStream out) {
        out.println(GenerationsCommand.describe(pipeline.fingerprint()));
        out.println("Nothing is sent and nothing written: this is what a build would do");
        out.println();
        printRecords(estimate, out);
        printCalls("Rewriting", Amounts::rewriting, estimate, out);
        printCalls("Embedding", Amounts::embedding, estimate, out);
        printUnreadable(estimate, out);
        print("Note: ", estimate.notes(), out);
        print("Assumed: ", estimate.assumptions(), out);
        printTotal(estimate, out);
    }

    private static void printRecords(BuildEstimate estimate, PrintStream out) {
        TextTable table = new TextTable(
                Column.text("source"),
                Column.number("records"),
                Column.number("with content"),
                Column.number("unchanged"),
                Column.number("to embed"),
                Column.number("empty"),
                Column.number("too long"),
                Column.number("unreadable"));
        rows(estimate).forEach(line -> {
            Amounts amounts = line.amounts();
            table.row(
                    line.source(),
                    SourceTable.count(amounts.records()),
                    SourceTable.count(amounts.withContent()),
                    SourceTable.count(amounts.unchanged()),
                    SourceTable.count(amounts.toEmbed()),
                    SourceTable.count(amounts.emptyContent()),
                    SourceTable.count(amounts.tooLong()),
                    SourceTable.count(amounts.unreadable()));
        });
        table.print(out);
        out.println();
    }

    private static void printCalls(
            String title, Function<Amounts, Calls> calls, BuildEstimate estimate, PrintStream out) {
        if (calls.apply(estimate.total()).texts() == 0) {
            return;
        }
        TextTable table = new TextTable(
                Column.text(title),
                Column.number("different texts"),
                Column.number("requests"),
                Column.number("input tokens"),
                Column.number("output tokens"),
                Column.number("USD"));
        rows(estimate).forEach(line -> {
            Calls made = calls.apply(line.amounts());
            String about = made.estimated() ? "~" : "";
            table.row(
                    line.source(),
                    SourceTable.count(made.texts()),
                    SourceTable.count(made.requests()),
                    about + SourceTable.count(made.inputTokens()),
                    about + SourceTable.count(made.outputTokens()),
                    usd(made.usd()));
        });
        table.print(out);
        out.println();
    }

    /** With a line for all sources where there are several, or none. */
    private static List<Line> rows(BuildEstimate estimate) {
        if (estimate.sources().size() == 1) {
            return estimate.sources();
        }
        List<Line> rows = new ArrayList<>(estimate.sources());
        rows.add(new Line("(all)", estimate.total()));
        return rows;
    }

    private static void printUnreadable(BuildEstimate estimate, PrintStream out) {
        long all = estimate.total().unreadable();
        if (all == 0) {
            return;
        }
        out.println(SourceTable.count(all, "record") + " cannot be read:");
        for (RecordOutcome outcome : estimate.unreadable()) {
            out.println("  " + outcome.key() + "  " + outcome.detail());
        }
        long more = all - estimate.unreadable().size();
        if (more > 0) {
            out.println("  and " + SourceTable.count(more) + " more");
        }
        out.println();
    }

    private static void print(String title, List<String> sentences, PrintStream out) {
        sentences.forEach(sentence -> out.println(title + sentence));
        if (!sentences.isEmpty()) {
            out.println();
        }
    }

    private static void printTotal(BuildEstimate estimate, PrintStream out) {
        if (estimate.total().toEmbed() == 0) {
            out.println("No pending embeddings to process");
            return;
        }
        out.println(SourceTable.count(estimate.total().toEmbed(), "record") + " for "
                + usd(estimate.total().costUsd()) + " USD in about "
                + ProgressDisplay.clock(estimate.expectedTime()));
        if (estimate.budgetUsd() != null) {
            boolean fits = Boolean.TRUE.equals(estimate.fitsBudget());
            out.println(
                    (fits ? "Fits" : "Does not fit") + " the budget of " + Json.plain(estimate.budgetUsd()) + " USD");
        }
    }

    static String usd(@Nullable BigDecimal cost) {
        return cost == null ? "unknown" : Json.plain(cost);
    }
}
