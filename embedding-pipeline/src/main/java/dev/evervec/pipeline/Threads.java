package dev.evervec.pipeline;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The threads of one run: {@code evervec-<stage>-<n>}, all of them daemons. Thread-safe. */
final class Threads {
    private final List<Thread> started = new ArrayList<>(); // guarded by this

    static ThreadFactory named(String stage) {
        AtomicInteger number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, "evervec-" + stage + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    /** Named like that, and remembered. */
    ThreadFactory remembered(String stage) {
        ThreadFactory factory = named(stage);
        return task -> remember(factory.newThread(task));
    }

    private synchronized Thread remember(Thread thread) {
        started.removeIf(old -> old.getState() == Thread.State.TERMINATED);
        started.add(thread);
        return thread;
    }

    /** Those of a stage (all if it is empty) that have not ended. */
    synchronized List<Thread> alive(String stage) {
        return started.stream()
                .filter(thread -> thread.isAlive() && thread.getName().startsWith("evervec-" + stage))
                .toList();
    }

    /** Waits until those of a stage have ended; says whether they have. */
    boolean haveEnded(String stage, Duration patience) {
        long end = System.nanoTime() + patience.toNanos();
        try {
            for (Thread thread : alive(stage)) {
                // A join of 0 would be for ever.
                thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime())));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return alive(stage).isEmpty();
    }

    /** The thread's name and what it is doing, for people. */
    static String whereabouts(Thread thread) {
        StackTraceElement[] trace = thread.getStackTrace();
        for (StackTraceElement frame : trace) {
            if (!frame.getClassName().matches("(java|javax|jdk|sun)\\..*")) {
                return thread.getName() + " in " + frame.getClassName() + "." + frame.getMethodName();
            }
        }
        return thread.getName();
    }
}
