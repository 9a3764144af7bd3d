package dev.evervec.examples;

import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes Ctrl-C, SIGTERM and a closed terminal cancel what the program does, which then ends the ordinary way: the main thread
 * tells how it ended and leaves with its exit code. A second signal, or 30 seconds without an end, halts the process.
 *
 * <p>Signals are handled directly because a shutdown hook cannot do this: the virtual machine fixes the exit code (130 or
 * 143) before its hooks run, and ignores further signals while they do.
 */
final class CancelOnSignal implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 30;

    private final PrintStream err;
    private final String answer;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Signals signals;
    private boolean signalled; // guarded by this
    private @Nullable Runnable cancel; // guarded by this

    private CancelOnSignal(PrintStream err, String answer) {
        this.err = err;
        this.answer = answer;
        this.signals = Signals.handle(this::onSignal, "INT", "TERM", "HUP");
    }

    /** {@code answer}: what is said to the first signal. */
    static CancelOnSignal install(PrintStream err, String answer) {
        return new CancelOnSignal(err, answer);
    }

    /** From now on signals do this; it is done at once if one came before. */
    synchronized void does(Runnable cancelling) {
        cancel = cancelling;
        if (signalled) {
            cancelling.run();
        }
    }

    /** Each signal comes on a thread of its own. */
    private void onSignal() {
        if (!isFirst()) {
            Runtime.getRuntime().halt(ExitCode.FAILED);
        }
        err.println("\n" + answer + " Once more to end at once.");
        awaitEnd();
    }

    private synchronized boolean isFirst() {
        boolean first = !signalled;
        signalled = true;
        if (first && cancel != null) {
            cancel.run();
        }
        return first;
    }

    private void awaitEnd() {
        try {
            if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                err.println("evervec: the job did not end within " + PATIENCE_SECONDS
                        + " seconds; whatever is not stored stays pending for the next build");
                Runtime.getRuntime().halt(ExitCode.FAILED);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        ended.countDown();
        signals.close();
    }
}
