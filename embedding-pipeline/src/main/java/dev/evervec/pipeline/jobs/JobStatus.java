package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.store.JobInfo;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A job at one moment: how far it is while it runs, what came of it afterwards.
 *
 * @param info what is known of it in any case; of a dry run, which the store knows nothing of, as if it had begun a job
 * @param dryRun whether it only tells what a job would do
 * @param here whether it runs, or ran, in this process
 * @param resumable whether {@link EmbeddingJobs#resume} would carry it on
 * @param progress how far it is, or came; null if that is not known: its progress file is missing or damaged, or it is a dry run
 * @param recordsRead of a dry run: records read by now; otherwise null
 * @param estimate of a dry run that has come to its end: what it found; otherwise null
 * @param stoppedBy why it stopped before its end, or null; known in the process that it ran in
 * @param notes what an operator should know beyond the counts; known in the process that it ran in
 */
public record JobStatus(
        JobInfo info,
        boolean dryRun,
        boolean here,
        boolean resumable,
        @Nullable BuildProgress progress,
        @Nullable Long recordsRead,
        @Nullable BuildEstimate estimate,
        @Nullable String stoppedBy,
        List<String> notes) {
    public JobStatus {
        notes = List.copyOf(notes);
    }

    /** One line of JSON, as {@code docs/json.md} describes it. */
    public String toJson() {
        throw new UnsupportedOperationException();
    }
}
