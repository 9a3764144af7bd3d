package dev.evervec.examples;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.SourceStats;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is printed when a job has ended; the summary line comes last, whatever happens before it. */
final class BuildResult {
    private static final Logger log = LoggerFactory.getLogger(BuildResult.class);
    private static final String SUMMARY = "EMBEDDING_SUMMARY:";
    private static final int SHOWN_IDS = 20;

    private final BuildReport report;
    private final Fingerprint fingerprint;
    private final EmbeddingStore store;
    private final @Nullable Path logFile;
    private final String nothingToDo;

    BuildResult(
            BuildReport report,
            Fingerprint fingerprint,
            EmbeddingStore store,
            @Nullable Path logFile,
            String nothingToDo) {
        this.report = report;
        this.fingerprint = fingerprint;
        this.store = store;
        this.logFile = logFile;
        this.nothingToDo = nothingToDo;
    }

    void print(Shell shell) {
        try {
            printForPeople(shell.out());
        } catch (RuntimeException e) {
            log.debug("the result of job {} cannot be shown in full", report.jobId(), e);
            shell.err().println("evervec: the result cannot be shown in full: " + Failures.message(e));
        } finally {
            shell.out().println(SUMMARY + report.toJson());
            shell.out().flush();
        }
    }

    private void printForPeople(PrintStream out) {
        out.println(GenerationsCommand.describe(fingerprint));
        out.println("Store " + store.location());
        out.println();
        printSources(out);
        printReasons(report.skipped(), out);
        printReasons(report.failed(), out);
        printNotes(out);
        printEnding(out);
    }

    private void printSources(PrintStream out) {
        List<SourceStats> sources = store.stats(fingerprint);
        if (!sources.isEmpty()) {
            SourceTable.print(sources, out);
            out.println();
        }
    }

    private void printReasons(Map<Reason, Long> reasons, PrintStream out) {
        reasons.forEach((reason, count) -> printReason(reason, count, out));
    }

    private void printReason(Reason reason, long count, PrintStream out) {
        List<RecordOutcome> first = new ArrayList<>();
        report.outcomes().forEach(reason, outcome -> {
            if (first.size() < SHOWN_IDS) {
                first.add(outcome);
            }
        });
        // What is the same for all is said once.
        Set<String> details = first.stream().map(BuildResult::detail).collect(Collectors.toSet());
        boolean same = first.size() > 1 && details.size() == 1;
        out.println(SourceTable.count(count) + " "
                + reason.kind().name().toLowerCase(Locale.ROOT) + ": " + reason.code()
                + (same ? detail(first.get(0)) : ""));
        first.forEach(outcome -> out.println("  " + outcome.key() + (same ? "" : detail(outcome))));
        long more = count - first.size();
        if (more > 0) {
            out.println("  " + (first.isEmpty() ? "" : "and ") + SourceTable.count(more)
                    + (first.isEmpty() ? "" : " more") + rest(reason));
        }
        out.println();
    }

    /** Nothing if there is no more to say than the reason. */
    private static String detail(RecordOutcome outcome) {
        boolean saysMore = !outcome.detail().equals(outcome.reason().code());
        return saysMore ? ": " + outcome.detail() : "";
    }

    private String rest(Reason reason) {
        return reason.ledger() == Reason.Ledger.PENDING
                ? " that stay pending for the next build"
                : ": see " + logFile + ", or explain ID";
    }

    private void printNotes(PrintStream out) {
        if (!report.notes().isEmpty()) {
            report.notes().forEach(note -> out.println("Note: " + note));
            out.println();
        }
    }

    private void printEnding(PrintStream out) {
        report.stopCause()
                .filter(cause -> report.notes().stream().noneMatch(note -> note.startsWith(cause)))
                .ifPresent(cause -> out.println("Stopped: " + cause));
        if (report.totalPending() == 0) {
            out.println(nothingToDo);
        } else {
            out.println(String.format(
                    Locale.ROOT,
                    "%s in %.1f s: %s pending, %s embedded, %s skipped, %s failed; %s",
                    title(),
                    report.duration().toMillis() / 1000.0,
                    SourceTable.count(report.totalPending()),
                    SourceTable.count(report.succeeded()),
                    SourceTable.count(report.totalSkipped()),
                    SourceTable.count(report.totalFailed()),
                    SourceTable.count(report.requests(), "request")));
        }
        out.println("Job log " + logFile);
    }

    private String title() {
        return switch (report.state()) {
            case COMPLETED -> "Done";
            case FAILED -> "Done with failures";
            case CANCELLED -> "Cancelled";
        };
    }
}
