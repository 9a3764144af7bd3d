package dev.evervec.examples;

import dev.evervec.config.LlmConfig;
import dev.evervec.examples.JobRunner.Ending;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordSource;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The main job: embeds every record that is new, changed or left over. */
@Command(
        name = "build",
        description = {
            "Embeds every record that is new, changed, or left over from an earlier build, and stores the vectors.",
            "Records whose vector is current cost nothing. Interrupt it whenever you like: the next build goes on where this one"
                    + " stopped. Ctrl-C stores what was paid for and ends with balanced books; a second one ends at once."
        },
        footer = {
            "",
            "The last line of standard output is EMBEDDING_SUMMARY: and the result as JSON. While it runs, <job id>.progress.json"
                    + " in the logs folder tells how far it is; <job id>.log names every skipped and failed record.",
            "",
            "Exit codes: 0 no record failed (skipped ones are no failure); 1 a record failed, or the build was cancelled or"
                    + " stopped; 2 no job was begun: wrong usage or configuration, a source or store that cannot be used, or"
                    + " another job running on the store."
        })
final class BuildCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description = "Only records of this source. Without it, or with all: every source.")
    private @Nullable String source;

    @Option(
            names = "--filter",
            paramLabel = "PART",
            description = "Only records whose id contains this, literally and with regard to case.")
    private @Nullable String filter;

    @Option(
            names = "--ids-file",
            paramLabel = "FILE",
            description =
                    "Only records whose id is in this file: UTF-8, one id a line, blank lines passed over. - for standard"
                            + " input.")
    private @Nullable Path idsFile;

    @Option(
            names = "--rebuild",
            description =
                    "Embed records again although their vectors are current. Each old vector stays until its new one is"
                            + " stored.")
    private boolean rebuild;

    @Option(
            names = "--batch-size",
            paramLabel = "N",
            description =
                    "At most so many texts in one request to the provider, instead of batch_size in the configuration.")
    private @Nullable Integer batchSize;

    @Option(
            names = "--job-id",
            paramLabel = "ID",
            description =
                    "Call the job this: 1 to 64 of A-Z a-z 0-9 . _ - with no dot in front, never used before. Without it"
                            + " the name is made from the time.")
    private @Nullable String jobId;

    @Option(
            names = "--budget-usd",
            paramLabel = "X",
            description =
                    "Spend at most X US dollars, instead of budget_usd in the configuration. What that does not pay for stays"
                            + " pending.")
    private @Nullable BigDecimal budgetUsd;

    @Option(
            names = "--remove-vanished",
            description =
                    "Take all records that the source does not have any more out of the store, vectors included. Without it, a"
                            + " build does so only if they are at most a tenth of their source.")
    private boolean removeVanished;

    @Option(
            names = "--metrics-port",
            paramLabel = "P",
            description =
                    "While the build runs, serve metrics for Prometheus on http://127.0.0.1:P/metrics; 0 takes any free port.")
    private @Nullable Integer metricsPort;

    @Option(
            names = "--dry-run",
            description =
                    "Only tell what the build would do, cost and take: nothing is sent to a provider, and nothing is stored. The"
                            + " last line of standard output is EMBEDDING_ESTIMATE: and the estimate as JSON.")
    private boolean dryRun;

    @Option(names = "--json", description = "Print only the result, as JSON.")
    private boolean json;

    BuildCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        BuildRequest request = request();
        LlmConfig loaded = config.load(shell);
        OptionalInt textsPerRequest = batchSize == null ? OptionalInt.empty() : OptionalInt.of(batchSize);
        try (Wiring wiring = Wiring.of(loaded, textsPerRequest)) {
            if (config.isBundled()) {
                BundledExample.provideSamples(shell.folder());
            }
            RecordSource records = wiring.records();
            requireKnownSource(records);
            return dryRun ? dryRun(wiring, records, request) : run(new JobRunner(shell, wiring, records), request);
        }
    }

    private int dryRun(Wiring wiring, RecordSource records, BuildRequest request) {
        wiring.onlyLookAtStore();
        return new DryRun(wiring.pipeline(records).build(), shell).run(request, json);
    }

    private int run(JobRunner runner, BuildRequest request) {
        if (metricsPort == null) {
            return runner.run(request, json ? Ending.JSON : Ending.BUILD);
        }
        try (MetricsEndpoint endpoint = MetricsEndpoint.start(metricsPort)) {
            return runner.run(request, json ? Ending.JSON : Ending.BUILD, endpoint);
        }
    }

    private BuildRequest request() {
        BuildRequest request = BuildRequest.all();
        if (source != null) {
            request = request.source(source);
        }
        if (filter != null) {
            request = request.filter(filter);
        }
        if (idsFile != null) {
            request = request.ids(IdsFile.read(idsFile, shell));
        }
        if (rebuild) {
            request = request.rebuild();
        }
        if (removeVanished) {
            request = request.removeVanished(1);
        }
        if (budgetUsd != null) {
            request = request.budgetUsd(budgetUsd);
        }
        return jobId == null ? request : request.jobId(jobId);
    }

    private void requireKnownSource(RecordSource records) {
        if (source == null || source.equals(RecordKey.ALL_SOURCES)) {
            return;
        }
        Set<String> known = records.sources();
        if (!known.contains(source)) {
            throw StatsCommand.unknownSource(source, List.copyOf(known));
        }
    }
}
