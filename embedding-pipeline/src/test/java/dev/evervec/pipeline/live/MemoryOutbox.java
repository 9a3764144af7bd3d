package dev.evervec.pipeline.live;

import dev.evervec.pipeline.store.StoreException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;

/** An outbox on the heap, whose transactions a test commits one by one. Thread-safe. */
final class MemoryOutbox implements Outbox {
    private final TreeMap<Long, NotedChange> visible = new TreeMap<>();
    private final List<NotedChange> uncommitted = new ArrayList<>();
    private long seq;
    private boolean broken;

    /** Appends a row that nobody sees before {@link #commit}. */
    synchronized void begin(Change change) {
        uncommitted.add(new NotedChange(++seq, change, Instant.EPOCH));
    }

    /** Commits the open transaction at this index, or rolls it back. */
    synchronized Change end(int index, boolean commit) {
        NotedChange row = uncommitted.remove(index);
        if (commit) {
            visible.put(row.seq(), row);
        }
        return row.change();
    }

    synchronized int uncommitted() {
        return uncommitted.size();
    }

    synchronized void note(Change change) {
        begin(change);
        end(uncommitted.size() - 1, true);
    }

    synchronized void setBroken(boolean isBroken) {
        broken = isBroken;
    }

    synchronized int size() {
        return visible.size();
    }

    @Override
    public synchronized List<NotedChange> read(long after, int limit) {
        requireWhole();
        return visible.tailMap(after, false).values().stream().limit(limit).toList();
    }

    @Override
    public synchronized void delete(Collection<Long> seqs) {
        requireWhole();
        seqs.forEach(visible::remove);
    }

    @Override
    public synchronized Backlog backlog() {
        return new Backlog(visible.size(), visible.isEmpty() ? null : Instant.EPOCH);
    }

    private void requireWhole() {
        if (broken) {
            throw new StoreException(StoreException.Kind.TRANSIENT, "the outbox cannot be reached", null);
        }
    }
}
