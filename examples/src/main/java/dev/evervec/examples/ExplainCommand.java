package dev.evervec.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.RecordTrace.PastOutcome;
import dev.evervec.pipeline.store.RecordTrace.VectorInfo;
import dev.evervec.pipeline.store.SourceStats;
import java.io.PrintStream;
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
                "Tells what is known of a record: its state, why it has that state, its vector, and its past outcomes.",
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
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            List<RecordTrace> traces = traces(wiring.existingStore(), wiring.fingerprint());
            if (json) {
                shell.out().println(Json.line(json(traces)));
            } else {
                traces.forEach(this::print);
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

    private void print(RecordTrace trace) {
        PrintStream out = shell.out();
        out.println("Record     " + trace.key());
        out.println("Generation " + trace.generation());
        out.println("State      " + trace.state().code() + " since " + Json.time(trace.changedAt()));
        if (trace.reason() != null) {
            out.println("Reason     " + outcome(trace.reason(), trace.detail()));
        } else if (trace.detail() != null) {
            out.println("Text       " + trace.detail());
        }
        if (trace.attempts() > 0) {
            out.println("Attempts   " + trace.attempts()
                    + (trace.retryDue() == null ? "" : ", next due " + Json.time(trace.retryDue())));
        }
        printVector(trace.vector(), out);
        for (PastOutcome past : trace.history()) {
            out.println("Before     " + Json.time(past.at()) + " job " + past.jobId() + ": "
                    + outcome(past.reason(), past.detail()));
        }
        out.println();
    }

    private static void printVector(@Nullable VectorInfo vector, PrintStream out) {
        if (vector == null) {
            out.println("Vector     none");
        } else {
            out.println("Vector     " + vector.dimension() + " dimensions, stored " + Json.time(vector.storedAt())
                    + " by job " + vector.jobId());
            out.println("Text hash  " + vector.textHash().hex());
        }
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
                    .put("stored_at", Json.time(vector.storedAt()));
        }
        ArrayNode history = json.putArray("history");
        for (PastOutcome past : trace.history()) {
            history.addObject()
                    .put("job_id", past.jobId())
                    .put("reason", past.reason().code())
                    .put("detail", past.detail())
                    .put("at", Json.time(past.at()));
        }
    }
}
