package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/**
 * Text without markup comes out as the rules say when they are applied one character and one line after the other, whatever
 * short cuts are taken for text that is clean already: hashes of prepared texts are kept for years.
 */
class PlainTextPropertyTest {
    private static final int CASES = 2_000;
    private static final List<String> SHARDS = List.of(
            "a",
            "Zz",
            "~",
            " ",
            "  ",
            "\n",
            "\n\n",
            " \n",
            "\n ",
            "\t",
            "\r",
            "\r\n",
            "\f",
            "\u000b",
            "\u007f",
            "\u0000",
            "\u001c",
            "\u001f",
            "\u0085",
            "\u00a0",
            "\u00ad",
            "\u00e9",
            "\u02ff",
            "\u0300",
            "\u0915",
            "\u200b",
            "\u200c",
            "\u200d",
            "\u200e",
            "\u2028",
            "\u2029",
            "\u202f",
            "\u2060",
            "\u3000",
            "\u8bcd",
            "\ufeff",
            "\ufffd",
            "\ufffe",
            "\ud83d",
            "\ude00",
            "\ud83d\ude00",
            "\ud83d\udc69\u200d\ud83d\ude80",
            "\udbff\udfff",
            "&",
            ";",
            "#",
            "&amp;",
            "&nbsp;",
            "&zwj;",
            "&lt;",
            "&#13;",
            "&#0;",
            "&#xD83D;",
            "&#x200b;",
            "&bogus;",
            ">",
            "-->",
            "]]>",
            "\"");

    @Test
    void everyCodePointIsCleanedByTheRules() {
        for (int codePoint = 0; codePoint <= Character.MAX_CODE_POINT; codePoint++) {
            String character = Character.toString(codePoint);

            assertCleanedByTheRules("a" + character + "b");
            assertCleanedByTheRules("\u0915" + character + "\n");
        }
    }

    @RepeatedTest(5)
    void anyPlainTextIsPreparedByTheRules() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < CASES; i++) {
            String text = random.nextBoolean() ? shards(random) : mostlyClean(random);

            assertThat(TextPreparer.prepare(null, text))
                    .as("seed %sL, text %s", seed, i)
                    .isEqualTo(prepared(text));
            assertThat(TextCleaner.clean(text, ' '))
                    .as("seed %sL, text %s", seed, i)
                    .isEqualTo(cleaned(text, ' '));
        }
    }

    @Test
    void cleanTextIsNotCopied() {
        String text = "One line.\n\nAnother, \u8bcd \u00e9 \ud83d\ude00.";

        assertThat(TextPreparer.prepare(null, text)).isSameAs(text);
    }

    private static String shards(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(30); i >= 0; i--) {
            text.append(SHARDS.get(random.nextInt(SHARDS.size())));
        }
        return text.toString();
    }

    /** Words and lines with one odd thing in them, or none. */
    private static String mostlyClean(Random random) {
        StringBuilder text = new StringBuilder();
        for (int i = random.nextInt(40); i >= 0; i--) {
            text.append(random.nextInt(8) == 0 ? "word.\n" : "word ");
        }
        text.insert(random.nextInt(text.length() + 1), SHARDS.get(random.nextInt(SHARDS.size())));
        return random.nextBoolean() ? text.toString() : text.toString().strip();
    }

    private static void assertCleanedByTheRules(String text) {
        String cleaned = TextCleaner.clean(text, ' ');
        if (!cleaned.equals(cleaned(text, ' '))) {
            assertThat(cleaned).isEqualTo(cleaned(text, ' '));
        }
    }

    // ---- the rules, as slow as they are plain ----

    private static String prepared(String content) {
        String body = tidied(cleaned(TextCleaner.decodeEntities(content), ' '));
        IntPredicate visible = c -> !Character.isWhitespace(c) && Character.getType(c) != Character.FORMAT;
        return body.codePoints().anyMatch(visible) ? body : "";
    }

    private static String cleaned(String text, int before) {
        StringBuilder out = new StringBuilder();
        int previous = before;
        for (int codePoint : text.replace("\r\n", "\n").codePoints().toArray()) {
            int kept = cleaned(codePoint, previous);
            if (kept >= 0) {
                out.appendCodePoint(kept);
                previous = kept;
            }
        }
        return out.toString();
    }

    private static int cleaned(int codePoint, int previous) {
        if (List.of((int) '\n', (int) '\r', (int) '\f', 0x85, 0x2028, 0x2029).contains(codePoint)) {
            return '\n';
        }
        if (codePoint == 0x200C || codePoint == 0x200D) {
            return previous >= 0x300 && previous != 0x200C && previous != 0x200D ? codePoint : -1;
        }
        if (List.of(0x200B, 0x2060, 0xFEFF, 0xAD).contains(codePoint)) {
            return -1;
        }
        return switch (Character.getType(codePoint)) {
            case Character.SPACE_SEPARATOR -> ' ';
            case Character.SURROGATE -> 0xFFFD;
            case Character.CONTROL -> codePoint == '\t' ? '\t' : codePoint == 0x0B ? ' ' : -1;
            default -> codePoint;
        };
    }

    private static String tidied(String text) {
        StringBuilder out = new StringBuilder();
        int emptyLines = 0;
        for (String line : text.split("\n", -1)) {
            String kept = line.stripTrailing();
            if (kept.isEmpty()) {
                emptyLines++;
                continue;
            }
            out.append(out.isEmpty() ? "" : emptyLines > 0 ? "\n\n" : "\n").append(kept);
            emptyLines = 0;
        }
        return out.toString().strip();
    }
}
