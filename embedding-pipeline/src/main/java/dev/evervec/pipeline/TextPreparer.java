package dev.evervec.pipeline;

import org.jspecify.annotations.Nullable;

/**
 * Turns a record's title and content into the text that is rewritten and embedded.
 *
 * <p>Content with markup goes through {@link HtmlToText}. Content without any, as told by {@link Markup}, keeps its
 * lines and their indentation; only its characters are cleaned, its entities decoded, blanks at line ends removed and
 * several empty lines folded to one. The title is one line of plain text and never read as markup.
 */
final class TextPreparer {
    private TextPreparer() {}

    /**
     * The prepared text: the body, or {@code title + "\n\n" + body} when the title is not blank.
     *
     * @return the empty string if nothing visible is left of the content, whatever the title says
     */
    static String prepare(@Nullable String title, String content) {
        String body = body(content);
        if (!TextCleaner.hasVisible(body)) {
            return "";
        }
        String heading = title == null ? "" : oneLine(title);
        return TextCleaner.hasVisible(heading) ? heading + "\n\n" + body : body;
    }

    private static String body(String content) {
        Markup markup = Markup.of(content);
        return markup.isHtml() ? HtmlToText.convert(markup.protectedHtml()) : plain(content);
    }

    private static String plain(String content) {
        return tidyLines(TextCleaner.clean(TextCleaner.decodeEntities(content), ' '));
    }

    /** Removes blanks at line ends, folds empty lines to one at most, and trims both ends. */
    private static String tidyLines(String text) {
        if (isTidy(text)) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        int emptyLines = 0;
        for (String line : text.split("\n", -1)) {
            String kept = line.stripTrailing();
            if (kept.isEmpty()) {
                emptyLines++;
                continue;
            }
            if (out.length() > 0) {
                out.append(emptyLines > 0 ? "\n\n" : "\n");
            }
            out.append(kept);
            emptyLines = 0;
        }
        return out.toString().strip();
    }

    /** Whether a cleaned text has no blank at either end or before a line feed, and no two empty lines in a row. */
    private static boolean isTidy(String text) {
        int last = text.length() - 1;
        if (last < 0 || TextCleaner.isBlank(text.charAt(0)) || TextCleaner.isBlank(text.charAt(last))) {
            return false;
        }
        for (int i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) {
            char before = text.charAt(i - 1);
            boolean afterEmptyLine = before == '\n' && text.charAt(i - 2) == '\n';
            if (before == ' ' || before == '\t' || afterEmptyLine) {
                return false;
            }
        }
        return true;
    }

    private static String oneLine(String title) {
        StringBuilder out = new StringBuilder(title.length());
        String clean = TextCleaner.clean(title, ' ');
        for (int i = 0; i < clean.length(); i++) {
            char c = clean.charAt(i);
            boolean blank = TextCleaner.isBlank(c);
            if (!blank) {
                out.append(c);
            } else if (out.length() > 0 && out.charAt(out.length() - 1) != ' ') {
                out.append(' ');
            }
        }
        return out.toString().strip();
    }
}
