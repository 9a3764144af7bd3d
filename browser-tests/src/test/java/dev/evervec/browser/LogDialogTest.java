package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import com.microsoft.playwright.Locator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class LogDialogTest {
    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    private final Gallery gallery = new Gallery(chrome);

    @Test
    void theLogOpensAndClosesByKeyboardAndGivesTheFocusBack() {
        site.addRecords("notes", 2);
        site.addRecord("notes", "refused", "an " + HouseModel.UNEMBEDDABLE + " text");
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");
        page.submit();
        page.awaitState("failed");
        Locator button = page.historyRow(0).getByTestId("history-log");

        button.focus();
        page.page().keyboard().press("Enter");

        assertThat(page.part("log-dialog")).isVisible();
        assertThat(page.part("log-text")).containsText("refused");
        assertThat(page.part("log-dialog").locator(":focus")).hasCount(1);
        page.page().keyboard().press("Escape");
        assertThat(page.part("log-dialog")).isHidden();
        assertThat(button).isFocused();
        gallery.show("log", visit, there -> {
            there.part("job-log").click();
            assertThat(there.part("log-text")).containsText("refused");
        });
    }

    @Test
    void theLogOfARunningJobIsThereToo() {
        site.addRecords("notes", 4);
        site.model().embeddings().hold();
        site.serve();
        AdminPage page = chrome.visit(site, "en").logIn();
        page.awaitConnection("live");
        page.submit();
        page.awaitState("running");

        page.part("job-log").click();

        assertThat(page.part("log-text")).not().isEmpty();
        page.part("log-close").click();
        assertThat(page.part("log-dialog")).isHidden();
        assertThat(page.part("job-log")).isFocused();
    }

    @Test
    void theLogOutlivesTheServer() throws Exception {
        site.addRecords("notes", 2);
        site.addRecord("notes", "refused", "an " + HouseModel.UNEMBEDDABLE + " text");
        site.build();
        site.serve();
        AdminPage page = chrome.visit(site, "en").logIn();
        page.awaitConnection("live");

        page.historyRow(0).getByTestId("history-log").click();

        assertThat(page.part("log-text")).containsText("refused");
    }
}
