package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.config.LlmConfig;
import dev.evervec.examples.TextTable.Column;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.RecordTrace.PastOutcome;
import dev.evervec.pipeline.store.RecordTrace.VectorInfo;
import dev.evervec.pipeline.store.SourceStats;
import java.io.PrintStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Tells what happened to a record and why. */
@Command(
        name = "explain",
        description =
                "Tells what is known of a record: its state, why it has that state, its vector, when its next try is due, and what"
                        + " became of it in each job, with what that cost.",
        footer =
                "%nExit codes: 0 done; 1 no record has this id; 2 wrong usage or configuration, or a store that cannot be"
                        + " used.")
final class ExplainCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Parameters(paramLabel = "ID", description = "The record's id.")
    private String id = "";

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description = "Its source. Without it, or with all: every source that has a record with this id.")
    private @Nullable String source;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    ExplainCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        LlmConfig loaded = config.load(shell);
        try (Wiring wiring = Wiring.of(loaded)) {
            List<RecordTrace> traces = traces(wiring.existingStore(), wiring.fingerprint());
            if (json) {
                shell.out().println(Json.line(json(traces)));
            } else {
                traces.forEach(trace -> print(trace, loaded.build().maxAttempts()));
            }
            return traces.isEmpty() ? unknown(wiring.fingerprint()) : ExitCode.OK;
        }
    }

    private List<RecordTrace> traces(EmbeddingStore store, Fingerprint fingerprint) {
        List<RecordTrace> traces = new ArrayList<>();
        for (SourceStats known : StatsCommand.of(source, store.stats(fingerprint))) {
            store.explain(fingerprint, new RecordKey(known.source(), id)).ifPresent(traces::add);
        }
        return traces;
    }

    private int unknown(Fingerprint fingerprint) {
        shell.err()
                .println(
                        "evervec: no record with the id \"" + id + "\" is known in generation "
                                + fingerprint.generation()
                                + (source == null ? "" : " and source " + source)
                                + ": it was never read, has no content, could not be read (see the job's log), or has vanished");
        return ExitCode.FAILED;
    }

    private void print(RecordTrace trace, int maxAttempts) {
        PrintStream out = shell.out();
        out.println("Record     " + trace.key());
        out.println("Generation " + trace.generation());
        out.println("State      " + trace.state().code() + " since " + Json.time(trace.changedAt()));
        if (trace.reason() != null) {
            out.println("Reason     " + outcome(trace.reason(), trace.detail()));
        } else if (trace.detail() != null) {
            out.println("Text       " + trace.detail());
        }
        printAttempts(trace, maxAttempts, out);
        VectorInfo vector = trace.vector();
        if (vector == null) {
            out.println("Vector     none");
        } else {
            out.println("Vector     " + vector.dimension() + " dimensions, of the text with the hash "
                    + vector.textHash().hex());
        }
        printHistory(trace, out);
        out.println();
    }

    private static void printAttempts(RecordTrace trace, int maxAttempts, PrintStream out) {
        if (trace.attempts() == 0) {
            return;
        }
        boolean exhausted = trace.attempts() >= maxAttempts;
        out.println("Attempts   " + trace.attempts() + " of " + maxAttempts
                + (exhausted ? "; builds leave it alone, retry-failed --all takes it" : ""));
        if (trace.retryDue() != null && !exhausted) {
            out.println("Retry due  " + Json.time(trace.retryDue()) + "; a build does not wait for that");
        }
    }

    /** Newest first, as it is kept; what stored the vector has its place among the rest. */
    private static void printHistory(RecordTrace trace, PrintStream out) {
        TextTable table = new TextTable(
                Column.text("when"),
                Column.text("job"),
                Column.number("tokens"),
                Column.number("USD"),
                Column.text("what became of it"));
        VectorInfo vector = trace.vector();
        for (PastOutcome past : trace.history()) {
            if (vector != null && vector.storedAt().isAfter(past.at())) {
                row(table, vector.storedAt(), vector.jobId(), vector.cost(), "embedded");
                vector = null;
            }
            Reason reason = past.reason();
            row(
                    table,
                    past.at(),
                    past.jobId(),
                    past.cost(),
                    reason == null ? "embedded; replaced since" : outcome(reason, past.detail()));
        }
        if (vector != null) {
            row(table, vector.storedAt(), vector.jobId(), vector.cost(), "embedded");
        }
        if (trace.vector() != null || !trace.history().isEmpty()) {
            out.println();
            table.print(out);
        }
    }

    private static void row(TextTable table, Instant at, String jobId, RecordCost cost, String outcome) {
        table.row(
                String.valueOf(Json.time(at)),
                jobId,
                SourceTable.count(cost.tokens()),
                cost.usd() == null ? "unknown" : Json.plain(cost.usd()),
                outcome);
    }

    private static String outcome(Reason reason, @Nullable String detail) {
        return reason.code() + (detail == null || detail.isEmpty() ? "" : ": " + detail);
    }

    private ObjectNode json(List<RecordTrace> traces) {
        ObjectNode json = Json.object();
        json.put("id", id);
        ArrayNode records = json.putArray("records");
        traces.forEach(trace -> fill(records.addObject(), trace));
        return json;
    }

    private static void fill(ObjectNode json, RecordTrace trace) {
        json.put("source", trace.key().source());
        json.put("id", trace.key().id());
        json.put("generation", trace.generation());
        json.put("state", trace.state().code());
        json.put("reason", trace.reason() == null ? null : trace.reason().code());
        json.put("detail", trace.detail());
        json.put("attempts", trace.attempts());
        json.put("retry_due", Json.time(trace.retryDue()));
        json.put("changed_at", Json.time(trace.changedAt()));
        VectorInfo vector = trace.vector();
        if (vector == null) {
            json.putNull("vector");
        } else {
            json.putObject("vector")
                    .put("text_hash", vector.textHash().hex())
                    .put("dim", vector.dimension())
                    .put("job_id", vector.jobId())
                    .put("stored_at", Json.time(vector.storedAt()))
                    .put("tokens", vector.cost().tokens())
                    .put("cost_usd", Json.money(vector.cost().usd()));
        }
        ArrayNode history = json.putArray("history");
        for (PastOutcome past : trace.history()) {
            history.addObject()
                    .put("job_id", past.jobId())
                    .put("reason", past.reason() == null ? null : past.reason().code())
                    .put("detail", past.detail())
                    .put("at", Json.time(past.at()))
                    .put("tokens", past.cost().tokens())
                    .put("cost_usd", Json.money(past.cost().usd()));
        }
    }
}
