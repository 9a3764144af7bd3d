package dev.evervec.pipeline.progress;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.RecordOutcome;

/**
 * Hears of a job. All methods are called on one thread of the run, in order; what they throw is logged and goes no further.
 * A slow listener does not slow the build: when it falls behind, progress is coalesced; skipped and failed records never
 * are.
 */
public interface BuildListener {
    /** The job has begun. */
    default void onStart(String jobId) {}

    /** The job is so far now. Called at most about ten times a second. */
    default void onProgress(BuildProgress progress) {}

    /** A record was skipped or failed. */
    default void onRecordNotEmbedded(RecordOutcome outcome) {}

    /** The job has ended. */
    default void onEnd(BuildReport report) {}
}
