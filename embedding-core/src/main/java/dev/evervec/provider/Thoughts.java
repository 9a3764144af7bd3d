package dev.evervec.provider;

/** Takes off a model's answer what it only thought aloud, for providers. */
public final class Thoughts {
    private static final String BEGIN = "<think>";
    private static final String END = "</think>";

    private Thoughts() {}

    /**
     * The answer without {@code <think>…</think>} blocks and without white space around it; empty if nothing else is left.
     *
     * <p>An answer that begins inside a block (some servers put the opening mark into the prompt) loses all up to its end, and
     * one that begins with a block that never ends was all thought. A mark further on that is never closed is a word of the
     * answer.
     */
    public static String removedFrom(String answer) {
        String rest = answer.strip();
        int end = rest.indexOf(END);
        int begin = rest.indexOf(BEGIN);
        if (end >= 0 && (begin < 0 || end < begin)) {
            rest = rest.substring(end + END.length()).strip();
        }
        for (begin = rest.indexOf(BEGIN); begin >= 0; begin = rest.indexOf(BEGIN)) {
            end = rest.indexOf(END, begin);
            if (end < 0) {
                return begin == 0 ? "" : rest;
            }
            rest = (rest.substring(0, begin) + rest.substring(end + END.length())).strip();
        }
        return rest;
    }
}
