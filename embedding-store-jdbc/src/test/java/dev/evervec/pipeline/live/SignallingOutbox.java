package dev.evervec.pipeline.live;

import java.util.Collection;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Tells when it is read and when rows are deleted from it. */
final class SignallingOutbox implements Outbox {
    private final Outbox outbox;
    private final Semaphore reads = new Semaphore(0);
    private final Semaphore deletions = new Semaphore(0);

    SignallingOutbox(Outbox outbox) {
        this.outbox = outbox;
    }

    void awaitReads(int count) throws InterruptedException {
        if (!reads.tryAcquire(count, 30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the outbox was not read so often");
        }
    }

    void awaitADeletion() throws InterruptedException {
        if (!deletions.tryAcquire(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("nothing was deleted from the outbox");
        }
    }

    @Override
    public List<NotedChange> read(long after, int limit) {
        List<NotedChange> rows = outbox.read(after, limit);
        reads.release();
        return rows;
    }

    @Override
    public void delete(Collection<Long> seqs) {
        outbox.delete(seqs);
        deletions.release();
    }

    @Override
    public Backlog backlog() {
        return outbox.backlog();
    }

    @Override
    public Listening listen(Runnable wake) {
        return outbox.listen(wake);
    }
}
