package dev.evervec.resilience;

import dev.evervec.provider.RateLimits;
import dev.evervec.provider.RateLimits.Limit;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.OptionalLong;

/** A service with a quota of requests and one of tokens, in virtual time. What it refuses costs nothing. */
final class VirtualService {
    private static final double MINUTE = 60e9;

    /** How a service counts a minute. */
    enum Window {
        /** As what comes back all the time, up to one second's worth. */
        BUCKET_OF_A_SECOND,
        /** As what comes back all the time, up to a whole minute's worth. */
        BUCKET_OF_A_MINUTE,
        /** As what was sent in the last 60 seconds. */
        SLIDING_MINUTE,
        /** As what was sent since the minute began, which is when the service was started. */
        FIXED_MINUTE
    }

    final Quota requests;
    final Quota tokens;

    /** A limit of 0 is none. */
    VirtualService(Window window, long requestsPerMinute, long tokensPerMinute) {
        requests = new Quota(window, requestsPerMinute);
        tokens = new Quota(window, tokensPerMinute);
    }

    /** Nanoseconds after which this would be allowed; 0: it is, and has been taken. */
    long ask(long requestCount, long tokenCount, long now) {
        long wait = Math.max(requests.until(requestCount, now), tokens.until(tokenCount, now));
        if (wait == 0) {
            requests.take(requestCount, now);
            tokens.take(tokenCount, now);
        }
        return wait;
    }

    RateLimits headers(long now) {
        return new RateLimits(requests.told(now), tokens.told(now));
    }

    /** One kind of quota. */
    static final class Quota {
        private record Taken(long nanos, long amount) {}

        private final Window window;
        private final Deque<Taken> taken = new ArrayDeque<>();
        private double perMinute;
        private double level;
        private long at;
        private long used;

        Quota(Window window, long perMinute) {
            this.window = window;
            this.perMinute = perMinute;
            this.level = capacity();
        }

        void change(long newPerMinute) {
            perMinute = newPerMinute;
            level = Math.min(level, capacity());
        }

        private double capacity() {
            return Math.max(1, window == Window.BUCKET_OF_A_SECOND ? perMinute / 60 : perMinute);
        }

        private void pass(long now) {
            switch (window) {
                case BUCKET_OF_A_SECOND, BUCKET_OF_A_MINUTE -> {
                    level = Math.min(capacity(), level + (now - at) * perMinute / MINUTE);
                    at = now;
                }
                case SLIDING_MINUTE -> {
                    while (!taken.isEmpty() && now - taken.getFirst().nanos() >= MINUTE) {
                        used -= taken.removeFirst().amount();
                    }
                }
                case FIXED_MINUTE -> {
                    if (now - at >= MINUTE) {
                        at += (long) (Math.floor((now - at) / MINUTE) * MINUTE);
                        used = 0;
                    }
                }
            }
        }

        long until(long amount, long now) {
            if (perMinute == 0) {
                return 0;
            }
            pass(now);
            return switch (window) {
                case BUCKET_OF_A_SECOND, BUCKET_OF_A_MINUTE ->
                    (long) Math.max(0, Math.ceil((Math.min(amount, capacity()) - level) / perMinute * MINUTE));
                case SLIDING_MINUTE -> untilForgotten(amount, now);
                case FIXED_MINUTE -> used + amount <= perMinute ? 0 : (long) (at + MINUTE) - now;
            };
        }

        private long untilForgotten(long amount, long now) {
            long left = used;
            for (Taken old : taken) {
                if (left + amount <= perMinute) {
                    break;
                }
                left -= old.amount();
                if (left + amount <= perMinute) {
                    return (long) (old.nanos() + MINUTE) - now;
                }
            }
            return 0;
        }

        void take(long amount, long now) {
            level -= amount;
            used += amount;
            if (window == Window.SLIDING_MINUTE) {
                taken.add(new Taken(now, amount));
            }
        }

        Limit told(long now) {
            if (perMinute == 0) {
                return Limit.NONE;
            }
            pass(now);
            boolean bucket = window == Window.BUCKET_OF_A_SECOND || window == Window.BUCKET_OF_A_MINUTE;
            double left = Math.max(0, bucket ? level : perMinute - used);
            double reset = switch (window) {
                case BUCKET_OF_A_SECOND, BUCKET_OF_A_MINUTE -> (capacity() - level) / perMinute * MINUTE;
                case SLIDING_MINUTE -> taken.isEmpty() ? 0 : taken.getLast().nanos() + MINUTE - now;
                case FIXED_MINUTE -> at + MINUTE - now;
            };
            return new Limit(OptionalLong.of((long) perMinute), OptionalLong.of((long) left), Duration.ofNanos((long)
                    Math.max(0, reset)));
        }
    }
}
