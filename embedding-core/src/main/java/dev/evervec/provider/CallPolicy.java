package dev.evervec.provider;

import java.time.Duration;

/**
 * How callers should use a provider: how often to try again, how long one request may take, how many at a time.
 *
 * @param maxRetries further tries after the first, for a request and all its parts
 * @param timeout limit of one request
 * @param maxInFlight requests at a time; never more
 * @param concurrency whether there are always so many, as far as there is work
 */
public record CallPolicy(int maxRetries, Duration timeout, int maxInFlight, Concurrency concurrency) {
    /** 3 further tries, 60 s a request, as many requests at a time as are found to help, and at most 64. */
    public static final CallPolicy DEFAULT = new CallPolicy(3, Duration.ofSeconds(60), 64, Concurrency.AUTO);

    /** Who says how many requests there are at a time. */
    public enum Concurrency {
        /** {@link CallPolicy#maxInFlight()}. */
        FIXED,
        /**
         * Whoever sends them, by watching how many are answered: as many as fill the quota or occupy the service, and no more,
         * because further ones would only wait there.
         */
        AUTO
    }

    public CallPolicy {
        if (maxRetries < 0 || maxInFlight < 1 || timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("maxRetries must not be negative, maxInFlight and timeout positive: "
                    + maxRetries + ", " + maxInFlight + ", " + timeout);
        }
    }

    /** A policy of {@link Concurrency#FIXED}. */
    public CallPolicy(int maxRetries, Duration timeout, int maxInFlight) {
        this(maxRetries, timeout, maxInFlight, Concurrency.FIXED);
    }

    /** The same with no more requests at a time than this. */
    public CallPolicy withAtMostInFlight(int most) {
        return new CallPolicy(maxRetries, timeout, Math.min(maxInFlight, most), concurrency);
    }
}
