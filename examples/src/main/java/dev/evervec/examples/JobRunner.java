package dev.evervec.examples;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.JobTicket;

/** Runs a job to its end where a person can watch and interrupt it. */
final class JobRunner {
    private final Shell shell;
    private final Wiring wiring;
    private final RecordSource records;

    /** How the end of a job is told. */
    enum Ending {
        /** Of a build: tables and lists for people, and the summary as the last line. */
        BUILD("No pending embeddings to process"),
        /** The same of another try of what is due. */
        RETRY_DUE(
                "No failed record is due and has tries left: --now does not wait, --all takes those without tries too"),
        /** The same of another try of all that failed. */
        RETRY_ALL("No failed records"),
        /** The summary alone, as a line of JSON. */
        JSON("");

        private final String nothingToDo;

        Ending(String nothingToDo) {
            this.nothingToDo = nothingToDo;
        }
    }

    JobRunner(Shell shell, Wiring wiring, RecordSource records) {
        this.shell = shell;
        this.wiring = wiring;
        this.records = records;
    }

    /** Returns the exit code. */
    int run(BuildRequest request, Ending ending) {
        ProgressDisplay display = ProgressDisplay.on(shell);
        return run(
                request,
                ending,
                display,
                wiring.pipeline(records).listener(display).build());
    }

    /** The same while Prometheus may look at it. */
    int run(BuildRequest request, Ending ending, MetricsEndpoint endpoint) {
        ProgressDisplay display = ProgressDisplay.on(shell);
        BuildPipeline pipeline = wiring.pipeline(records)
                .listener(display)
                .listener(endpoint.metrics())
                .build();
        endpoint.metrics().watch(pipeline::health);
        shell.err().println("metrics at " + endpoint.url());
        return run(request, ending, display, pipeline);
    }

    private int run(BuildRequest request, Ending ending, ProgressDisplay display, BuildPipeline pipeline) {
        try (CancelOnSignal signals = CancelOnSignal.install(shell.err(), "Cancelling: storing what was paid for.")) {
            BuildRun run = pipeline.start(request);
            signals.does(run::cancel);
            if (run.role() == JobTicket.Role.JOINED) {
                shell.err().println("Joined the running job " + run.jobId());
            }
            BuildReport report;
            try {
                report = run.result();
            } finally {
                display.finish();
            }
            tell(run, report, pipeline, ending);
            return report.state() == BuildReport.State.COMPLETED ? ExitCode.OK : ExitCode.FAILED;
        }
    }

    private void tell(BuildRun run, BuildReport report, BuildPipeline pipeline, Ending ending) {
        if (ending == Ending.JSON) {
            shell.out().println(report.toJson());
        } else {
            new BuildResult(report, pipeline.fingerprint(), wiring.store(), run.logFile(), ending.nothingToDo)
                    .print(shell);
        }
    }
}
