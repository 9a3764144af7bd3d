package dev.evervec.pipeline;

import dev.evervec.provider.CancelSignal;

/**
 * A provider call on the way: what it has failed at so far and how it is cut. Owned by the thread of the state machine,
 * except for the cancel signal.
 */
abstract class Call {
    /** Further tries that a call and everything it is split into may still make, together. */
    static final class Budget {
        private final int size;
        private int left;

        Budget(int retries) {
            this.size = retries;
            this.left = retries;
        }

        boolean tryTake() {
            if (left == 0) {
                return false;
            }
            left--;
            return true;
        }

        /** After an outage: what it used up was not the texts' fault. */
        void restore() {
            left = size;
        }
    }

    final Budget budget;
    /** Set once the circuit was closed by a probe while this call kept failing: the next time it is its own fault. */
    boolean suspect;
    /** Failures in a row; decides how long to wait. */
    int failures;
    /** When it was sent for the first time, or failed last: what succeeded since then succeeded beside its latest try. */
    long tryBegan;
    /** Not to be sent before this time. */
    long notBefore;

    private CancelSignal cancelSignal = new CancelSignal();

    Call(Budget budget) {
        this.budget = budget;
    }

    final CancelSignal cancelSignal() {
        return cancelSignal;
    }

    /** Before it is sent again: a signal cuts one sending only. */
    final void renewCancelSignal() {
        cancelSignal = new CancelSignal();
    }
}
