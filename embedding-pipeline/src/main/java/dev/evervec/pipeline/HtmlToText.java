package dev.evervec.pipeline;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
import org.jsoup.select.NodeFilter;

/**
 * Writes the text of one HTML document. Single use, one thread.
 *
 * <p>White space is never written when it is met but when the next visible character is: breaks, blanks, list markers
 * and cell separators wait in fields until then. So nothing blank can end up at either end or pile up in between, and
 * empty elements leave no trace. The walk is iterative and every node is looked at a fixed number of times, so deep
 * nesting and large pages are harmless.
 *
 * <p>The rows of a table become one line each, cells apart by {@code " | "}. A row that holds lists, preformatted text
 * or another table is layout, not data: its cells become paragraphs.
 */
final class HtmlToText implements NodeFilter {
    private static final Set<String> DROPPED =
            names("head script style template noscript iframe noframes input textarea select "
                    + "datalist annotation annotation-xml");
    private static final Set<String> PARAGRAPHS =
            names("p h1 h2 h3 h4 h5 h6 dl table caption blockquote figure hr section article aside "
                    + "header footer main nav details form fieldset center");
    private static final Set<String> LINES =
            names("html body div dt dd address legend summary figcaption hgroup dialog "
                    + "search optgroup option frameset title desc text");
    private static final Set<String> LISTS = names("ul ol menu dir");
    private static final Set<String> VERBATIM = names("pre listing xmp plaintext");
    private static final Set<String> LAYOUT = names("pre listing xmp ul ol dl table blockquote h1 h2 h3 h4 h5 h6");
    /** Indentation stops here, or 20,000 nested lists would write 20,000 blanks a line. */
    private static final int MAX_INDENTED_DEPTH = 8;

    private final Set<Node> layoutRows;
    private final StringBuilder out = new StringBuilder();
    private final Deque<ListCounter> lists = new ArrayDeque<>();
    private final Deque<OpenScript> scripts = new ArrayDeque<>();

    /** Line feeds that wait: 0, 1, or 2 for an empty line. */
    private int breaks;

    private boolean space;
    private final StringBuilder verbatimSpace = new StringBuilder();
    private String marker = "";
    private int separators;
    private boolean rowHasCell;
    private boolean inDataRow;
    private int verbatimDepth;
    /** Ends of the last scripts written, to be compared with the length of {@link #out}. */
    private int scriptEnd = -1;

    private int superscriptStart = -1;
    private int superscriptEnd = -1;

    private HtmlToText(Set<Node> layoutRows) {
        this.layoutRows = layoutRows;
    }

    static String convert(String html) {
        Document document = Jsoup.parse(html);
        HtmlToText text = new HtmlToText(layoutRows(document));
        document.filter(text);
        return text.out.toString().strip();
    }

    private static Set<Node> layoutRows(Document document) {
        Set<Node> layout = new HashSet<>();
        Deque<Node> open = new ArrayDeque<>();
        document.filter(new NodeFilter() {
            @Override
            public FilterResult head(Node node, int depth) {
                if (LAYOUT.contains(node.normalName()) && !open.isEmpty()) {
                    layout.add(open.peek());
                }
                if (isRow(node.normalName())) {
                    open.push(node);
                }
                return FilterResult.CONTINUE;
            }

            @Override
            public FilterResult tail(Node node, int depth) {
                if (isRow(node.normalName())) {
                    open.pop();
                }
                return FilterResult.CONTINUE;
            }
        });
        return layout;
    }

    @Override
    public FilterResult head(Node node, int depth) {
        if (node instanceof TextNode text) {
            write(text.getWholeText());
            return FilterResult.CONTINUE;
        }
        if (!(node instanceof Element element)) {
            return FilterResult.CONTINUE;
        }
        if (DROPPED.contains(element.normalName())) {
            return FilterResult.SKIP_ENTIRELY;
        }
        open(element);
        return FilterResult.CONTINUE;
    }

    @Override
    public FilterResult tail(Node node, int depth) {
        if (node instanceof Element element) {
            close(element);
        }
        return FilterResult.CONTINUE;
    }

    private void open(Element element) {
        String name = element.normalName();
        breakAround(name);
        if (name.equals("br")) {
            lineBreak();
        } else if (name.equals("img")) {
            writeAlternative(element.attr("alt"));
        } else if (VERBATIM.contains(name)) {
            verbatimDepth++;
        } else if (LISTS.contains(name)) {
            lists.push(new ListCounter(name.equals("ol"), start(element, "start", 1)));
        } else if (name.equals("li")) {
            marker = nextMarker(element);
        } else if (isRow(name)) {
            inDataRow = !layoutRows.contains(element);
            rowHasCell = false;
        } else if (isCell(name)) {
            startCell();
        } else if (isScript(element)) {
            scripts.push(new OpenScript());
        }
    }

    private void close(Element element) {
        String name = element.normalName();
        if (VERBATIM.contains(name)) {
            verbatimDepth--;
        } else if (LISTS.contains(name)) {
            lists.pop();
        } else if (name.equals("li")) {
            marker = "";
        } else if (isRow(name)) {
            separators = 0;
        } else if (isScript(element)) {
            endScript(scripts.pop().start, isSubscript(element) ? '_' : '^');
        }
        breakAround(name);
    }

