package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.progress.JobLog;

/** A job that was begun by this process. Thread-safe. */
sealed interface OwnJob permits OwnBuild, DryRun {
    String jobId();

    /** Whether it has ended. Never blocks. */
    boolean isDone();

    /** Asks it to stop, and returns at once. */
    void cancel();

    /** Waits for its end, unless it hangs in code of the host; if this thread is interrupted, its flag is set afterwards. */
    void awaitEnd();

    /** How it stands, without a look at the store. Of a build only while it runs. */
    JobStatus status();

    /** The last lines of its log. */
    JobLog log();
}
