package dev.evervec.provider.gemini;

/** Small repairs of texts on their way to and from the service. */
final class Texts {
    private static final char REPLACEMENT = '\uFFFD';
    private static final String THINK = "<think>";
    private static final String END_THINK = "</think>";

    private Texts() {}

    /** The text with U+FFFD in place of every unpaired surrogate: such a text has no UTF-8 form. */
    static String wellFormed(String text) {
        StringBuilder repaired = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
                continue;
            }
            if (repaired == null) {
                repaired = new StringBuilder(text);
            }
            repaired.setCharAt(i, REPLACEMENT);
        }
        return repaired == null ? text : repaired.toString();
    }

    /**
     * The answer without the thinking that open models put in front of it, and without white space around it. Thinking that
     * never ends is all there is: the answer is then empty.
     */
    static String withoutThinking(String answer) {
        String rest = answer.strip();
        while (rest.startsWith(THINK)) {
            int end = rest.indexOf(END_THINK);
            rest = end < 0 ? "" : rest.substring(end + END_THINK.length()).strip();
        }
        return rest;
    }
}
