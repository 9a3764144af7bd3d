package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.RecordOutcome;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls the host's listeners on a thread of its own, in order. Whoever tells never waits for a listener: progress that has
 * not been told yet is replaced by newer progress, outcomes are kept in an {@link OutcomeQueue} until they are told.
 */
final class ListenerThread {
    private static final Logger log = LoggerFactory.getLogger(ListenerThread.class);

    private static final int KEPT_CALLS = 4096;

    private final String jobId;
    private final List<BuildListener> listeners;
    private final Thread thread;
    private final OutcomeQueue outcomes = new OutcomeQueue(); // guarded by this
    private final Deque<ProviderCall> calls = new ArrayDeque<>(); // guarded by this
    private long callsLost; // guarded by this
    private @Nullable BuildProgress progress; // guarded by this
    private @Nullable BuildReport report; // guarded by this
    private boolean ended; // guarded by this
    private final Set<BuildListener> complainedAbout =
            Collections.newSetFromMap(new IdentityHashMap<>()); // owned by the thread

    ListenerThread(List<BuildListener> listeners, String jobId) {
        this.jobId = jobId;
        this.listeners = List.copyOf(listeners);
        this.thread = Threads.named("listener").newThread(this::run);
    }

    void start() {
        if (!listeners.isEmpty()) {
            thread.start();
        }
    }

    /** Whether this is called by a listener. */
    boolean isCurrentThread() {
        return Thread.currentThread() == thread;
    }

    synchronized void tell(News.Untold news) {
        if (listeners.isEmpty() || ended) {
            return;
        }
        outcomes.add(news.outcomes());
        calls.addAll(news.calls());
        for (; calls.size() > KEPT_CALLS; callsLost++) {
            calls.removeFirst();
        }
        progress = news.progress();
        notifyAll();
    }

    /** Nothing is told after this; null if there is no report. */
    synchronized void tellEnd(@Nullable BuildReport endReport) {
        ended = true;
        report = endReport;
        notifyAll();
    }

    /** Waits until listeners have heard the end, but not for ever: they may go on afterwards. */
    void awaitHeard(Duration patience) {
        try {
            thread.join(Math.max(1, patience.toMillis())); // 0 would be for ever
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            log.warn(
                    "job {}: its listeners have not heard everything yet and go on; the latest is {}",
                    jobId,
                    Threads.whereabouts(thread));
        }
    }

    private void run() {
        each(listener -> listener.onStart(jobId));
        for (Untold next = next(); next != null; next = next()) {
            tell(next);
        }
        close();
    }

    private record Untold(
            List<ProviderCall> calls,
            List<RecordOutcome> outcomes,
            @Nullable BuildProgress progress,
            @Nullable BuildReport report) {
        boolean isNothing() {
            return calls.isEmpty() && outcomes.isEmpty() && progress == null && report == null;
        }
    }

    /** Waits for something to tell; null when there is nothing more to come. */
    private synchronized @Nullable Untold next() {
        while (outcomes.isEmpty() && calls.isEmpty() && progress == null && !ended) {
            try {
                wait();
            } catch (InterruptedException e) {
                // By a listener: the thread is not theirs to end, and others have not heard everything.
            }
        }
        List<RecordOutcome> some = outcomes.take();
        boolean all = outcomes.isEmpty();
        Untold next = new Untold(List.copyOf(calls), some, progress, all ? report : null);
        calls.clear();
        progress = null;
        if (all) {
            report = null;
        }
        return next.isNothing() && all ? null : next;
    }

    private void tell(Untold untold) {
        untold.calls().forEach(call -> each(listener -> listener.onCall(call)));
        untold.outcomes().forEach(outcome -> each(listener -> listener.onRecordNotEmbedded(outcome)));
        BuildProgress newProgress = untold.progress();
        if (newProgress != null) {
            each(listener -> listener.onProgress(newProgress));
        }
        BuildReport endReport = untold.report();
        if (endReport != null) {
            each(listener -> listener.onEnd(endReport));
        }
    }

    private void each(Consumer<BuildListener> call) {
        for (BuildListener listener : listeners) {
            try {
                call.accept(listener);
            } catch (RuntimeException | Error e) {
                complain(listener, e);
            }
        }
    }

    /** Loudly only once: a listener that throws at one record throws at the next. */
    private void complain(BuildListener listener, Throwable thrown) {
        String name = listener.getClass().getName();
        if (complainedAbout.add(listener)) {
            log.warn("job {}: listener {} threw; the build goes on", jobId, name, thrown);
        } else {
            log.debug("job {}: listener {} threw again", jobId, name, thrown);
        }
    }

    private synchronized void close() {
        if (callsLost > 0) {
            log.warn("job {}: its listeners were too slow to hear of {} provider calls", jobId, callsLost);
        }
        if (outcomes.lost() > 0) {
            log.warn("job {}: its listeners did not hear of {} records", jobId, outcomes.lost());
        }
        outcomes.close();
    }
}
