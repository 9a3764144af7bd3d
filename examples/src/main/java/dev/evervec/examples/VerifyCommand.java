package dev.evervec.examples;

import dev.evervec.pipeline.Verification;
import dev.evervec.pipeline.report.BuildEstimate.Calls;
import dev.evervec.pipeline.report.VerifyReport;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Compares stored vectors with vectors computed anew. */
@Command(
        name = "verify",
        description = {
            "Takes stored vectors at random, computes them anew from their records and compares: they must point the same way"
                    + " (cosine 0.99 or more). Says first what that costs.",
            "Records whose text has changed since, or that are gone, are left out. Nothing is stored but the bill."
        },
        footer =
                "%nExit codes: 0 every vector that was compared matches; 1 one does not, or could not be computed; 2 wrong usage"
                        + " or configuration, or a source or store that cannot be used.")
final class VerifyCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--sample",
            paramLabel = "N",
            required = true,
            description = "How many vectors, from 1 to 10,000; all if there are fewer.")
    private int sample;

    @Option(names = "--json", description = "Print only the result, as JSON.")
    private boolean json;

    VerifyCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            wiring.existingStore();
            Verification verification =
                    wiring.pipeline(wiring.records()).build().verification(sample);
            printPrice(verification.estimate(), json ? shell.err() : shell.out());
            VerifyReport report = verification.run();
            if (json) {
                shell.out().println(report.toJson());
            } else {
                print(report, shell.out());
            }
            return report.passed() ? ExitCode.OK : ExitCode.FAILED;
        }
    }

    private static void printPrice(Calls price, PrintStream out) {
        out.println("To be computed anew: " + SourceTable.count(price.texts(), "text") + " in "
                + SourceTable.count(price.requests(), "request") + ", " + (price.estimated() ? "about " : "")
                + SourceTable.count(price.inputTokens(), "token") + ", " + DryRun.usd(price.usd()) + " USD");
        out.flush();
    }

    private static void print(VerifyReport report, PrintStream out) {
        for (VerifyReport.Mismatch mismatch : report.mismatched()) {
            out.println(String.format(Locale.ROOT, "  %s  cosine %.4f", mismatch.key(), mismatch.cosine()));
        }
        for (VerifyReport.Failure failure : report.failed()) {
            out.println("  " + failure.key() + "  " + failure.detail());
        }
        out.println(SourceTable.count(report.sampled(), "vector") + " of generation " + report.generation() + ": "
                + SourceTable.count(report.matched()) + " matched, "
                + SourceTable.count(report.mismatched().size()) + " did not, "
                + SourceTable.count(report.failed().size()) + " could not be computed; left out: "
                + SourceTable.count(report.changed()) + " changed since, "
                + SourceTable.count(report.unavailable()) + " gone or unreadable");
    }
}
