package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.microsoft.playwright.Page;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class KeyboardTest {
    private static final int MOST_STOPS = 60;

    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    @Test
    void aPersonWithoutAMouseGetsFromTheLoginToTheLogOfABuild() throws Exception {
        site.addRecords("notes", 3);
        site.addRecords("problems", 2);
        site.build();
        site.addRecord("notes", "new", "a new text");
        site.addRecord("problems", "new", "another new text");
        site.serve();
        Page page = chrome.visit(site, "en").open(AdminPage.PATH);
        AdminPage admin = new AdminPage(page);

        assertThat(page.getByTestId("login-secret")).isFocused();
        page.keyboard().type(Site.SECRET);
        page.keyboard().press("Enter");
        admin.awaitConnection("live");
        tabTo(page, "form-source");
        page.keyboard().type("notes");
        tabTo(page, "form-dry-run");
        page.keyboard().press("Space");
        tabTo(page, "form-submit");
        page.keyboard().press("Enter");
        assertThat(admin.part("estimate-to-embed")).hasText("1");
        tabTo(page, "estimate-start");
        page.keyboard().press("Enter");
        assertThat(admin.number("notes", "embedded")).hasText("4");
        tabTo(page, "job-log");
        page.keyboard().press("Enter");

        assertThat(admin.part("log-text")).not().isEmpty();
        assertThat(admin.number("problems", "embedded")).hasText("2");
    }

    @Test
    void theFirstStopSkipsToTheContent() {
        site.serve();
        AdminPage page = chrome.visit(site, "en").logIn();
        page.awaitConnection("live");

        page.page().keyboard().press("Tab");
        page.page().keyboard().press("Enter");

        assertThat(page.page().locator("main")).isFocused();
    }

    /** Goes from stop to stop, forward, each of which must be seen to have the focus. */
    private static void tabTo(Page page, String testId) {
        for (int stop = 0; stop < MOST_STOPS; stop++) {
            page.keyboard().press("Tab");
            Object seen = page.evaluate("""
                    () => {
                      const element = document.activeElement;
                      if (element === document.body) return 'body';
                      const style = getComputedStyle(element);
                      const visible = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
                      return visible ? element.dataset.testid || element.tagName : 'unseen ' + element.outerHTML;
                    }
                    """);
            assertThat(seen.toString()).doesNotStartWith("unseen");
            if (seen.equals(testId)) {
                return;
            }
        }
        throw new AssertionError("no way to " + testId + " with the Tab key");
    }
}
