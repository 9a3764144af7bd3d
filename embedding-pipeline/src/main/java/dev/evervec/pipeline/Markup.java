package dev.evervec.pipeline;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jsoup.parser.Tag;
import org.jspecify.annotations.Nullable;

/**
 * Tells markup from text that merely has a {@code <} in it, such as {@code x<y}, {@code List<String>} or
 * {@code #include <map>}.
 *
 * <p>A {@code <} surely opens a tag if it begins
 *
 * <ul>
 *   <li>a closing tag,
 *   <li>an opening tag of a name that is closed somewhere in the content,
 *   <li>an opening tag of a known element with an attribute that has a value, or
 *   <li>an opening tag of a known element that is often left open ({@code <br>}, {@code <p>}, {@code <li>}), written
 *       in one case.
 * </ul>
 *
 * Content is HTML if it surely has a tag of a known element, or has a comment or a document type. In HTML any other
 * known element in one case counts as a tag too, and every {@code <} that is left is escaped before parsing, because
 * a parser would take {@code <y and z} for a tag and drop the words.
 */
final class Markup {
    private static final Pattern CLOSING = Pattern.compile("</([A-Za-z][A-Za-z0-9:-]*+)\\s*+>");
    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9:-]*+");
    private static final Pattern NO_ATTRIBUTES = Pattern.compile("\\s*+/?+>");
    private static final Pattern ATTRIBUTE_WITH_VALUE = Pattern.compile("[\\s/]++[A-Za-z_:@][\\w:.-]*+\\s*+=");
    private static final Pattern ATTRIBUTES_ONLY = Pattern.compile("[\\s/]++(?:[A-Za-z_:@][\\w:.-]*+[\\s/]*+)++[=>]");
    private static final Pattern DECLARATION =
            Pattern.compile("<(?:!doctype\\b|\\?xml\\b|!\\[(?:CDATA\\[|if\\b|endif\\b))", Pattern.CASE_INSENSITIVE);
    private static final Pattern TABLE = Pattern.compile("<table\\b", Pattern.CASE_INSENSITIVE);
    private static final Pattern STRAY_CELL = Pattern.compile("<(/?)(tr|td|th)(?=[\\s/>])", Pattern.CASE_INSENSITIVE);
    private static final Set<String> LEFT_OPEN =
            Set.of(("br hr img wbr p li td th tr dt dd thead tbody tfoot html body head div span ul "
                            + "ol table pre center h1 h2 h3 h4 h5 h6 blockquote script style")
                    .split(" "));

    private static final Markup NONE = new Markup("");

    private final String content;
    private final Set<String> closed = new HashSet<>();
    private final int lastCommentEnd;
    private final StringBuilder protectedHtml;
    private boolean html;

    private Markup(String content) {
        this.content = content;
        this.protectedHtml = new StringBuilder(content.length() + 16);
        this.lastCommentEnd = content.lastIndexOf("-->");
    }

    static Markup of(String content) {
        if (content.indexOf('<') < 0) {
            return NONE;
        }
        Markup markup = new Markup(content);
        markup.collectClosed();
        markup.scan();
        return markup;
    }

    boolean isHtml() {
        return html;
    }

    /**
     * The content with every {@code <} escaped that opens no tag, CDATA brackets opened, and, where there is no
     * table around them, rows and cells renamed to {@code x-tr}, {@code x-td} and {@code x-th}: an HTML parser drops
     * stray ones and glues their words together.
     */
    String protectedHtml() {
        String result = protectedHtml.toString();
        if (!TABLE.matcher(result).find()) {
            result = STRAY_CELL.matcher(result).replaceAll("<$1x-$2");
        }
        return result.contains("<![CDATA[") ? result.replace("<![CDATA[", "").replace("]]>", "") : result;
    }

    private void collectClosed() {
        Matcher closing = CLOSING.matcher(content);
        while (closing.find()) {
            closed.add(lower(closing.group(1)));
        }
    }

    private void scan() {
        int from = 0;
        for (int at = content.indexOf('<'); at >= 0; at = content.indexOf('<', from)) {
            protectedHtml.append(content, from, at);
            from = at + 1;
            if (content.startsWith("<!--", at) && at + 4 <= lastCommentEnd) {
                html = true;
                from = content.indexOf("-->", at + 4) + 3;
            } else {
                protectedHtml.append(isTag(at) ? "<" : "&lt;");
            }
        }
        protectedHtml.append(content, from, content.length());
    }

    private boolean isTag(int at) {
        if (lookingAt(DECLARATION, at) != null) {
            html = true;
            return true;
        }
        Matcher closing = lookingAt(CLOSING, at);
        Matcher name = closing == null ? lookingAt(NAME, at + 1) : null;
        if (closing == null && name == null) {
            return false;
        }
        String element = closing != null ? closing.group(1) : name == null ? "" : name.group();
        boolean known = isKnown(lower(element));
        boolean sure = closing != null || surelyOpens(element, known, at);
        html |= sure && known;
        return sure || (known && perhapsOpens(element, at));
    }

    private boolean surelyOpens(String name, boolean known, int at) {
        int end = at + 1 + name.length();
        if (closed.contains(lower(name))) {
            return hasTagEnd(name, end);
        }
        return known
                && (lookingAt(ATTRIBUTE_WITH_VALUE, end) != null
                        || (LEFT_OPEN.contains(lower(name)) && perhapsOpens(name, at)));
    }

    /** {@code <P>} right behind a letter is a type parameter, {@code <Div>} a type. */
    private boolean perhapsOpens(String name, int at) {
        boolean oneCase = name.equals(lower(name)) || name.equals(name.toUpperCase(Locale.ROOT));
        boolean typeParameter =
                name.length() == 1 && !name.equals("p") && at > 0 && Character.isLetterOrDigit(content.charAt(at - 1));
        return oneCase && !typeParameter && hasTagEnd(name, at + 1 + name.length());
    }

    /** {@code a <b and c>} compares: an element named by one letter needs a value in its attributes. */
    private boolean hasTagEnd(String name, int end) {
        return lookingAt(NO_ATTRIBUTES, end) != null
                || lookingAt(name.length() > 1 ? ATTRIBUTES_ONLY : ATTRIBUTE_WITH_VALUE, end) != null;
    }

    private @Nullable Matcher lookingAt(Pattern pattern, int at) {
        Matcher matcher = pattern.matcher(content).region(at, content.length());
        return matcher.lookingAt() ? matcher : null;
    }

    private static boolean isKnown(String name) {
        return Tag.isKnownTag(name) || name.equals("math") || name.equals("svg");
    }

    private static String lower(String name) {
        return name.toLowerCase(Locale.ROOT);
    }
}
