package dev.evervec.testkit;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Objects;

/**
 * A clock that stands still until the test moves it. Thread-safe; clocks made by {@link #withZone} show the same time and
 * move along.
 */
public final class ManualClock extends Clock {
    /** Where {@link #ManualClock()} starts: 2026-01-01T00:00:00Z. */
    public static final Instant START = Instant.parse("2026-01-01T00:00:00Z");

    private final Hand hand;
    private final ZoneId zone;

    /** A clock in UTC that shows {@link #START}. */
    public ManualClock() {
        this(START);
    }

    /** A clock in UTC that shows this instant. */
    public ManualClock(Instant start) {
        this(new Hand(Objects.requireNonNull(start, "start")), ZoneOffset.UTC);
    }

    private ManualClock(Hand hand, ZoneId zone) {
        this.hand = hand;
        this.zone = zone;
    }

    /**
     * Moves the clock forward and returns the new time.
     *
     * @throws IllegalArgumentException if the step is negative; {@link #set} goes back where a test needs it
     */
    public Instant advance(Duration step) {
        if (step.isNegative()) {
            throw new IllegalArgumentException("step must not be negative: " + step);
        }
        return hand.advance(step);
    }

    /** Sets the clock to this instant, which may lie in its past. */
    public void set(Instant instant) {
        hand.set(Objects.requireNonNull(instant, "instant"));
    }

    @Override
    public Instant instant() {
        return hand.get();
    }

    @Override
    public ZoneId getZone() {
        return zone;
    }

    @Override
    public ManualClock withZone(ZoneId newZone) {
        return new ManualClock(hand, Objects.requireNonNull(newZone, "newZone"));
    }

    @Override
    public String toString() {
        return "ManualClock[" + hand.get() + ", " + zone + "]";
    }

    /** The time that all zones of one clock share. */
    private static final class Hand {
        private Instant now;

        Hand(Instant now) {
            this.now = now;
        }

        synchronized Instant get() {
            return now;
        }

        synchronized void set(Instant instant) {
            now = instant;
        }

        synchronized Instant advance(Duration step) {
            now = now.plus(step);
            return now;
        }
    }
}
