package dev.evervec.testkit;

import dev.evervec.provider.CancelSignal;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Holds the calls of a {@link ScriptedProvider} before they answer, so that a test can look at what is under way. It
 * starts closed, opens once and stays open. A call that waits here still ends when it is cancelled or its deadline passes.
 * Thread-safe.
 */
public final class Gate {
    private final CompletableFuture<Passage> opened = new CompletableFuture<>();
    private final Object arrivals = new Object();
    private int waiting;

    /** Lets all calls through, those that wait and those to come. */
    public void open() {
        opened.complete(Passage.OPEN);
    }

    /** The number of calls that wait now. */
    public int waiting() {
        synchronized (arrivals) {
            return waiting;
        }
    }

    /**
     * Waits until at least so many calls wait at the gate.
     *
     * @throws IllegalStateException if that has not happened within the limit, or the thread was interrupted
     */
    public void awaitWaiting(int calls, Duration limit) {
        long end = System.nanoTime() + limit.toNanos();
        synchronized (arrivals) {
            while (waiting < calls) {
                long left = end - System.nanoTime();
                if (left <= 0) {
                    throw new IllegalStateException(
                            "only " + waiting + " of " + calls + " calls came to the gate within " + limit);
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(arrivals, left);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new IllegalStateException("interrupted while waiting for calls at the gate", e);
                }
            }
        }
    }

    /** How a wait at the gate ended. */
    enum Passage {
        OPEN,
        CANCELLED,
        TIMED_OUT,
        INTERRUPTED
    }

    /** Waits until the gate opens; no limit if null. */
    Passage await(CancelSignal signal, @Nullable Duration limit) {
        CompletableFuture<Passage> cancelled = new CompletableFuture<>();
        CompletableFuture<Passage> end = opened.applyToEither(cancelled, Function.identity());
        CancelSignal.Registration registration = signal.onCancel(() -> cancelled.complete(Passage.CANCELLED));
        count(1);
        try {
            return limit == null ? end.get() : end.get(limit.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            return Passage.TIMED_OUT;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Passage.INTERRUPTED;
        } catch (ExecutionException e) {
            throw new IllegalStateException("a gate is never completed by an exception", e);
        } finally {
            count(-1);
            registration.close();
        }
    }

    private void count(int change) {
        synchronized (arrivals) {
            waiting += change;
            arrivals.notifyAll();
        }
    }
}
