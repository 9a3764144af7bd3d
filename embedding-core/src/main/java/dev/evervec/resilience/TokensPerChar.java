package dev.evervec.resilience;

import java.util.function.LongSupplier;

/**
 * How many tokens a service counts for a character, as it turns out. Good enough for the pace, where every call is settled by what
 * the service counted, and much cheaper than counting each text twice. Thread-safe.
 */
final class TokensPerChar {
    private static final double WEIGHT_OF_THE_LATEST = 0.1;

    private double ratio = -1;

    /** About how many tokens so many characters are; as long as nothing is known, as counted. */
    synchronized long tokensOf(long chars, LongSupplier counted) {
        return ratio < 0 ? counted.getAsLong() : Math.round(Math.ceil(chars * ratio));
    }

    /** So many characters were so many tokens. */
    synchronized void learn(long chars, long tokens) {
        if (chars > 0) {
            double latest = (double) tokens / chars;
            ratio = ratio < 0 ? latest : ratio + WEIGHT_OF_THE_LATEST * (latest - ratio);
        }
    }
}
