package dev.evervec.pipeline.live;

import dev.evervec.pipeline.store.StoreException;
import java.util.Collection;
import java.util.List;

/**
 * Where a host notes what it changed, as its one reader sees it.
 *
 * <p>Rows become visible when the host's transaction that appended them is committed, so one with a lower number may appear
 * after one with a higher number was read. A reader therefore begins at the start each time, and deletes exactly the rows
 * that it has read and dealt with, never "all up to this number".
 *
 * <p>Implementations are thread-safe and throw {@link StoreException} when their database fails.
 */
public interface Outbox {
    /**
     * The rows that are visible now, in ascending order of their numbers.
     *
     * @param after only rows with higher numbers; 0 begins at the start
     * @param limit how many at most, at least 1
     */
    List<NotedChange> read(long after, int limit);

    /** Deletes these rows and no others; those that are gone already are passed over. */
    void delete(Collection<Long> seqs);

    /** What waits now. */
    Backlog backlog();

    /**
     * Tells somebody when something may have been noted, as long as the answer is open. Nobody relies on it: they look by
     * themselves, too, and a word too many does no harm. This one never says anything; an outbox whose database can tell does
     * better. Throws nothing if the database cannot be reached, and does not wait for it.
     *
     * @param wake returns at once; called on a thread of the outbox
     */
    default Listening listen(Runnable wake) {
        return () -> {};
    }

    /** Somebody is told of changes until this is closed. */
    @FunctionalInterface
    interface Listening extends AutoCloseable {
        /** Nothing is told any more. Harmless if repeated. */
        @Override
        void close();
    }
}
