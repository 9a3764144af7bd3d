package dev.evervec.pipeline;

import org.jspecify.annotations.Nullable;

/**
 * A rewrite prompt with one place for the text and at most one for the title. Immutable.
 *
 * <p>{@code {text}} must occur exactly once and {@code {title}} at most once; all other braces are literal. What is
 * filled in is never expanded again, so a record that contains {@code {text}} itself does no harm.
 */
final class PromptTemplate {
    private static final String TEXT = "{text}";
    private static final String TITLE = "{title}";

    private final String template;
    private final int textAt;
    private final int titleAt;

    /** @throws IllegalArgumentException if a placeholder is missing or occurs too often */
    PromptTemplate(String template) {
        this.template = template;
        this.textAt = onlyPlace(template, TEXT);
        this.titleAt = onlyPlace(template, TITLE);
        if (textAt < 0) {
            throw new IllegalArgumentException(
                    "the prompt template has no {text}: put {text} where the text of a record belongs");
        }
    }

    private static int onlyPlace(String template, String placeholder) {
        int at = template.indexOf(placeholder);
        if (at != template.lastIndexOf(placeholder)) {
            throw new IllegalArgumentException(
                    "the prompt template has " + placeholder + " more than once: keep one of them");
        }
        return at;
    }

    String template() {
        return template;
    }

    /** Whether it says anything besides title and text; if not, a text that is left as it is looks like the prompt. */
    boolean hasWordsOfItsOwn() {
        return template.replace(TEXT, "").replace(TITLE, "").codePoints().anyMatch(Character::isLetter);
    }

    /** The prompt for one text; a missing title leaves its place empty. */
    String fill(@Nullable String title, String text) {
        String heading = title == null ? "" : title;
        if (titleAt < 0) {
            return template.substring(0, textAt) + text + template.substring(textAt + TEXT.length());
        }
        return titleAt < textAt
                ? join(titleAt, TITLE, heading, textAt, TEXT, text)
                : join(textAt, TEXT, text, titleAt, TITLE, heading);
    }

    private String join(int firstAt, String first, String firstValue, int lastAt, String last, String lastValue) {
        return template.substring(0, firstAt)
                + firstValue
                + template.substring(firstAt + first.length(), lastAt)
                + lastValue
                + template.substring(lastAt + last.length());
    }
}
