package dev.evervec.pipeline.progress;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.RecordOutcome;

/**
 * Hears of a job. A host may rely on this:
 *
 * <ul>
 *   <li>All methods of all listeners of a job are called on one daemon thread, one after the other: {@link #onStart} first,
 *       {@link #onEnd} last, each skipped or failed record once, in the order in which they were decided.
 *   <li>Nothing that a listener does slows or breaks the build: it may take as long as it wants, never return, throw, interrupt
 *       its thread, or call any method of the library, {@code BuildRun.result()} included. What it throws is logged, the
 *       first time with a warning, and goes no further. Other listeners of the job wait for it, though.
 *   <li>When listeners fall behind, progress is coalesced: they hear the newest. Skipped and failed records never are. A few
 *       thousand of them are kept in memory and the rest in a temporary file, so that the heap does not grow; only if that
 *       disk fails do listeners miss some, which a warning says. The store has them all: {@code BuildReport.outcomes()}.
 *   <li>What is embedded live is many short jobs, all under the id {@code live}.
 *   <li>Progress may be ahead of the records that a slow listener has heard of.
 *   <li>At the end of the job {@code BuildRun.result()} waits for listeners, but no longer than two seconds. A listener that is
 *       still busy then goes on beside the caller and hears the rest, unless the process ends first.
 * </ul>
 */
public interface BuildListener {
    /** The job has begun. */
    default void onStart(String jobId) {}

    /** The job is so far now. Called at most about ten times a second. */
    default void onProgress(BuildProgress progress) {}

    /** A record was skipped or failed: its result is stored, or the store cannot be used any more. */
    default void onRecordNotEmbedded(RecordOutcome outcome) {}

    /**
     * A request to a provider has ended: answered, refused or failed. Of calls that listeners are too slow to hear of, the
     * latest few thousand are kept; the store has them all.
     */
    default void onCall(ProviderCall call) {}

    /** The job has ended: its store may be used for another one. Not called if the job ended without balanced books. */
    default void onEnd(BuildReport report) {}
}
