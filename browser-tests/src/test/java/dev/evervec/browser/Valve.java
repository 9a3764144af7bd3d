package dev.evervec.browser;

import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Lets requests through: all, none, or so many. It starts open. Thread-safe. */
final class Valve {
    private boolean open = true; // all guarded by this
    private int permits;
    private int held;
    private int drops;

    /** From now on requests wait here. */
    synchronized void hold() {
        open = false;
        permits = 0;
    }

    /** Lets through those that wait and all to come. */
    synchronized void open() {
        open = true;
        notifyAll();
    }

    /** Lets through so many of those that wait or come next; the others wait on. */
    synchronized void letThrough(int requests) {
        permits += requests;
        notifyAll();
    }

    /** Those that wait now go away without an answer. */
    synchronized void drop() {
        drops++;
        notifyAll();
    }

    /** Waits until so many requests are held, at least. */
    synchronized void awaitHeld(int requests) throws InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (held < requests) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                throw new AssertionError("only " + held + " of " + requests + " requests came within 30 s");
            }
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
    }

    /** Waits for leave; false if the request is to go away without an answer. */
    synchronized boolean pass() throws InterruptedException {
        int dropsBefore = drops;
        held++;
        notifyAll();
        try {
            while (!open && permits == 0 && drops == dropsBefore) {
                wait();
            }
        } finally {
            held--;
        }
        if (drops != dropsBefore) {
            return false;
        }
        if (!open) {
            permits--;
        }
        return true;
    }
}
