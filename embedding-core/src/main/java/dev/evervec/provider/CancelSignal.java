package dev.evervec.provider;

import java.util.ArrayList;
import java.util.List;

/**
 * Cuts one call that is under way, and no other. Once cancelled it stays cancelled. Thread-safe.
 *
 * <p>An adapter registers with {@link #onCancel} how its HTTP call is cut, and closes the registration when the call has
 * ended.
 */
public final class CancelSignal {
    private final List<Runnable> actions = new ArrayList<>();
    private boolean cancelled;

    /**
     * Cuts the call: runs what was registered, on this thread; all of it, even if some of it throws. Later calls do nothing.
     *
     * @throws RuntimeException the first that was thrown, with others suppressed
     */
    public void cancel() {
        List<Runnable> due;
        synchronized (this) {
            if (cancelled) {
                return;
            }
            cancelled = true;
            due = List.copyOf(actions);
            actions.clear();
        }
        runAll(due);
    }

    private static void runAll(List<Runnable> actions) {
        RuntimeException thrown = null;
        for (Runnable action : actions) {
            try {
                action.run();
            } catch (RuntimeException e) {
                if (thrown == null) {
                    thrown = e;
                } else if (thrown != e) {
                    thrown.addSuppressed(e);
                }
            }
        }
        if (thrown != null) {
            throw thrown;
        }
    }

    /** Whether {@link #cancel} was called. */
    public synchronized boolean isCancelled() {
        return cancelled;
    }

    /** Registers what cuts the call; runs it at once if the signal was given already. */
    public Registration onCancel(Runnable action) {
        synchronized (this) {
            if (!cancelled) {
                actions.add(action);
                return () -> remove(action);
            }
        }
        action.run();
        return () -> {};
    }

    private synchronized void remove(Runnable action) {
        actions.remove(action);
    }

    /** Ends a registration. */
    @FunctionalInterface
    public interface Registration extends AutoCloseable {
        @Override
        void close();
    }
}
