package dev.evervec.pipeline.live;

import dev.evervec.pipeline.store.StoreException;
import java.util.Collection;
import java.util.List;

/** An outbox whose reader dies before it can delete anything. */
final class ForgetfulOutbox implements Outbox {
    private final Outbox outbox;
    private int forgotten;

    ForgetfulOutbox(Outbox outbox) {
        this.outbox = outbox;
    }

    int forgotten() {
        return forgotten;
    }

    @Override
    public List<NotedChange> read(long after, int limit) {
        return outbox.read(after, limit);
    }

    @Override
    public void delete(Collection<Long> seqs) {
        forgotten += seqs.size();
        throw new StoreException(StoreException.Kind.TRANSIENT, "planted: the reader is gone", null);
    }

    @Override
    public Backlog backlog() {
        return outbox.backlog();
    }
}
