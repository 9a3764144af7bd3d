package dev.evervec.provider;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many further tries a call and everything it is split into may still make, together. Thread-safe.
 *
 * <p>One budget is handed to all parts of a split request: parts draw on it, they do not multiply it.
 */
public final class RetryBudget {
    private final int total;
    private final AtomicInteger left;

    private RetryBudget(int retries) {
        this.total = retries;
        this.left = new AtomicInteger(retries);
    }

    /**
     * A budget of so many further tries after the first.
     *
     * @throws IllegalArgumentException if negative
     */
    public static RetryBudget of(int maxRetries) {
        if (maxRetries < 0) {
            throw new IllegalArgumentException("maxRetries must not be negative: " + maxRetries);
        }
        return new RetryBudget(maxRetries);
    }

    /** No further try: the caller retries itself, or not at all. */
    public static RetryBudget none() {
        return new RetryBudget(0);
    }

    /** Takes one further try if one is left. */
    public boolean tryTake() {
        return left.getAndUpdate(n -> Math.max(0, n - 1)) > 0;
    }

    /** The further tries that it was made with; 0 means that the caller retries itself, or not at all. */
    public int total() {
        return total;
    }

    /** Further tries left. */
    public int left() {
        return left.get();
    }
}
