package dev.evervec.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
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

    /** Those that have not ended. */
    synchronized List<Thread> alive() {
        return started.stream().filter(Thread::isAlive).toList();
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
