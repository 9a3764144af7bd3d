package dev.evervec.examples;

import dev.evervec.pipeline.BuildRun;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes Ctrl-C, SIGTERM and a closed terminal cancel a build, which then ends the ordinary way: the main thread prints the
 * result and leaves with exit code 1. A second signal, or 30 seconds without an end, halts the process.
 *
 * <p>Signals are handled directly because a shutdown hook cannot do this: the virtual machine fixes the exit code (130 or
 * 143) before its hooks run, and ignores further signals while they do.
 */
final class CancelOnSignal implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 30;

    private final PrintStream err;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Signals signals;
    private boolean signalled; // guarded by this
    private @Nullable BuildRun run; // guarded by this

    private CancelOnSignal(PrintStream err) {
        this.err = err;
        this.signals = Signals.handle(this::onSignal, "INT", "TERM", "HUP");
    }

    static CancelOnSignal install(PrintStream err) {
        return new CancelOnSignal(err);
    }

    /** From now on signals cancel this run; it is cancelled at once if one came before. */
    synchronized void cancels(BuildRun started) {
        run = started;
        if (signalled) {
            started.cancel();
        }
    }

    /** Each signal comes on a thread of its own. */
    private void onSignal() {
        if (!isFirst()) {
            Runtime.getRuntime().halt(ExitCode.FAILED);
        }
        err.println("\nCancelling: storing what was paid for. Once more to end at once.");
        awaitEnd();
    }

    private synchronized boolean isFirst() {
        boolean first = !signalled;
        signalled = true;
        if (first && run != null) {
            run.cancel();
        }
        return first;
    }

    private void awaitEnd() {
        try {
            if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                err.println("evervec: the build did not end within " + PATIENCE_SECONDS
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
