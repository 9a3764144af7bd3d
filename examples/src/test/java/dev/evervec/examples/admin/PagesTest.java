package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The pages as a browser gets them, and what their scripts may not do. */
class PagesTest {
    private static final String HOSTILE = "\"><script>alert('1')</script>&{{t.title}}";

    private final Pages pages = new Pages();

    @ParameterizedTest
    @EnumSource(Language.class)
    void aPageIsInItsLanguageAndOffersTheOthers(Language language) {
        String title = Messages.of(language).text("title");

        String page = pages.embeddings(language, "token");

        assertThat(page)
                .startsWith("<!DOCTYPE html>")
                .contains("<html lang=\"" + language.tag() + "\">", "<title>" + title + " · Evervec</title>")
                .doesNotContain("{{", "}}");
        for (Language other : Language.ALL) {
            String button = "lang=\"" + other.tag() + "\" data-testid=\"lang-" + other.tag() + "\""
                    + (other == language ? " aria-current=\"true\"" : "") + ">" + other.ownName() + "<";
            assertThat(page).contains(button);
            assertThat(pages.login(language, null, 0)).contains(button);
        }
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void equalPagesAreEqualBytes(Language language) {
        assertThat(new Pages().embeddings(language, "token")).isEqualTo(pages.embeddings(language, "token"));
    }

    @Test
    void whatIsFilledInIsEscaped() {
        String page = pages.embeddings(Language.EN, HOSTILE);

        assertThat(page).contains("&lt;script&gt;").doesNotContain("<script>alert");
        assertThat(attribute(page, "csrf-token")).isEqualTo(HOSTILE);
    }

    @Test
    void theScriptGetsTheWordsOfThePage() {
        assertThat(attribute(pages.embeddings(Language.ZH_TW, "token"), "messages"))
                .startsWith("{\"about\":")
                .contains("\"kind_rebuild\":\"重新建立\"");
    }

    @Test
    void aLoginThatFailedSaysWhy() {
        assertThat(pages.login(Language.EN, null, 0)).doesNotContain("login-error", "role=\"alert\"");
        assertThat(pages.login(Language.EN, "login_wrong", 0))
                .contains("role=\"alert\"", "That is not the secret.", "aria-describedby=\"login-error\"");
        assertThat(pages.login(Language.EN, "login_wait", 1234)).contains("1,234 s");
        assertThat(pages.login(Language.ZH_CN, "login_wait", 30)).contains("请在 30 秒后重试");
        assertThatThrownBy(() -> pages.login(Language.EN, "no_such_key", 0))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void nothingOnAPageIsAgainstItsSecurityPolicy() {
        for (String page : List.of(pages.embeddings(Language.EN, "token"), pages.login(Language.EN, null, 0))) {
            assertThat(page)
                    .doesNotContainPattern("<script(?![^>]* src=)")
                    .doesNotContainPattern("<style|\\sstyle=|\\son\\w+=|javascript:")
                    .doesNotContainPattern("(?:src|href|action)=\"(?:\\w+:|/)");
        }
    }

    @Test
    void everyFileThatThePagesNeedIsThereAndNeeded() throws IOException {
        for (String name : Pages.ASSETS) {
            assertThat(Pages.class.getResource(name)).as(name).isNotNull();
        }
        String sources = PageFiles.all(".mustache") + PageFiles.all(".js");
        Matcher needed =
                Pattern.compile("(?:\"assets/|from '\\./)([\\w.]+)[\"']").matcher(sources);

        assertThat(needed.results().map(found -> found.group(1)).distinct())
                .containsExactlyInAnyOrderElementsOf(Pages.ASSETS);
    }

    @Test
    void scriptsMakeNoMarkupOfTexts() throws IOException {
        for (Path script : PageFiles.list(".js")) {
            assertThat(Files.readString(script))
                    .as(script.toString())
                    .doesNotContainPattern(
                            "innerHTML|outerHTML|insertAdjacentHTML|document\\.write|createContextualFragment")
                    .doesNotContainPattern("\\beval\\b|\\bFunction\\(|setTimeout\\(['\"`]|setInterval\\(['\"`]|srcdoc");
        }
    }

    @Test
    void nothingComesFromElsewhere() throws IOException {
        String all = PageFiles.all(".mustache") + PageFiles.all(".js") + PageFiles.all(".css") + PageFiles.all(".svg");

        assertThat(all.replace("http://www.w3.org/2000/svg", ""))
                .doesNotContainPattern("https?:|@import|url\\(|['\"]//");
    }

    @Test
    void scriptsFindOnlyWhatIsOnThePage() throws IOException {
        String page = pages.embeddings(Language.EN, "token");
        Matcher names =
                Pattern.compile("\\b(?:find|put|show|list|rows)\\('([\\w-]+)'").matcher(PageFiles.all(".js"));

        assertThat(names.results().map(found -> "data-testid=\"" + found.group(1) + "\""))
                .hasSizeGreaterThan(50)
                .allSatisfy(name -> assertThat(page).contains(name));
    }

    @Test
    void everyFieldAndEveryProgressBarHasALabel() {
        String page = pages.embeddings(Language.EN, "token");

        Matcher fields = Pattern.compile("<(?:input|select) id=\"([\\w-]+)\"").matcher(page);
        assertThat(fields.results().map(field -> "<label for=\"" + field.group(1) + "\""))
                .hasSize(6)
                .allSatisfy(label -> assertThat(page).contains(label));
        Matcher bars =
                Pattern.compile("<progress aria-labelledby=\"([\\w-]+)\"").matcher(page);
        assertThat(bars.results().map(bar -> "id=\"" + bar.group(1) + "\""))
                .hasSize(3)
                .allSatisfy(label -> assertThat(page).contains(label));
    }

    /** What a browser reads from the content of this meta element. */
    private static String attribute(String page, String name) {
        Matcher meta = Pattern.compile("<meta name=\"" + name + "\" content=\"([^\"]*)\">")
                .matcher(page);
        assertThat(meta.find()).isTrue();
        return meta.group(1)
                .replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&#39;", "'")
                .replace("&#61;", "=")
                .replace("&#96;", "`")
                .replace("&#10;", "\n")
                .replace("&amp;", "&");
    }
}
