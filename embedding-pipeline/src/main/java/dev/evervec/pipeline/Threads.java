package dev.evervec.pipeline;

import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;

/** Names the threads of the library: {@code evervec-<stage>-<n>}, all of them daemons. */
final class Threads {
    private Threads() {}

    static ThreadFactory named(String stage) {
        AtomicInteger number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, "evervec-" + stage + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }
}
