package dev.evervec.examples;

import dev.evervec.pipeline.BuildRun;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes Ctrl-C, SIGTERM and a closed terminal cancel a build, which then ends the ordinary way: the main thread prints the
 * result and leaves with exit code 1. A second signal, or 20 seconds without an end, halts the process.
 *
 * <p>Signals are handled directly because a shutdown hook cannot do this: the virtual machine fixes the exit code (130 or
 * 143) before its hooks run, and ignores further signals while they do.
 */
@SuppressWarnings("sunapi") // Exported and documented by the module jdk.unsupported for want of a replacement.
final class CancelOnSignal implements AutoCloseable {
    private static final String[] SIGNALS = {"INT", "TERM", "HUP"};
    private static final long PATIENCE_SECONDS = 20;

    private final PrintStream err;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Map<sun.misc.Signal, sun.misc.SignalHandler> before = new HashMap<>();
    private boolean signalled; // guarded by this
    private @Nullable BuildRun run; // guarded by this

    private CancelOnSignal(PrintStream err) {
        this.err = err;
    }

    static CancelOnSignal install(PrintStream err) {
        CancelOnSignal handler = new CancelOnSignal(err);
        for (String name : SIGNALS) {
            handler.listen(name);
        }
        return handler;
    }

    private void listen(String name) {
        try {
            sun.misc.Signal signal = new sun.misc.Signal(name);
            sun.misc.SignalHandler previous = sun.misc.Signal.handle(signal, ignored -> onSignal());
            if (previous.equals(sun.misc.SignalHandler.SIG_IGN)) {
                // Whoever started the program wants it ignored: nohup, for one.
                sun.misc.Signal.handle(signal, previous);
            } else {
                before.put(signal, previous);
            }
        } catch (IllegalArgumentException e) {
            // Not on this platform, or taken by the virtual machine (-Xrs): then it does what it always does.
            return;
        }
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
        before.forEach(sun.misc.Signal::handle);
    }
}