    private void breakAround(String name) {
        if (isRow(name)) {
            inDataRow = false;
            breakLine(1);
        } else if (LISTS.contains(name)) {
            breakLine(lists.isEmpty() ? 2 : 1);
        } else if (PARAGRAPHS.contains(name) || VERBATIM.contains(name) || isCell(name)) {
            breakLine(2);
        } else if (LINES.contains(name) || name.equals("li")) {
            breakLine(1);
        }
    }

    private void breakLine(int lines) {
        if (inDataRow) {
            space = true;
        } else {
            breaks = Math.max(breaks, lines);
            space = false;
            verbatimSpace.setLength(0);
        }
    }

    private void lineBreak() {
        if (inDataRow) {
            space = true;
        } else if (verbatimDepth > 0) {
            verbatimSpace.append('\n');
        } else {
            breaks = Math.min(2, breaks + 1);
            space = false;
        }
    }

    private void startCell() {
        if (inDataRow && rowHasCell) {
            separators++;
        }
        rowHasCell = true;
    }

    private String nextMarker(Element item) {
        ListCounter list = lists.peek();
        String indent = "  ".repeat(Math.max(0, Math.min(lists.size(), MAX_INDENTED_DEPTH) - 1));
        if (list == null || !list.ordered) {
            return indent + "- ";
        }
        list.next = start(item, "value", list.next);
        return indent + list.next++ + ". ";
    }

    private static int start(Element element, String attribute, int otherwise) {
        String value = element.attr(attribute).strip();
        return value.matches("-?[0-9]{1,8}") ? Integer.parseInt(value) : otherwise;
    }

    /** An image stands apart from the words around it; without an alternative text it is nothing. */
    private void writeAlternative(String alternative) {
        if (TextCleaner.hasVisible(alternative)) {
            space = true;
            write(alternative);
            space = true;
        }
    }

    private void write(String raw) {
        String text = TextCleaner.clean(raw, visibleBefore());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!TextCleaner.isBlank(c)) {
                writeWaiting(c);
                startScripts();
                out.append(c);
            } else if (verbatimDepth > 0) {
                verbatimSpace.append(c);
            } else {
                space = true;
            }
        }
    }

    /** Writes the white space and markers that waited for this character. */
    private void writeWaiting(char next) {
        boolean newLine = breaks > 0 || out.length() == 0;
        if (newLine) {
            writeLineStart();
        } else if (separators > 0) {
            out.append(' ');
        } else if (verbatimSpace.length() > 0) {
            out.append(verbatimSpace);
        } else if (space || marksWouldMerge(next)) {
            out.append(' ');
        }
        out.append("| ".repeat(separators));
        verbatimSpace.setLength(0);
        breaks = 0;
        separators = 0;
        space = false;
    }

    private void writeLineStart() {
        if (out.length() > 0) {
            out.append("\n".repeat(breaks));
        }
        out.append(marker);
        marker = "";
        int firstLine = verbatimSpace.lastIndexOf("\n") + 1;
        out.append(verbatimSpace, firstLine, verbatimSpace.length());
    }

    /** {@code 2<sup>n</sup>k} must not become {@code 2^nk}, while {@code H<sub>2</sub>O} reads well as {@code H_2O}. */
    private boolean marksWouldMerge(char next) {
        if (scriptEnd != out.length()) {
            return false;
        }
        char last = out.charAt(scriptEnd - 1);
        return (Character.isLetter(last) && Character.isLetter(next))
                || (Character.isDigit(last) && Character.isDigit(next));
    }

    private int visibleBefore() {
        boolean apart = breaks > 0 || space || separators > 0 || verbatimSpace.length() > 0 || out.length() == 0;
        return apart ? ' ' : out.codePointBefore(out.length());
    }

    /** A script begins at its first visible character, behind the blanks and markers that waited. */
    private void startScripts() {
        for (OpenScript script : scripts) {
            if (script.start >= 0) {
                return;
            }
            script.start = out.length();
        }
    }

    private void endScript(int start, char mark) {
        if (start < 0 || !Scripts.mark(out, start, mark)) {
            return;
        }
        if (mark == '_' && Scripts.joinFraction(out, superscriptStart, superscriptEnd, start)) {
            return;
        }
        scriptEnd = out.length();
        if (mark == '^') {
            superscriptStart = start;
            superscriptEnd = scriptEnd;
        }
    }

    private static boolean isScript(Element element) {
        String name = element.normalName();
        return name.equals("sup") || name.equals("sub") || isSecondOf(element, "msup") || isSecondOf(element, "msub");
    }

    private static boolean isSubscript(Element element) {
        return element.normalName().equals("sub") || isSecondOf(element, "msub");
    }

    private static boolean isSecondOf(Element element, String parentName) {
        Element parent = element.parent();
        return parent != null && parent.normalName().equals(parentName) && element.previousElementSibling() != null;
    }

    private static Set<String> names(String separatedByBlanks) {
        return Set.of(separatedByBlanks.split(" "));
    }

    private static boolean isRow(String name) {
        return name.equals("tr") || name.equals("x-tr");
    }

    private static boolean isCell(String name) {
        return name.equals("td") || name.equals("th") || name.equals("x-td") || name.equals("x-th");
    }

    /** Where the text of an open sup or sub begins; negative until it has any. Owned by the walk. */
    private static final class OpenScript {
        private int start = -1;
    }

    /** Where a list stands. Owned by the walk. */
    private static final class ListCounter {
        private final boolean ordered;
        private int next;

        ListCounter(boolean ordered, int next) {
            this.ordered = ordered;
            this.next = next;
        }
    }
}
