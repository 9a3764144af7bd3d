package dev.evervec.provider;

import java.util.Objects;

/**
 * The answer to a {@link RewriteRequest}. A refusal, a filtered or a cut-off answer is no response but a
 * {@link PermanentProviderException} of owner {@link FaultOwner#ITEM}.
 *
 * @param text what the model wrote; may be empty
 * @param usage tokens used by the call
 */
public record RewriteResponse(String text, TokenUsage usage) {
    public RewriteResponse {
        Objects.requireNonNull(text, "text");
        Objects.requireNonNull(usage, "usage");
    }

    /** Shows the length of the text, never the text. */
    @Override
    public String toString() {
        return "RewriteResponse[chars=" + text.length() + ", usage=" + usage + "]";
    }
}
