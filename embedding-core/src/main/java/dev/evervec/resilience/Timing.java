package dev.evervec.resilience;

import dev.evervec.provider.CancelSignal;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.Condition;

/** Clocks and waits, so that tests run on a clock of their own. */
interface Timing {
    /** The wall clock, which deadlines are given in. */
    Instant now();

    /** The clock that durations are measured with. */
    long nanoTime();

    /** Returns when the time has passed or the signal is given, whichever is first. */
    void sleep(Duration duration, CancelSignal cancelSignal) throws InterruptedException;

    /** Waits on a condition whose lock is held, for at most so long; may return early. */
    void await(Condition condition, long nanos) throws InterruptedException;
}
