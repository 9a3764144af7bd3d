package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextPreparerTest {
    private static String body(String content) {
        return TextPreparer.prepare(null, content);
    }

    static Stream<Arguments> blocks() {
        return Stream.of(
                arguments("<h2>Task</h2><p>First.</p><p>Second.</p>", "Task\n\nFirst.\n\nSecond."),
                arguments("<p>First.\n<p>Second.", "First.\n\nSecond."),
                arguments("<div>a</div><div>b</div>", "a\nb"),
                arguments("<div><div><div>a</div></div></div><div>b</div>", "a\nb"),
                arguments("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
                arguments("a<br><br><br><br>b", "a\n\nb"),
                arguments("<p>a<br></p><p><br></p><p>b</p>", "a\n\nb"),
                arguments("<p>a</p><hr><p>b</p>", "a\n\nb"),
                arguments("<p>  one \n\t two  <b> three</b> </p>", "one two three"),
                arguments("<b>H</b>el<i>lo</i>, <a href=\"/x\">link</a>!", "Hello, link!"),
                arguments("<p>a</p>\n\n\n<p></p><div> &nbsp; </div><p>b</p>", "a\n\nb"),
                arguments("<blockquote>said</blockquote>then", "said\n\nthen"),
                arguments("<dl><dt>term</dt><dd>meaning</dd></dl>", "term\nmeaning"),
                arguments("<P>OLD<BR>STYLE</P>", "OLD\nSTYLE"),
                arguments("<o:p>office</o:p><p>x</p>", "office\n\nx"));
    }

    static Stream<Arguments> lists() {
        return Stream.of(
                arguments("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
                arguments("<p>x</p><ul><li>a<li>b</ul>y", "x\n\n- a\n- b\n\ny"),
                arguments("<ol><li>a</li><li></li><li>c</li></ol>", "1. a\n3. c"),
                arguments("<ol start=3><li>a</li><li value=\"9\">b</li><li>c</li></ol>", "3. a\n9. b\n10. c"),
                arguments("<ol start=\"99999999999\"><li>a</li></ol>", "1. a"),
                arguments("<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li><li>d</li></ul>", """
                        - a
                          - b
                            1. c
                        - d"""),
                arguments("<ul><li><p>a</p></li><li></li></ul><p>b</p>", "- a\n\nb"),
                arguments("<li>lonely</li>", "- lonely"),
                arguments("<ul><li> </li></ul>", ""));
    }

    static Stream<Arguments> tables() {
        return Stream.of(
                arguments(
                        "<table><tr><th>n</th><th>f(n)</th></tr><tr><td>1</td><td>2</td></tr></table>",
                        "n | f(n)\n1 | 2"),
                arguments("<p>a</p><table><tr><td>1<td>2<tr><td>3<td>4</table><p>b</p>", "a\n\n1 | 2\n3 | 4\n\nb"),
                arguments("<table><tr><td></td><td>A</td><td></td><td>C</td><td></td></tr></table>", "| A | | C"),
                arguments("<table><tr><td> </td><td></td></tr></table>", ""),
                arguments(
                        "<table><caption>Sums</caption><tr><td><p>a</p><p>b<br>c</p></td><td>d</td></tr></table>",
                        "Sums\n\na b c | d"),
                arguments("<table><tr><td>In<pre>5\n 1</pre></td><td>Out</td></tr></table>", "In\n\n5\n 1\n\nOut"),
                arguments(
                        "<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</td></tr></table>",
                        "a | b\n\nc"),
                arguments("<table><tr><td>a</td><td><sup>2</sup></td></tr></table>", "a | ^2"),
                arguments("<tr><td>stray</td><td>cells</td></tr>", "stray | cells"));
    }

    static Stream<Arguments> scripts() {
        return Stream.of(
                arguments("x<sup>2</sup>", "x^2"),
                arguments("a<sub>1</sub>, a<sub>n</sub>", "a_1, a_n"),
                arguments("x<sup>n+1</sup> a<sub>i+1</sub>", "x^(n+1) a_(i+1)"),
                arguments("2<sup>(n+1)</sup> 2<sup>(a)(b)</sup>", "2^(n+1) 2^((a)(b))"),
                arguments("10<sup>-5</sup> &le; 10<sup>18</sup> e<sup>0.5</sup>", "10^-5 \u2264 10^18 e^0.5"),
                arguments("2<sup>2<sup>n</sup></sup>", "2^(2^n)"),
                arguments("x<sub>i</sub><sup>2</sup>", "x_i^2"),
                arguments("H<sub>2</sub>O, 2<sup>n</sup>k, 10<sup>9</sup>+7", "H_2O, 2^n k, 10^9+7"),
                arguments("x<sup> 2 </sup>y <sup></sup>z", "x ^2 y z"),
                arguments("the 1<sup>st</sup>, n<sup>th</sup>, X<sup>TM</sup>", "the 1st, nth, XTM"),
                arguments(
                        "a<sub>max</sub> \u4e2d<sup>\u6587</sup> \u0627<sub>\u0661</sub>",
                        "a_max \u4e2d^\u6587 \u0627_\u0661"),
                arguments(
                        "<sup>1</sup>/<sub>6</sub> 2<sup>1</sup>&frasl;<sub>n+1</sub> x<sup>2</sup>/y",
                        "1/6 2 1/(n+1) x^2/y"),
                arguments("A<sup>*</sup> A<sup>T</sup>", "A^* A^T"),
                arguments("<pre>10<sup>9</sup>\n x<sub>0</sub></pre>", "10^9\n x_0"),
                arguments("x<sup><p>a</p><p>b</p></sup>", "x\n\na\n\nb"),
                arguments("<math><msup><mi>x</mi><mn>2</mn></msup><annotation>x^2</annotation></math>", "x^2"));
    }

    static Stream<Arguments> verbatim() {
        return Stream.of(
                arguments(
                        "<p>a</p><pre>\ndef f(n):\n    return  n\n\n\n    # end\n</pre><p>b</p>",
                        "a\n\ndef f(n):\n    return  n\n\n\n    # end\n\nb"),
                arguments("<p>a</p><pre><code>\n\n   x\n  y   \n</code></pre>", "a\n\n   x\n  y"),
                arguments("<pre>a&lt;b&gt; &amp;&amp; c\n\td</pre>", "a<b> && c\n\td"),
                arguments("<pre>a<br>b<span> </span>c</pre>", "a\nb c"),
                arguments("<pre>a\r\nb\rc</pre>", "a\nb\nc"),
                arguments("<pre> \n </pre>x<pre></pre>", "x"),
                arguments("<ul><li><pre>a\nb</pre></li></ul>", "- a\nb"));
    }

    static Stream<Arguments> dropped() {
        return Stream.of(
                arguments("<script>if (a<b) alert('x')</script><style>p{}</style>a", "a"),
                arguments("<html><head><title>t</title><style>x</style></head><body>a</body></html>", "a"),
                arguments("a<!-- not <b>this</b> -->b", "ab"),
                arguments("<template>x</template><noscript>y</noscript><iframe>z</iframe><p>a</p>", "a"),
                arguments("<p>a<input value=x><textarea>b</textarea><select><option>c</select></p>", "a"),
                arguments("<img src=\"a.png\">", ""),
                arguments("<img src=\"a.png\" alt=\" \">", ""),
                arguments("<p><img src=x alt=\"A graph with\n 3 nodes\"></p>", "A graph with 3 nodes"),
                arguments("see<img alt=\"a > b\" src=x>now", "see a > b now"),
                arguments("<p></p><div><br></div>&nbsp;<span>\u200b</span>", ""),
                arguments("<![CDATA[<p>fed</p>]]>", "fed"),
                arguments("<!--only--><!DOCTYPE html>", ""));
    }

    static Stream<Arguments> characters() {
        return Stream.of(
                arguments("<p>caf&eacute; &#x2615; &#37; &unknown; &amp;lt;</p>", "caf\u00e9 \u2615 % &unknown; &lt;"),
                arguments("caf&eacute; &rarr; 3&nbsp;&euro; &#9749;", "caf\u00e9 \u2192 3 \u20ac \u2615"),
                arguments("a\u00a0\u2003\u3000b<br>c\u202f\u1680d", "a b\nc d"),
                arguments("zero\u200bwidth\ufeff soft\u00adhy&shy;phen\u2060", "zerowidth softhyphen"),
                arguments(
                        "\ud83d\udc69\u200d\ud83d\ude80 <b>\ud83d\udc69\ud83c\udffd</b>&zwj;\ud83d\udcbb",
                        "\ud83d\udc69\u200d\ud83d\ude80 \ud83d\udc69\ud83c\udffd\u200d\ud83d\udcbb"),
                arguments(
                        "<p>\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937</p>",
                        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u0915\u094d\u200d\u0937"),
                arguments("<p>hi&zwnj;&nbsp;&zwnj;&nbsp;\u200cyou\u200d</p>", "hi you"),
                arguments("lone \ud83d and \ude80!", "lone \ufffd and \ufffd!"),
                arguments("<p>lone \ud83d</p>\ude80", "lone \ufffd\n\n\ufffd"),
                arguments("a\u0000b\u0007c\u001b[0m\u007f\u0090", "abc[0m"),
                arguments("<p>a\u0000b&#7;c</p>", "abc"),
                arguments(
                        "<p>\u4e2d\u6587\uff0c\u6807\u70b9\u3002</p><p>\u0645\u0631\u062d\u0628\u0627</p><p>\u0939\u093f\u0928\u094d\u0926\u0940</p>",
                        "\u4e2d\u6587\uff0c\u6807\u70b9\u3002\n\n\u0645\u0631\u062d\u0628\u0627\n\n\u0939\u093f\u0928\u094d\u0926\u0940"));
    }

    static Stream<Arguments> plainText() {
        return Stream.of(
                arguments("a < b && c > d", "a < b && c > d"),
                arguments("List<String> and Map<K, List<V>>", "List<String> and Map<K, List<V>>"),
                arguments("List<Button> l; Set<A> s; Foo<P> p;", "List<Button> l; Set<A> s; Foo<P> p;"),
                arguments(
                        "#include <map>\n#include <time.h>\nvector<object> v;",
                        "#include <map>\n#include <time.h>\nvector<object> v;"),
                arguments("x<y", "x<y"),
                arguments("if a<b and b>c then i<p && q>r", "if a<b and b>c then i<p && q>r"),
                arguments(
                        "def f(n):\n    if n <i:\n        return  n\n\n\n\ndone  \n",
                        "def f(n):\n    if n <i:\n        return  n\n\ndone"),
                arguments(
                        "mail <ann@example.org> or <https://example.org>",
                        "mail <ann@example.org> or <https://example.org>"),
                arguments("<root><item>1</item></root>", "<root><item>1</item></root>"),
                arguments("AT&T &c; R&D &lt;b&gt;", "AT&T &c; R&D <b>"),
                arguments("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
                arguments("<3 </3 <- -> << >> <> </> <", "<3 </3 <- -> << >> <> </> <"),
                arguments(" \n\t\n", ""),
                arguments("", ""));
    }

    static Stream<Arguments> mixed() {
        return Stream.of(
                arguments("<p>for i<n and j>0</p>", "for i<n and j>0"),
                arguments("<p>one <strong>two three</p><p>four</p>", "one two three\n\nfour"),
                arguments("<p>Set<A> and vector<T>, <b>bold</p>", "Set<A> and vector<T>, bold"),
                arguments("<p>a List<String> x<y</p>", "a List<String> x<y"),
                arguments("<p>if a<b and b>c</p>", "if a<b and b>c"),
                arguments("<p>a < b</p> <!-- open", "a < b\n\n<!-- open"),
                arguments("<problem>Find <b>it</b></problem>", "Find it"));
    }

    @ParameterizedTest
    @MethodSource({"blocks", "lists", "tables", "scripts", "verbatim", "dropped", "characters", "plainText", "mixed"})
    void preparesTheBody(String content, String expected) {
        assertThat(body(content)).isEqualTo(expected);
    }

    @Test
    void putsTheTitleOnALineOfItsOwnBeforeTheBody() {
        assertThat(TextPreparer.prepare("Two Sum", "<p>Find it.</p>")).isEqualTo("Two Sum\n\nFind it.");
        assertThat(TextPreparer.prepare(" List<b>\u00a0\n &amp; \u200bco ", "x"))
                .isEqualTo("List<b> &amp; co\n\nx");
        assertThat(TextPreparer.prepare("lone \ud83d", "x")).isEqualTo("lone \ufffd\n\nx");
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"", "  ", "\n\t", "\u00a0\u3000", "\u200b\ufeff", "\u200e", "\u0000"})
    void leavesABlankTitleAway(@Nullable String title) {
        assertThat(TextPreparer.prepare(title, "<p>x</p>")).isEqualTo("x");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "\r\n",
                "\u00a0\u2003",
                "\u200b\ufeff\u200e",
                "<p></p>",
                "<p>&nbsp;</p><br>",
                "<img src=x>",
                "<script>x</script>",
                "<!-- x -->",
                "<ul><li></li></ul>",
                "<table><tr><td></td><td></td></tr></table>",
                "<p><sup></sup>&zwnj;&#8203;&rlm;</p>",
                "&nbsp;&#x200B;"
            })
    void returnsNothingForABlankBodyWhateverTheTitle(String content) {
        assertThat(TextPreparer.prepare("Title", content)).isEmpty();
        assertThat(TextPreparer.prepare(null, content)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "div",
                "p",
                "ul",
                "ol",
                "li",
                "sup",
                "sub",
                "table",
                "td",
                "pre",
                "b",
                "a",
                "blockquote",
                "span",
                "h1",
                "math",
                "ul><li",
                "table><tr><td",
                "b><p",
                "a><div",
                "font"
            })
    void survivesDeepNesting(String element) {
        String opened = ("<" + element + ">").repeat(20_000) + "word";

        String prepared = Assertions.assertTimeoutPreemptively(
                Duration.ofSeconds(30), () -> body("<p>first</p>" + opened + "</p>"));

        assertThat(prepared).startsWith("first").contains("word").doesNotContain("<");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "<p>w",
                "<b>w</i>",
                "<",
                "&",
                "<b ",
                "<!--",
                "<!---->w",
                "</p>w",
                "x<sup>2</sup>",
                "<td>w",
                "<td></td>",
                "<div\n",
                "<a href=\"x>",
                "<table>w<b>",
                "&eacute;",
                " ",
                "\n",
                "<br>",
                "\ud83d\udc69\u200d\ud83d\ude80",
                "<x y>"
            })
    void preparesAMegabyteInReasonableTime(String piece) {
        String content = "<p>first</p><table><tr>" + piece.repeat(1_000_000 / piece.length());

        String prepared = Assertions.assertTimeoutPreemptively(Duration.ofSeconds(30), () -> body(content));

        assertThat(prepared).contains("first");
    }
}
