package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.RepeatedTest;

/** What holds for all content; a failure names the seed that shows it again. */
class TextPreparerPropertyTest {
    private static final int CASES = 1_000;
    private static final List<String> BLOCKS =
            List.of("div", "p", "h2", "blockquote", "section", "ul", "ol", "table", "pre");
    private static final List<String> INLINES =
            List.of("b", "i", "em", "strong", "span", "code", "a href=\"#x\"", "sup", "sub", "unknown");
    private static final List<String> STEMS = List.of(
            "word",
            "\u8bcd",
            "\u0643\u0644\u0645\u0629",
            "\u0936\u092c\u094d\u0926",
            "\u0441\u043b\u043e\u0432\u043e",
            "\ub2e8\uc5b4",
            "\ud83d\udc69\u200d\ud83d\ude80",
            "\u0645\u06cc\u200c\u0634\u0648\u062f");
    private static final List<String> SHARDS = List.of(
            "<p>",
            "</p>",
            "<div class='x'>",
            "</div>",
            "<li>",
            "<ul>",
            "</ul>",
            "<ol start=\"7\">",
            "</ol>",
            "<table>",
            "</table>",
            "<tr>",
            "<td>",
            "</td>",
            "<br/>",
            "<hr>",
            "<pre>",
            "</pre>",
            "<sup>",
            "</sup>",
            "<sub>",
            "</sub>",
            "<b>",
            "</b>",
            "<i",
            "</i>",
            "<a href=\"",
            "\"",
            "'",
            "<",
            ">",
            "/",
            "=",
            "&",
            ";",
            "&nbsp;",
            "&zwj;",
            "&#0;",
            "&#x1F600;",
            "&#xD800;",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<script>",
            "</script>",
            "\n",
            "\r\n",
            "\t",
            "  ",
            "\u0000",
            "\u0007",
            "\u200b",
            "\u200c",
            "\u00ad",
            "\ud83d",
            "\ude00",
            "\ud83d\ude00",
            "w",
            "word",
            "\u8bcd",
            "x<y",
            "List<String>",
            "| ",
            "- ",
            "<img src=x>",
            "<svg>",
            "</svg>",
            "<math>");
    private static final Pattern KNOWN_TAG =
            Pattern.compile("</?(p|div|li|ul|ol|table|tr|td|br|hr|pre|img|script)(\\s[^<>]*)?/?>|</(sup|sub|b|i|svg)>");

    @RepeatedTest(5)
    void keepsTheWordsOfWellFormedHtmlInOrder() {
        forManySeeds(seed -> {
            Page page = new Page(new Random(seed));

            String prepared = TextPreparer.prepare(null, page.html.toString());

            assertTidy(prepared);
            assertThat(prepared).doesNotContain("<").doesNotContainPattern(KNOWN_TAG);
            int from = 0;
            for (String word : page.words) {
                int at = prepared.indexOf(word, from);
                assertThat(at)
                        .as("%s after position %s in %s", word, from, prepared)
                        .isNotNegative();
                from = at + word.length();
            }
        });
    }

    @RepeatedTest(5)
    void staysTidyOnRubble() {
        forManySeeds(seed -> {
            Random random = new Random(seed);
            StringBuilder rubble = new StringBuilder();
            for (int i = random.nextInt(60); i >= 0; i--) {
                rubble.append(SHARDS.get(random.nextInt(SHARDS.size())));
            }

            String prepared = TextPreparer.prepare(null, rubble.toString());

            assertTidy(prepared);
            assertThat(prepared).as(rubble.toString()).doesNotContainPattern(KNOWN_TAG);
        });
    }

    @RepeatedTest(5)
    void preparingTwiceChangesNothingMore() {
        forManySeeds(seed -> {
            String withoutVerbatim = new Page(new Random(seed)).html.toString().replaceAll("(</?)pre>", "$1p>");
            String once = TextPreparer.prepare(null, withoutVerbatim);

            assertThat(TextPreparer.prepare(null, once)).isEqualTo(once);
        });
    }

    @RepeatedTest(5)
    void theTitleOnlyAddsItsLine() {
        forManySeeds(seed -> {
            String html = new Page(new Random(seed)).html.toString();
            String body = TextPreparer.prepare(null, html);

            assertThat(TextPreparer.prepare("Title", html)).isEqualTo(body.isEmpty() ? "" : "Title\n\n" + body);
        });
    }

    private static void assertTidy(String prepared) {
        assertThat(prepared).isEqualTo(prepared.strip());
        assertThat(prepared.codePoints())
                .noneMatch(c -> Character.getType(c) == Character.SURROGATE)
                .noneMatch(c -> Character.isISOControl(c) && c != '\n' && c != '\t')
                .noneMatch(c -> c == 0xA0 || c == 0x200B || c == 0xAD);
    }

    private interface Property {
        void check(long seed);
    }

    private static void forManySeeds(Property property) {
        Random seeds = new Random();
        for (int i = 0; i < CASES; i++) {
            long seed = seeds.nextLong();
            try {
                property.check(seed);
            } catch (RuntimeException | AssertionError e) {
                fail("seed " + seed + "L: " + e.getMessage(), e);
            }
        }
    }

    /** A random well-formed page and the words in it, each of them unique. */
    private static final class Page {
        private final Random random;
        private final StringBuilder html = new StringBuilder();
        private final List<String> words = new ArrayList<>();

        Page(Random random) {
            this.random = random;
            blocks(4);
        }

        private void blocks(int depth) {
            for (int i = random.nextInt(4); i >= 0; i--) {
                block(depth);
                html.append(random.nextBoolean() ? "\n " : "");
            }
        }

        private void block(int depth) {
            String name = BLOCKS.get(random.nextInt(BLOCKS.size()));
            html.append('<').append(name).append('>');
            switch (name) {
                case "ul", "ol" -> items(depth);
                case "table" -> rows(depth);
                case "div", "blockquote", "section" -> inside(depth);
                default -> text(3);
            }
            html.append("</").append(name).append('>');
        }

        private void inside(int depth) {
            if (depth > 0 && random.nextInt(3) > 0) {
                blocks(depth - 1);
            } else {
                text(3);
            }
        }

        private void items(int depth) {
            for (int i = random.nextInt(4); i > 0; i--) {
                html.append("<li>");
                inside(depth);
                html.append(random.nextBoolean() ? "</li>" : "");
            }
        }

        private void rows(int depth) {
            for (int row = random.nextInt(3); row > 0; row--) {
                html.append("<tr>");
                for (int cell = random.nextInt(4); cell > 0; cell--) {
                    html.append("<td>");
                    inside(depth);
                    html.append("</td>");
                }
                html.append("</tr>");
            }
        }

        private void text(int depth) {
            for (int i = random.nextInt(4); i > 0; i--) {
                switch (random.nextInt(depth > 0 ? 6 : 3)) {
                    case 0, 1 -> word();
                    case 2 ->
                        html.append(List.of(" ", "\n\n", "&nbsp;", "<br>", "<!-- w -->", "<script>w</script>")
                                .get(random.nextInt(6)));
                    default -> inline(depth);
                }
            }
        }

        private void inline(int depth) {
            String tag = INLINES.get(random.nextInt(INLINES.size()));
            html.append('<').append(tag).append('>');
            text(depth - 1);
            html.append("</").append(tag.split(" ", 2)[0]).append('>');
        }

        private void word() {
            String word = STEMS.get(random.nextInt(STEMS.size())) + "\u00b7" + words.size() + "\u00b7";
            words.add(word);
            html.append(word).append(random.nextBoolean() ? " " : "");
        }
    }
}
