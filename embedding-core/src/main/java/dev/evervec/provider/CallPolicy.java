package dev.evervec.provider;

import java.time.Duration;

/**
 * How callers should use a provider: how often to try again, how long one request may take, how many at a time.
 *
 * @param maxRetries further tries after the first, for a request and all its parts
 * @param timeout limit of one request
 * @param maxInFlight requests at a time
 */
public record CallPolicy(int maxRetries, Duration timeout, int maxInFlight) {
    /** 3 further tries, 60 s a request, 8 requests at a time. */
    public static final CallPolicy DEFAULT = new CallPolicy(3, Duration.ofSeconds(60), 8);

    public CallPolicy {
        if (maxRetries < 0 || maxInFlight < 1 || timeout.isNegative() || timeout.isZero()) {
            throw new IllegalArgumentException("maxRetries must not be negative, maxInFlight and timeout positive: "
                    + maxRetries + ", " + maxInFlight + ", " + timeout);
        }
    }
}
