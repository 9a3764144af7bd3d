package dev.evervec.pipeline;

import dev.evervec.pipeline.store.Sha256;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A text with what request batches and the ledger need to know of it.
 *
 * @param text never blank
 * @param hash hash of its UTF-8 bytes
 * @param bytes number of its UTF-8 bytes
 * @param tokens its tokens, or an upper bound of them where no limit is near
 * @param wholeLength characters of the text that this is the beginning of; its own unless it was truncated
 */
record SizedText(String text, Sha256 hash, int bytes, int tokens, int wholeLength) {
    /** A service that refuses even this part of what a model's limit was thought to be is not asked for less. */
    private static final int LEAST_PART = 16;

    SizedText(String text, Sha256 hash, int bytes, int tokens) {
        this(text, hash, bytes, tokens, text.length());
    }

    /** What was done to the text to make it fit, in words; null if it is whole. */
    @Nullable
    String truncation() {
        return text.length() == wholeLength
                ? null
                : "truncated to " + text.length() + " of " + wholeLength + " characters";
    }

    /** The first three quarters, for a service that accepts less than it says; null if too little would be left. */
    @Nullable
    SizedText truncated() {
        String beginning = beginning(text, text.length() * 3 / 4);
        if (beginning.isBlank() || beginning.length() < wholeLength / LEAST_PART) {
            return null;
        }
        int fewerBytes = beginning.getBytes(StandardCharsets.UTF_8).length;
        return new SizedText(
                beginning, Sha256.ofText(beginning), fewerBytes, Math.min(tokens, fewerBytes), wholeLength);
    }

    /** The first characters, without half of a surrogate pair at the end. */
    static String beginning(String text, int length) {
        boolean cutsPair = length > 0 && length < text.length() && Character.isHighSurrogate(text.charAt(length - 1));
        return text.substring(0, cutsPair ? length - 1 : length);
    }

    /** Shows sizes, never the text. */
    @Override
    public String toString() {
        return "SizedText[bytes=" + bytes + ", tokens=" + tokens + "]";
    }
}
