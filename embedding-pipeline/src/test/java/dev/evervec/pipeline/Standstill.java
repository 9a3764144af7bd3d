package dev.evervec.pipeline;

import java.util.concurrent.CountDownLatch;

/** A place in code of the host where threads stay until they are released, whatever else happens to them. */
final class Standstill {
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);
    private volatile String reachedBy = "";

    /** Stays, and heeds no interrupt. */
    void stay() {
        reachedBy = Thread.currentThread().getName();
        reached.countDown();
        awaitUninterruptibly(released);
    }

    /** Waits until a thread has come. */
    void awaitReached() {
        awaitUninterruptibly(reached);
    }

    /** The thread that came last. */
    String reachedBy() {
        return reachedBy;
    }

    void release() {
        released.countDown();
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
