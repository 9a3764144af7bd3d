package dev.evervec.pipeline;

import java.util.regex.Pattern;

/**
 * Writes superscripts and subscripts so that flat text keeps their meaning: {@code x^2}, {@code a_(i+1)}.
 *
 * <p>One token needs no parentheses. Ordinal endings (1st, nth) and trade marks are not exponents and stay bare. What
 * is longer than {@value #LONGEST} characters or spans lines is no script but a tag somebody forgot to close.
 */
final class Scripts {
    private static final int LONGEST = 120;
    private static final char FRACTION_SLASH = '\u2044';
    private static final Pattern TOKEN = Pattern.compile(
            "[-+\u2212]?(?:[\\p{L}\\p{M}\\p{Nd}]++(?:[.,]\\p{Nd}++)?|\\p{Nd}++\\.\\p{Nd}++)['\u2032]*+|[^\\p{L}\\p{Nd}\\s]");
    private static final Pattern ORDINAL_OR_MARK = Pattern.compile("st|nd|rd|th|TM|SM|[\u00AE\u2122\u2120]");

    private Scripts() {}

    /**
     * Marks the end of the text from {@code from} on as a script.
     *
     * @param mark {@code ^} or {@code _}
     * @return whether it was marked
     */
    static boolean mark(StringBuilder out, int from, char mark) {
        int length = out.length() - from;
        if (length <= 0 || length > LONGEST) {
            return false;
        }
        String script = out.substring(from);
        if (script.indexOf('\n') >= 0
                || (mark == '^' && ORDINAL_OR_MARK.matcher(script).matches())) {
            return false;
        }
        boolean bare = TOKEN.matcher(script).matches() || isInParentheses(script);
        out.replace(from, out.length(), bare ? mark + script : mark + "(" + script + ")");
        return true;
    }

    /**
     * Turns a superscript, a slash and a subscript, all marked, into a fraction: {@code ^1/_6} into {@code 1/6}.
     *
     * @return whether the three stood side by side
     */
    static boolean joinFraction(StringBuilder out, int superscriptStart, int superscriptEnd, int subscriptStart) {
        boolean sideBySide = superscriptStart >= 0
                && superscriptEnd + 1 == subscriptStart
                && (out.charAt(superscriptEnd) == '/' || out.charAt(superscriptEnd) == FRACTION_SLASH);
        if (!sideBySide) {
            return false;
        }
        boolean mixedNumber = superscriptStart > 0 && Character.isDigit(out.charAt(superscriptStart - 1));
        out.deleteCharAt(subscriptStart);
        out.setCharAt(superscriptEnd, '/');
        out.replace(superscriptStart, superscriptStart + 1, mixedNumber ? " " : "");
        return true;
    }

    /** Whether the first parenthesis is closed by the last character and not before. */
    private static boolean isInParentheses(String script) {
        int open = 0;
        for (int i = 0; i < script.length(); i++) {
            open += script.charAt(i) == '(' ? 1 : script.charAt(i) == ')' ? -1 : 0;
            if (open == 0) {
                return i > 0 && i == script.length() - 1;
            }
        }
        return false;
    }
}
