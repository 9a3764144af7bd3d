package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.RecordOutcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls the host's listeners on a thread of its own, in order. Progress that has not been told yet is replaced by newer
 * progress; outcomes are kept until they are told. Whoever tells waits only when {@value #MAX_WAITING} outcomes are waiting.
 */
final class ListenerThread implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ListenerThread.class);
    private static final int MAX_WAITING = 1 << 16;

    private final List<BuildListener> listeners;
    private final Thread thread;
    private final Deque<RecordOutcome> outcomes = new ArrayDeque<>(); // guarded by this
    private @Nullable BuildProgress progress; // guarded by this
    private @Nullable BuildReport report; // guarded by this
    private boolean closed; // guarded by this

    ListenerThread(List<BuildListener> listeners, String jobId) {
        this.listeners = List.copyOf(listeners);
        this.thread = new Thread(() -> run(jobId), "evervec-listener");
        thread.setDaemon(true);
    }

    void start() {
        if (!listeners.isEmpty()) {
            thread.start();
        }
    }

    synchronized void tell(BuildProgress newProgress, List<RecordOutcome> newOutcomes) {
        if (listeners.isEmpty()) {
            return;
        }
        try {
            while (outcomes.size() >= MAX_WAITING && !closed) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        outcomes.addAll(newOutcomes);
        progress = newProgress;
        notifyAll();
    }

    synchronized void tellEnd(BuildReport endReport) {
        report = endReport;
        notifyAll();
    }

    private void run(String jobId) {
        each(listener -> listener.onStart(jobId));
        while (true) {
            List<RecordOutcome> nextOutcomes;
            BuildProgress nextProgress;
            BuildReport nextReport;
            synchronized (this) {
                try {
                    while (outcomes.isEmpty() && progress == null && report == null && !closed) {
                        wait();
                    }
                } catch (InterruptedException e) {
                    return;
                }
                nextOutcomes = new ArrayList<>(outcomes);
                outcomes.clear();
                nextProgress = progress;
                progress = null;
                nextReport = report;
                notifyAll();
            }
            nextOutcomes.forEach(outcome -> each(listener -> listener.onRecordNotEmbedded(outcome)));
            if (nextProgress != null) {
                BuildProgress told = nextProgress;
                each(listener -> listener.onProgress(told));
            }
            if (nextReport != null) {
                BuildReport told = nextReport;
                each(listener -> listener.onEnd(told));
                return;
            }
            if (nextProgress == null && nextOutcomes.isEmpty()) {
                return;
            }
        }
    }

    private void each(Consumer<BuildListener> call) {
        for (BuildListener listener : listeners) {
            try {
                call.accept(listener);
            } catch (RuntimeException | Error e) {
                log.warn(
                        "listener {} threw; the build goes on",
                        listener.getClass().getName(),
                        e);
            }
        }
    }

    /** Waits a moment for what is still to be told. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        if (Thread.currentThread() == thread) {
            return;
        }
        try {
            thread.join(Duration.ofSeconds(5).toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
