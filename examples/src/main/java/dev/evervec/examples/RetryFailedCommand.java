package dev.evervec.examples;

import dev.evervec.config.LlmConfig;
import dev.evervec.examples.JobRunner.Ending;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRequest.Retry;
import java.math.BigDecimal;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tries records again that failed before. */
@Command(
        name = "retry-failed",
        description = {
            "Tries records again that failed, or were skipped for their rewrite: those whose next try is due and that have tries"
                    + " left. It reads no other records, and asks no provider if none is due, so that it may be started as often as"
                    + " you like.",
            "After each failed job a record waits longer for its next try; explain ID tells when that is due."
        },
        footer = {
            "",
            "The last line of standard output is EMBEDDING_SUMMARY: and the result as JSON, as of build.",
            "",
            "Exit codes: 0 no record failed again; 1 one did, or the job was cancelled or stopped; 2 no job was begun: wrong usage"
                    + " or configuration, a source or store that cannot be used, or another job running on the store."
        })
final class RetryFailedCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description = "Only records of this source. Without it, or with all: every source.")
    private @Nullable String source;

    @Option(
            names = "--max-retries",
            paramLabel = "N",
            description =
                    "Only records that failed in fewer than N jobs, instead of max_attempts in the configuration.")
    private @Nullable Integer maxRetries;

    @Option(names = "--now", description = "Do not wait for the time when the next try is due.")
    private boolean now;

    @Option(
            names = "--all",
            description = "All of them at once, also those that have no tries left and that builds leave alone.")
    private boolean all;

    @Option(
            names = "--budget-usd",
            paramLabel = "X",
            description = "Spend at most X US dollars, instead of budget_usd in the configuration.")
    private @Nullable BigDecimal budgetUsd;

    @Option(
            names = "--job-id",
            paramLabel = "ID",
            description = "Call the job this, as of build. Without it the name is made from the time.")
    private @Nullable String jobId;

    @Option(names = "--json", description = "Print only the result, as JSON.")
    private boolean json;

    RetryFailedCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        BuildRequest request = request();
        LlmConfig loaded = config.load(shell);
        try (Wiring wiring = Wiring.of(loaded)) {
            StatsCommand.of(source, wiring.existingStore().stats(wiring.fingerprint()));
            return new JobRunner(shell, wiring, wiring.records())
                    .run(request, json ? Ending.JSON : all ? Ending.RETRY_ALL : Ending.RETRY_DUE);
        }
    }

    private BuildRequest request() {
        if (all && maxRetries != null) {
            throw new UsageException("--all takes records however often they failed: leave out --max-retries");
        }
        if (maxRetries != null && maxRetries < 1) {
            throw new UsageException("--max-retries must be at least 1, not " + maxRetries);
        }
        BuildRequest request = BuildRequest.retryFailed(all ? Retry.ALL : now ? Retry.NOW : Retry.DUE);
        if (maxRetries != null) {
            request = request.maxRetries(maxRetries);
        }
        if (source != null) {
            request = request.source(source);
        }
        if (budgetUsd != null) {
            request = request.budgetUsd(budgetUsd);
        }
        return jobId == null ? request : request.jobId(jobId);
    }
}
