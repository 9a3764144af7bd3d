package dev.evervec.benchmarks.contest;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** One who has no pool of its own: called from as many threads as there may be requests at a time, with the same texts always. */
public abstract class PooledContender implements Contender {
    private final Task task;
    private final List<String> texts;
    private final ExecutorService pool;
    private final int threads;

    /** As many threads as the task has requests at a time. */
    protected PooledContender(Task task) {
        this(task, task.inFlight());
    }

    /** With another number of threads. */
    protected PooledContender(Task task, int threads) {
        this.task = task;
        this.threads = threads;
        this.texts = Prose.texts(task.textsPerRequest(), task.characters());
        this.pool = Executors.newFixedThreadPool(threads);
    }

    /** What is to be done. */
    protected final Task task() {
        return task;
    }

    /** Gets a {@code float[]} for each text, on one of several threads, and tells how many there were. */
    protected abstract int embed(List<String> batch) throws Exception;

    @Override
    public final void run(int count) throws Exception {
        AtomicInteger next = new AtomicInteger();
        List<Future<?>> callers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            callers.add(pool.submit(() -> {
                for (int from = take(next); from < count; from = take(next)) {
                    List<String> batch = texts.subList(0, Math.min(task.textsPerRequest(), count - from));
                    require(embed(batch), batch.size());
                }
                return null;
            }));
        }
        for (Future<?> caller : callers) {
            caller.get();
        }
    }

    private int take(AtomicInteger next) {
        return next.getAndAdd(task.textsPerRequest());
    }

    private static void require(int vectors, int texts) {
        if (vectors != texts) {
            throw new IllegalStateException(vectors + " vectors for " + texts + " texts");
        }
    }

    /** Ends the threads; whoever overrides it calls it. */
    @Override
    public void close() throws IOException {
        pool.shutdownNow();
    }
}
