package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.LocatorAssertions;

/** The admin page in a tab: its parts by what they are for. */
record AdminPage(Page page) {
    static final String PATH = "/admin/embeddings";

    /** For what a process or a build takes; what is there at once is found at once. */
    private static final double PATIENCE = 30_000;

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
        assertThat(job()).hasAttribute("data-state", state, patiently());
    }

    void awaitConnection(String state) {
        assertThat(part("connection")).hasAttribute("data-state", state, patiently());
    }

    /** Waits until a progress bar is so far. */
    void awaitBar(String bar, int done, int total) {
        assertThat(part(bar))
                .hasJSProperty("value", done, new LocatorAssertions.HasJSPropertyOptions().setTimeout(PATIENCE));
        assertThat(part(bar))
                .hasJSProperty("max", total, new LocatorAssertions.HasJSPropertyOptions().setTimeout(PATIENCE));
    }

    void submit() {
        part("form-submit").click();
    }

    /** Presses a button and waits until the page shows the job that it started. */
    void startBy(String button) {
        String before = job().getAttribute("data-job-id");
        part(button).click();
        assertThat(job()).not().hasAttribute("data-job-id", before, patiently());
    }

    /** Waits until a part has this text. */
    void awaitText(String testId, String text) {
        assertThat(part(testId)).containsText(text, new LocatorAssertions.ContainsTextOptions().setTimeout(PATIENCE));
    }

    private static LocatorAssertions.HasAttributeOptions patiently() {
        return new LocatorAssertions.HasAttributeOptions().setTimeout(PATIENCE);
    }
}
