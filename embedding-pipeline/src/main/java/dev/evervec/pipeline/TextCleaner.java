package dev.evervec.pipeline;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jsoup.nodes.Entities;

/**
 * Cleans single characters, whatever markup they stood in.
 *
 * <p>A cleaned text has line feeds, tabs and plain blanks as its only white space, no other control character, no
 * unpaired surrogate and no invisible filler. The two joiners stay where they carry meaning: after a character of a
 * script (Persian, Indic) or an emoji; next to Latin letters and blanks they are filler of mail and web editors.
 */
final class TextCleaner {
    private static final Pattern ENTITY =
            Pattern.compile("&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));");
    private static final int ZERO_WIDTH_SPACE = 0x200B;
    private static final int ZERO_WIDTH_NON_JOINER = 0x200C;
    private static final int ZERO_WIDTH_JOINER = 0x200D;
    private static final int WORD_JOINER = 0x2060;
    private static final int BYTE_ORDER_MARK = 0xFEFF;
    private static final int SOFT_HYPHEN = 0x00AD;
    private static final int NEXT_LINE = 0x0085;
    private static final int REPLACEMENT = 0xFFFD;
    /** Latin letters and their modifiers end before the combining marks. */
    private static final int FIRST_AFTER_LATIN = 0x0300;

    private TextCleaner() {}

    /**
     * The text without what no reader sees.
     *
     * @param before the code point the text is going to stand after; a blank if it stands alone
     */
    static String clean(String text, int before) {
        StringBuilder out = new StringBuilder(0);
        int copied = 0;
        int previous = before;
        int next;
        for (int i = 0; i < text.length(); i = next) {
            int codePoint = text.codePointAt(i);
            next = i + Character.charCount(codePoint);
            int kept = isPrintableAscii(codePoint) ? codePoint : kept(codePoint, previous, text, next);
            if (kept != codePoint) {
                out.append(text, copied, i);
                copied = next;
                if (kept >= 0) {
                    out.appendCodePoint(kept);
                }
            }
            previous = kept >= 0 ? kept : previous;
        }
        // Most texts are clean: those are not copied.
        return copied == 0 ? text : out.append(text, copied, text.length()).toString();
    }

    private static boolean isPrintableAscii(int codePoint) {
        return codePoint >= ' ' && codePoint < 0x7F;
    }

    /** What stands for a code point between {@code previous} and {@code text.charAt(next)}; -1 for nothing. */
    private static int kept(int codePoint, int previous, String text, int next) {
        if (codePoint == '\r' && next < text.length() && text.charAt(next) == '\n') {
            return -1;
        }
        int kept = replacement(codePoint);
        return isJoiner(kept) && !joins(previous) ? -1 : kept;
    }

    /** What stands for a code point in a cleaned text; -1 for nothing. */
    private static int replacement(int codePoint) {
        return switch (codePoint) {
            case '\n', '\r', '\f', NEXT_LINE, 0x2028, 0x2029 -> '\n';
            case '\t' -> '\t';
            case 0x000B -> ' ';
            case ZERO_WIDTH_SPACE, WORD_JOINER, BYTE_ORDER_MARK, SOFT_HYPHEN -> -1;
            default -> replacementByType(codePoint);
        };
    }

    private static int replacementByType(int codePoint) {
        return switch (Character.getType(codePoint)) {
            case Character.SPACE_SEPARATOR -> ' ';
            case Character.SURROGATE -> REPLACEMENT;
            case Character.CONTROL -> -1;
            default -> codePoint;
        };
    }

    private static boolean isJoiner(int codePoint) {
        return codePoint == ZERO_WIDTH_JOINER || codePoint == ZERO_WIDTH_NON_JOINER;
    }

    private static boolean joins(int previous) {
        return previous >= FIRST_AFTER_LATIN && !isJoiner(previous);
    }

    /** Whether a character of a cleaned text is white space. */
    static boolean isBlank(char c) {
        return c == ' ' || c == '\n' || c == '\t';
    }

    /** Whether a cleaned text shows anything: direction marks and the like alone do not. */
    static boolean hasVisible(String text) {
        int codePoint;
        for (int i = 0; i < text.length(); i += Character.charCount(codePoint)) {
            codePoint = text.codePointAt(i);
            if (!Character.isWhitespace(codePoint) && Character.getType(codePoint) != Character.FORMAT) {
                return true;
            }
        }
        return false;
    }

    /** Decodes numeric and named entities that end in a semicolon; anything else after {@code &} stays. */
    static String decodeEntities(String text) {
        if (text.indexOf('&') < 0) {
            return text;
        }
        return ENTITY.matcher(text).replaceAll(found -> Matcher.quoteReplacement(decoded((Matcher) found)));
    }

    private static String decoded(Matcher entity) {
        if (entity.group(1) != null) {
            return character(Integer.parseInt(entity.group(1)));
        }
        if (entity.group(2) != null) {
            return character(Integer.parseInt(entity.group(2), 16));
        }
        String named = Entities.getByName(entity.group(3));
        return named.isEmpty() ? entity.group() : named;
    }

    private static String character(int codePoint) {
        boolean real = Character.isValidCodePoint(codePoint) && codePoint != 0;
        return Character.toString(real ? codePoint : REPLACEMENT);
    }
}
