package dev.evervec.provider.gemini;

/** What is taken off a rewrite on its way from the service. */
final class Texts {
    private static final String THINK = "<think>";
    private static final String END_THINK = "</think>";

    private Texts() {}

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
