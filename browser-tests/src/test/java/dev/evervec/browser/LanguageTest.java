package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LanguageTest {
    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    @BeforeEach
    void buildAndServe() throws Exception {
        site.addRecords("notes", 1234);
        site.configureBatches(500);
        site.build();
        site.serve();
    }

    @ParameterizedTest
    @CsvSource({"en, Log in", "zh-TW, 登入", "zh-CN, 登录"})
    void thePageSpeaksTheLanguageThatTheBrowserAsksFor(String language, String logIn) {
        Visit visit = chrome.visit(site, language);

        Page login = visit.open("/admin/login");
        assertThat(login.locator("html")).hasAttribute("lang", language);
        assertThat(login.getByTestId("login-submit")).hasText(logIn);
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        assertThat(page.page().locator("html")).hasAttribute("lang", language);
        assertThat(page.number("notes", "embedded")).hasText("1,234");
        assertThat(page.part("as-of").locator("time"))
                .hasText((String) page.page().evaluate("""
                        language => new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' })
                          .format(new Date(document.querySelector('[data-testid=as-of] time').dateTime))
                        """, language));
    }

    @Test
    void aChosenLanguageStaysChosen() {
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        for (String language : List.of("zh-TW", "zh-CN", "en", "zh-TW")) {
            page.part("lang-" + language).click();

            assertThat(page.page().locator("html")).hasAttribute("lang", language);
            assertThat(page.page()).hasURL(site.url(AdminPage.PATH));
            page.awaitConnection("live");
        }
        page.page().reload();
        assertThat(page.page().locator("html")).hasAttribute("lang", "zh-TW");
        visit.watch().expect("status of 401"); // of what the page was still asking for
        page.part("logout").click();
        assertThat(page.part("login-submit")).hasText("登入");
        page.part("lang-zh-CN").click();
        assertThat(page.part("login-submit")).hasText("登录");
        assertThat(page.page()).hasURL(site.url("/admin/login"));
    }

    /** What is the same in English and in Chinese was not translated, unless it is a name or a number. */
    @ParameterizedTest
    @CsvSource({"zh-TW", "zh-CN"})
    void noWordOfThePageIsLeftInEnglish(String language) {
        AdminPage english = chrome.visit(site, "en").logIn();
        AdminPage chinese = chrome.visit(site, language).logIn();
        english.awaitConnection("live");
        chinese.awaitConnection("live");
        assertThat(english.part("history-row")).hasCount(1);
        assertThat(chinese.part("history-row")).hasCount(1);

        List<String> left = texts(chinese.page());
        left.retainAll(texts(english.page()));

        assertThat(left)
                .isNotEmpty()
                .allMatch(text ->
                        text.matches("[^\\p{IsAlphabetic}]*|notes|English|繁體中文|简体中文" + "|[A-Za-z0-9._-]{8,64}"));
    }

    @SuppressWarnings("unchecked")
    private static List<String> texts(Page page) {
        return (List<String>) page.evaluate("""
                () => {
                  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT,
                    node => node.parentElement.closest('code, script, [lang=en]:not(html), template') ||
                      !node.parentElement.checkVisibility()
                      ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
                  const texts = [];
                  while (walker.nextNode()) {
                    const text = walker.currentNode.data.trim();
                    if (text) texts.push(text);
                  }
                  document.querySelectorAll('[aria-label], [placeholder], [title]').forEach(element =>
                    ['aria-label', 'placeholder', 'title'].forEach(name => {
                      const text = element.getAttribute(name);
                      if (text) texts.push(text);
                    }));
                  return texts;
                }
                """);
    }
}
