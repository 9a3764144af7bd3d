package dev.evervec.store.jdbc;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * Leaves others their turn to write to a file that they share with the store. SQLite has no queue for its one lock: whoever finds
 * it taken looks again after 1, 2, 5, 10, 15, 20, 25 ms and so on (sqlite3_busy_timeout), so a writer that takes it again at once
 * is met again and again. One that rests nine times as long as it wrote is met by one in ten. Guarded by the store's lock.
 */
final class Turns {
    private static final int REST_PER_WRITE = 9;
    private static final long LONGEST_REST = Duration.ofMillis(200).toNanos();

    private final LongSupplier nanoTime;
    private final LongConsumer park;
    private boolean shared;
    private long begun;
    private long restUntil;

    /** In real time. */
    Turns() {
        this(System::nanoTime, LockSupport::parkNanos);
    }

    /**
     * @param park waits for so many nanoseconds, or less
     */
    Turns(LongSupplier nanoTime, LongConsumer park) {
        this.nanoTime = nanoTime;
        this.park = park;
        this.restUntil = nanoTime.getAsLong();
    }

    /** Whether there are others. */
    void setShared(boolean isShared) {
        shared = isShared;
    }

    /** Waits for its turn. A thread that is interrupted does not wait. */
    void begin() {
        long left = restUntil - nanoTime.getAsLong();
        while (shared && left > 0 && !Thread.currentThread().isInterrupted()) {
            park.accept(left);
            left = restUntil - nanoTime.getAsLong();
        }
        begun = nanoTime.getAsLong();
    }

    /** It has written. */
    void end() {
        long now = nanoTime.getAsLong();
        restUntil = now + Math.min(LONGEST_REST, REST_PER_WRITE * (now - begun));
    }
}
