package dev.evervec.provider;

import java.util.Objects;

/**
 * One prompt to be answered with a rewritten text.
 *
 * @param prompt the whole prompt, not blank; sent as one user message
 * @param context how the call is to be made
 */
public record RewriteRequest(String prompt, CallContext context) {
    /**
     * Checks the request.
     *
     * @throws IllegalArgumentException if the prompt is blank
     */
    public RewriteRequest {
        Objects.requireNonNull(context, "context");
        if (prompt.isBlank()) {
            throw new IllegalArgumentException("prompt is blank");
        }
    }

    /** Shows the length of the prompt, never the prompt. */
    @Override
    public String toString() {
        return "RewriteRequest[chars=" + prompt.length() + "]";
    }
}
