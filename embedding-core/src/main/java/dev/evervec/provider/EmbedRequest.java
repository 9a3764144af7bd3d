package dev.evervec.provider;

import java.util.List;
import java.util.Objects;

/**
 * The texts of one embedding call.
 *
 * @param texts one or more texts, none blank; at most {@link ProviderLimits#maxTextsPerRequest()}
 * @param kind whether the texts are documents or queries
 * @param context how the call is to be made
 */
public record EmbedRequest(List<String> texts, InputKind kind, CallContext context) {
    /**
     * Checks the request.
     *
     * @throws IllegalArgumentException if there is no text, or a text is blank; the message names its index
     */
    public EmbedRequest {
        texts = List.copyOf(texts);
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(context, "context");
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("texts is empty");
        }
        for (int i = 0; i < texts.size(); i++) {
            if (texts.get(i).isBlank()) {
                throw new IllegalArgumentException("texts[" + i + "] is blank");
            }
        }
    }

    /** Documents, as a live call. */
    public static EmbedRequest documents(List<String> texts) {
        return new EmbedRequest(texts, InputKind.DOCUMENT, CallContext.live());
    }

    /** One query, as a live call. */
    public static EmbedRequest query(String text) {
        return new EmbedRequest(List.of(text), InputKind.QUERY, CallContext.live());
    }

    /** Shows the number of texts, never a text. */
    @Override
    public String toString() {
        return "EmbedRequest[texts=" + texts.size() + ", kind=" + kind + "]";
    }
}
