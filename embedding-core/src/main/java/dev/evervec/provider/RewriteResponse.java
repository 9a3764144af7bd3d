package dev.evervec.provider;

import java.util.Objects;

/**
 * The answer to a {@link RewriteRequest}. A refusal, a filtered or a cut-off answer is no response but a
 * {@link PermanentProviderException} of owner {@link FaultOwner#ITEM}.
 *
 * @param text what the model wrote; may be empty
 * @param usage tokens used by the call
 * @param rateLimits how the quota stood, as far as the service told
 */
public record RewriteResponse(String text, TokenUsage usage, RateLimits rateLimits) {
    public RewriteResponse {
        Objects.requireNonNull(text, "text");
        Objects.requireNonNull(usage, "usage");
        Objects.requireNonNull(rateLimits, "rateLimits");
    }

    /** An answer of a service that told nothing of its quota. */
    public RewriteResponse(String text, TokenUsage usage) {
        this(text, usage, RateLimits.NONE);
    }

    /** The same answer, with what the service told of its quota. */
    public RewriteResponse withRateLimits(RateLimits told) {
        return new RewriteResponse(text, usage, told);
    }

    /** Shows the length of the text, never the text. */
    @Override
    public String toString() {
        return "RewriteResponse[chars=" + text.length() + ", usage=" + usage + "]";
    }
}
