package dev.evervec.resilience;

import dev.evervec.provider.CancelSignal;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;

/** The clocks of the machine. */
enum SystemTiming implements Timing {
    INSTANCE;

    @Override
    public Instant now() {
        return Instant.now();
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    @SuppressWarnings("try") // the registration only needs to be closed
    public void sleep(Duration duration, CancelSignal cancelSignal) throws InterruptedException {
        CountDownLatch cancelled = new CountDownLatch(1);
        try (CancelSignal.Registration registration = cancelSignal.onCancel(cancelled::countDown)) {
            cancelled.await(duration.toNanos(), TimeUnit.NANOSECONDS);
        }
    }

    @Override
    @SuppressWarnings("WaitNotInLoop") // the pacer waits in a loop
    public void await(Condition condition, long nanos) throws InterruptedException {
        condition.awaitNanos(nanos);
    }
}
