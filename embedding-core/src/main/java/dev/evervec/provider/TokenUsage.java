package dev.evervec.provider;

import java.util.function.LongSupplier;

/**
 * Tokens used by one or more calls.
 *
 * @param inputTokens tokens of the texts or prompts sent
 * @param outputTokens tokens generated, thinking included; 0 for embeddings
 * @param source whether the service reported the numbers or they are our estimate
 */
public record TokenUsage(long inputTokens, long outputTokens, Source source) {
    /** Where the numbers come from. */
    public enum Source {
        /** The service said so. */
        REPORTED,
        /** At least a part is our own estimate, because the service did not say. */
        ESTIMATED
    }

    /**
     * More tokens than this are not believed of a single call. At the highest {@link TokenPrice} so many cost less than
     * 2<sup>63</sup> times 10<sup>-12</sup> USD.
     */
    public static final long MOST_PER_CALL = 1_000_000_000;

    /** No tokens at all. */
    public static final TokenUsage NONE = new TokenUsage(0, 0, Source.REPORTED);

    public TokenUsage {
        if (inputTokens < 0 || outputTokens < 0) {
            throw new IllegalArgumentException(
                    "token counts must not be negative: " + inputTokens + ", " + outputTokens);
        }
    }

    /** Usage that the service reported. */
    public static TokenUsage reported(long inputTokens, long outputTokens) {
        return new TokenUsage(inputTokens, outputTokens, Source.REPORTED);
    }

    /**
     * Usage as the service told it, with an estimate in the place of what it did not tell or what cannot be true: a negative
     * count, more than {@link #MOST_PER_CALL} together, none for a prompt, or none for a text that was written.
     *
     * @param inputTokens as told; negative if not told
     * @param outputTokens as told; negative if not told
     * @param inputEstimate asked for only if needed
     * @param outputEstimate 0 if nothing was written
     */
    public static TokenUsage reportedOrEstimated(
            long inputTokens, long outputTokens, LongSupplier inputEstimate, LongSupplier outputEstimate) {
        boolean tooMany = inputTokens > MOST_PER_CALL - Math.max(0, outputTokens);
        boolean input = inputTokens > 0 && !tooMany;
        boolean output = outputTokens >= 0 && outputTokens <= MOST_PER_CALL && !tooMany;
        output &= outputTokens > 0 || outputEstimate.getAsLong() == 0;
        return new TokenUsage(
                input ? inputTokens : inputEstimate.getAsLong(),
                output ? outputTokens : outputEstimate.getAsLong(),
                input && output ? Source.REPORTED : Source.ESTIMATED);
    }

    /** Usage that we estimate. */
    public static TokenUsage estimated(long inputTokens, long outputTokens) {
        return new TokenUsage(inputTokens, outputTokens, Source.ESTIMATED);
    }

    /** Input and output tokens together. */
    public long totalTokens() {
        return Math.addExact(inputTokens, outputTokens);
    }

    /** The sum; it is an estimate as soon as one of the two is. */
    public TokenUsage plus(TokenUsage other) {
        return new TokenUsage(
                Math.addExact(inputTokens, other.inputTokens),
                Math.addExact(outputTokens, other.outputTokens),
                source == Source.ESTIMATED || other.source == Source.ESTIMATED ? Source.ESTIMATED : Source.REPORTED);
    }
}
