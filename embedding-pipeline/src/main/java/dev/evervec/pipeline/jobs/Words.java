package dev.evervec.pipeline.jobs;

/** What was sent, as it may stand in a message: short, on one line. */
final class Words {
    private static final int MAX_CHARS = 60;

    private Words() {}

    /** In quotes. */
    static String quoted(String text) {
        return '"' + shortened(text) + '"';
    }

    /** Cut, and without what would break the line or is no character. */
    static String shortened(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints().limit(MAX_CHARS).map(c -> isPlain(c) ? c : '?').forEach(line::appendCodePoint);
        return line.length() < text.length() ? line + "..." : line.toString();
    }

    /** Whether a record's name could have this character: neither a control character nor half of one. */
    static boolean isPlain(int codePoint) {
        return !Character.isISOControl(codePoint) && (codePoint < 0xD800 || codePoint > 0xDFFF);
    }
}
