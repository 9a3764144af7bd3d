package dev.evervec.provider;

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
