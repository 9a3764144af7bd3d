package dev.evervec.pipeline.live;

import dev.evervec.pipeline.source.RecordKey;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The jobs that live embedding has done. They throw what a pipeline throws when it cannot begin one, and {@link
 * java.util.concurrent.CancellationException} when they were stopped.
 */
interface Jobs {
    /** Whether this embedder may work, for so long, or another one does. */
    boolean lead(Duration lease);

    /** Lets another embedder work. */
    void leave();

    /** Looks at these records and embeds what has changed; returns when that is done. */
    Ended embed(Set<RecordKey> changed, Set<RecordKey> removable);

    /** Whether a try of any failed record is due. */
    boolean anyFailedDue();

    /** Begins to try again what failed and is due. */
    Running retryFailed();

    /** Begins to compare everything with its source. */
    Running reconcile();

    /** Cancels what is running and waits for its end. Nothing begins any more. May be called from any thread. */
    void stop();

    /**
     * How a task ended.
     *
     * @param missing records that the source did not have and that were not removable
     * @param busy records that another worker had claimed
     * @param trouble why the task was not carried out to its end, or null if it was
     */
    record Ended(
            Set<RecordKey> missing,
            Set<RecordKey> busy,
            @Nullable String trouble) {
        public Ended {
            missing = Set.copyOf(missing);
            busy = Set.copyOf(busy);
        }
    }

    /** A job that runs beside. */
    interface Running {
        boolean isDone();

        /** Of a job that is done, whether there was anything to do. */
        boolean hadWork();
    }
}
