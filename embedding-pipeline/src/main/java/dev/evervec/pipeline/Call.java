package dev.evervec.pipeline;

import dev.evervec.provider.CancelSignal;
import java.math.BigDecimal;

/**
 * A provider call on the way: what it has failed at so far and how it is cut. Owned by the thread of the state machine,
 * except for the cancel signal and whether it has begun.
 */
abstract class Call {
    /** Further tries, and time for them, that a call and everything it is split into may still use, together. */
    static final class Budget {
        private static final long NEVER = Long.MIN_VALUE;

        private final int size;
        private final long time;
        private int left;
        private long firstFailure = NEVER;

        /** So many further tries within so many nanoseconds after the first failure. */
        Budget(int retries, long time) {
            this.size = retries;
            this.time = time;
            this.left = retries;
        }

        /** Takes one try, after this wait; false if there is none left, or no time for it. */
        boolean tryTake(long wait, long now) {
            if (firstFailure == NEVER) {
                firstFailure = now;
            }
            if (left == 0 || now + wait - firstFailure > time) {
                return false;
            }
            left--;
            return true;
        }

        /** After an outage: what it used up was not the texts' fault. */
        void restore() {
            left = size;
            firstFailure = NEVER;
        }
    }

    final Budget budget;
    /** Set once a probe succeeded while this call kept failing: if it is so the next time, it is its own fault. */
    boolean suspect;
    /** Failures in a row; decides how long to wait. */
    int failures;
    /** When it was sent for the first time, or failed last: what succeeded since then succeeded beside its latest try. */
    long tryBegan;
    /** When it was sent last. */
    long sentAt;
    /** Not to be sent before this time. */
    long notBefore;
    /** USD set aside for this sending of it. */
    BigDecimal reserved = BigDecimal.ZERO;

    private CancelSignal cancelSignal = new CancelSignal();
    private volatile boolean begun; // set by the thread that makes the call

    Call(Budget budget) {
        this.budget = budget;
    }

    /** Whether it can be split into parts of which some may succeed. */
    abstract boolean isDivisible();

    /** From now on it counts as a request: somebody may have to pay for it. */
    final void begin() {
        begun = true;
    }

    final boolean hasBegun() {
        return begun;
    }

    final CancelSignal cancelSignal() {
        return cancelSignal;
    }

    /** Before it is sent again: a signal cuts one sending only. */
    final void renewCancelSignal() {
        begun = false;
        cancelSignal = new CancelSignal();
    }
}
