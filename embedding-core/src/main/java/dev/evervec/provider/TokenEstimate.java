package dev.evervec.provider;

/**
 * A stated estimate of token counts for models whose tokenizer is not public, leaning upwards so that limits hold: ASCII
 * letters, blanks and punctuation a third of a token each; digits and letters of other scripts one; emoji and other
 * characters beyond the basic plane three; a tenth on top. Never more than the number of UTF-8 bytes, which no byte-level
 * tokenizer exceeds.
 */
public final class TokenEstimate {
    private TokenEstimate() {}

    /** The estimated number of tokens; at least 1 for a non-empty text, 0 for an empty one. */
    public static int of(String text) {
        long thirds = 0;
        long utf8Bytes = 0;
        for (int i = 0; i < text.length(); ) {
            int codePoint = text.codePointAt(i);
            i += Character.charCount(codePoint);
            if (codePoint < 0x80) {
                thirds += codePoint >= '0' && codePoint <= '9' ? 3 : 1;
                utf8Bytes += 1;
            } else if (Character.isSupplementaryCodePoint(codePoint)) {
                thirds += 9;
                utf8Bytes += 4;
            } else {
                thirds += 3;
                utf8Bytes += codePoint < 0x800 ? 2 : 3;
            }
        }
        long estimate = (thirds * 11 + 29) / 30;
        return (int) Math.min(Integer.MAX_VALUE, Math.min(estimate, utf8Bytes));
    }
}
