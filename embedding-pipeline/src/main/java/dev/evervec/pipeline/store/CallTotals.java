package dev.evervec.pipeline.store;

import dev.evervec.provider.TokenUsage;

/**
 * Provider calls and the tokens they used.
 *
 * @param requests calls made, failed ones included
 * @param usage their tokens
 */
public record CallTotals(long requests, TokenUsage usage) {
    /** No call. */
    public static final CallTotals NONE = new CallTotals(0, TokenUsage.NONE);

    /** The sum. */
    public CallTotals plus(CallTotals other) {
        return new CallTotals(Math.addExact(requests, other.requests), usage.plus(other.usage));
    }
}
