package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;

/** The admin page in a tab: its parts by what they are for. */
record AdminPage(Page page) {
    static final String PATH = "/admin/embeddings";

    /** A part of the page. */
    Locator part(String testId) {
        return page.getByTestId(testId);
    }

    Locator card(String source) {
        return page.locator("[data-testid=card][data-source='" + source + "']");
    }

    Locator number(String source, String of) {
        return card(source).getByTestId("card-" + of);
    }

    Locator job() {
        return part("job");
    }

    Locator historyRow(int number) {
        return part("history-row").nth(number);
    }

    void awaitState(String state) {
        assertThat(job()).hasAttribute("data-state", state);
    }

    void awaitConnection(String state) {
        assertThat(part("connection")).hasAttribute("data-state", state);
    }

    /** Waits until a progress bar is so far. */
    void awaitBar(String bar, int done, int total) {
        assertThat(part(bar)).hasJSProperty("value", done);
        assertThat(part(bar)).hasJSProperty("max", total);
    }

    void submit() {
        part("form-submit").click();
    }

    /** Presses a button and waits until the page shows the job that it started. */
    void startBy(String button) {
        String before = job().getAttribute("data-job-id");
        part(button).click();
        assertThat(job()).not().hasAttribute("data-job-id", before);
    }
}
