package dev.evervec.resilience;

import dev.evervec.provider.CancelSignal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;

/** A clock that only waits move: on one thread, where nothing ever blocks. */
class ManualTiming implements Timing {
    static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
    /** A nano clock may start anywhere; here it soon overflows. */
    private static final long NANO_ORIGIN = Long.MAX_VALUE - TimeUnit.SECONDS.toNanos(30);

    final List<Duration> sleeps = new ArrayList<>();
    private volatile long elapsed;

    final void advance(Duration duration) {
        elapsed += duration.toNanos();
    }

    final Duration elapsed() {
        return Duration.ofNanos(elapsed);
    }

    @Override
    public final Instant now() {
        return START.plusNanos(elapsed);
    }

    @Override
    public final long nanoTime() {
        return NANO_ORIGIN + elapsed;
    }

    @Override
    public void sleep(Duration duration, CancelSignal cancelSignal) throws InterruptedException {
        sleeps.add(duration);
        advance(duration);
    }

    @Override
    public void await(Condition condition, long nanos) throws InterruptedException {
        advance(Duration.ofNanos(nanos));
    }
}
