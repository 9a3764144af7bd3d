package dev.evervec.benchmarks.stub;

import java.util.ArrayDeque;
import java.util.Deque;

/** What a service allows of one thing, requests or tokens, in a minute. Guarded by the lock of its {@link StubQuota}. */
final class Allowance {
    /** How a service counts. */
    enum Window {
        /** What comes back all the time, up to one second's worth. */
        BUCKET,
        /** What was taken in the last 60 seconds. */
        SLIDING,
        /** What was taken since the minute began. */
        FIXED
    }

    private static final long MINUTE = 60_000_000_000L;

    private record Taken(long nanos, long amount) {}

    private final Window window;
    private final Deque<Taken> taken = new ArrayDeque<>();
    private long perMinute;
    private double level;
    private long refilled;
    private long used;
    private long minuteBegan;

    /** Full at the given time; a limit of 0 allows everything. */
    Allowance(Window window, long perMinute, long now) {
        this.window = window;
        this.perMinute = perMinute;
        this.level = mostAtOnce();
        this.refilled = now;
        this.minuteBegan = now;
    }

    void change(long newPerMinute) {
        perMinute = newPerMinute;
        level = Math.min(level, mostAtOnce());
    }

    boolean limited() {
        return perMinute > 0;
    }

    long perMinute() {
        return perMinute;
    }

    /**
     * How many nanoseconds from now on so much is allowed: 0 for now. What is more than the limit itself is allowed as soon as
     * nothing is owed, as it would never be otherwise.
     */
    long untilAllowed(long amount, long now) {
        if (!limited()) {
            return 0;
        }
        pass(now);
        return switch (window) {
            case BUCKET -> nanosFor(Math.min((double) amount, mostAtOnce()) - level);
            case SLIDING -> untilForgotten(amount, now);
            case FIXED -> used == 0 || used + amount <= perMinute ? 0 : minuteBegan + MINUTE - now;
        };
    }

    void take(long amount, long now) {
        if (!limited()) {
            return;
        }
        pass(now);
        level -= amount;
        used += amount;
        if (window == Window.SLIDING) {
            taken.add(new Taken(now, amount));
        }
    }

    /** What could be taken now. */
    long remaining(long now) {
        pass(now);
        return Math.max(0, window == Window.BUCKET ? (long) level : perMinute - used);
    }

    /** How long until all of it could be taken. */
    long untilFull(long now) {
        pass(now);
        return switch (window) {
            case BUCKET -> nanosFor(mostAtOnce() - level);
            case SLIDING -> taken.isEmpty() ? 0 : taken.getLast().nanos() + MINUTE - now;
            case FIXED -> minuteBegan + MINUTE - now;
        };
    }

    private double mostAtOnce() {
        return Math.max(1, perMinute / 60.0);
    }

    private long nanosFor(double amount) {
        return amount <= 0 ? 0 : (long) Math.ceil(amount / perMinute * MINUTE);
    }

    private long untilForgotten(long amount, long now) {
        long left = used;
        for (Taken old : taken) {
            if (left + amount <= perMinute) {
                break;
            }
            left -= old.amount();
            if (left == 0 || left + amount <= perMinute) {
                return Math.max(1, old.nanos() + MINUTE - now);
            }
        }
        return 0;
    }

    private void pass(long now) {
        switch (window) {
            case BUCKET -> {
                level = Math.min(mostAtOnce(), level + (now - refilled) * (double) perMinute / MINUTE);
                refilled = now;
            }
            case SLIDING -> {
                while (!taken.isEmpty() && now - taken.getFirst().nanos() >= MINUTE) {
                    used -= taken.removeFirst().amount();
                }
            }
            case FIXED -> {
                if (now - minuteBegan >= MINUTE) {
                    minuteBegan += (now - minuteBegan) / MINUTE * MINUTE;
                    used = 0;
                }
            }
        }
    }
}
