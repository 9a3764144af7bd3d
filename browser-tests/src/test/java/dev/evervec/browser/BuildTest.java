package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Jobs from the form to their end. */
class BuildTest {
    private static final Pattern SOME_NUMBER = Pattern.compile("\\d");

    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    private final Gallery gallery = new Gallery(chrome);

    @Test
    void aDryRunShowsWhatABuildWouldCostAndOneClickStartsIt() {
        site.addRecords("notes", 5);
        site.addRecords("problems", 3);
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.part("form-dry-run").check();
        page.startBy("form-submit");

        page.awaitState("completed");
        assertThat(page.part("estimate-to-embed")).hasText("8");
        assertThat(page.part("estimate-cost")).hasText(SOME_NUMBER);
        assertThat(site.model().requests()).as("nothing was spent").isZero();
        gallery.show(
                "dry-run", visit, there -> assertThat(there.part("estimate")).isVisible());

        page.startBy("estimate-start");

        page.awaitState("completed");
        assertThat(page.number("notes", "embedded")).hasText("5");
        assertThat(page.number("problems", "embedded")).hasText("3");
        assertThat(site.model().embedded()).hasSize(8);
    }

    @Test
    void bothBarsMoveAndRateTimeTokensAndCostAreShown() {
        site.configureRewriting();
        site.addRecords("notes", 12);
        site.model().rewrites().hold();
        site.model().embeddings().hold();
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.submit();

        page.awaitState("running");
        page.awaitBar("rewrite-bar", 0, 12);
        page.awaitBar("embed-bar", 0, 12);
        int rewritten = 0;
        do { // a rate takes two seconds to tell
            rewritten++;
            site.model().rewrites().letThrough(1);
            site.model().embeddings().letThrough(1);
            page.awaitBar("rewrite-bar", rewritten, 12);
        } while (rewritten < 10 && page.part("job-rate").textContent().equals("–"));
        assertThat(page.part("embed-bar")).not().hasJSProperty("value", 0);
        assertThat(page.part("job-rate")).hasText(SOME_NUMBER);
        assertThat(page.part("job-eta")).hasText(SOME_NUMBER);
        assertThat(page.part("job-tokens")).hasText(SOME_NUMBER);
        assertThat(page.part("job-cost")).containsText("$");
        gallery.show("running", visit, there -> there.awaitState("running"));
        site.model().embeddings().hold();
        site.model().rewrites().open();
        page.awaitBar("rewrite-bar", 12, 12);
        assertThat(page.job()).hasAttribute("data-phase", "embedding");
        site.model().embeddings().open();
        page.awaitState("completed");
        assertThat(page.number("notes", "embedded")).hasText("12");
        assertThat(page.part("job-summary")).isVisible();
    }

    @Test
    void theEndOfAJobTellsWhatBecameOfEveryRecordAndWhy() {
        site.configureRewriting();
        site.addRecords("notes", 4);
        site.addRecord("notes", "markup", "<p> </p>");
        site.addRecord("notes", "refused", "an " + HouseModel.UNEMBEDDABLE + " text");
        site.addRecord("notes", "unchanged", "an " + HouseModel.UNREWRITABLE + " text");
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.submit();

        page.awaitState("failed");
        assertThat(page.part("summary-total")).hasText("7");
        assertThat(page.part("summary-rows").locator("td")).hasText(new String[] {"4", "1", "1", "1"});
        assertThat(page.historyRow(0)).hasAttribute("data-state", "failed");
        assertThat(page.number("notes", "failed")).hasText("1");
        assertThat(page.number("notes", "skipped")).hasText("2");
        assertThat(page.part("costs-chart")).isVisible();
        assertThat(page.part("health-rate")).hasText("80%");
        gallery.show("failed", visit, there -> there.awaitState("failed"));
    }

    @Test
    void whatFailedIsTriedAgain() {
        site.addRecords("notes", 2);
        site.addRecord("notes", "refused", "an " + HouseModel.UNEMBEDDABLE + " text");
        site.serve();
        AdminPage page = chrome.visit(site, "en").logIn();
        page.awaitConnection("live");
        page.submit();
        page.awaitState("failed");

        site.model().refuseNothing();
        page.startBy("retry-failed");

        page.awaitState("completed");
        assertThat(page.number("notes", "embedded")).hasText("3");
        assertThat(page.number("notes", "failed")).hasText("0");
    }

    @Test
    void aRebuildWarnsOfItsPriceBeforeItIsStarted() throws Exception {
        site.addRecords("notes", 3);
        site.build();
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");
        assertThat(page.part("form-rebuild-warning")).isHidden();

        page.part("form-rebuild").check();

        assertThat(page.part("form-rebuild-warning")).isVisible();
        gallery.show("rebuild", visit, there -> {
            there.part("form-rebuild").check();
            assertThat(there.part("form-rebuild-warning")).isVisible();
        });
        page.startBy("form-submit");
        page.awaitState("completed");
        assertThat(site.model().embedded()).as("all are embedded anew").hasSize(6);
    }

    @Test
    void aJobStopsAtItsBudgetAndSaysSo() {
        site.addRecords("notes", 8);
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.part("form-budget").fill("0.05");
        page.submit();

        page.awaitState("completed");
        assertThat(page.part("job-stopped-by")).isVisible();
        assertThat(page.part("summary-total")).hasText("8");
        assertThat(page.number("notes", "pending")).not().hasText("0");
        gallery.show(
                "budget",
                visit,
                there -> assertThat(there.part("job-stopped-by")).isVisible());
    }

    @Test
    void aMistakeInTheFormIsSaidWhereItIs() {
        site.addRecords("notes", 1);
        site.serve();
        Visit visit = chrome.visit(site, "en");
        visit.watch().expect("status of 400");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        gallery.show("form-error", visit, there -> {
            there.part("form-batch-size").fill("100000");
            there.submit();
            assertThat(there.part("form-error")).isVisible();
            assertThat(there.part("form-batch-size")).hasAttribute("aria-invalid", "true");
        });

        assertThat(site.model().requests()).isZero();
    }

    @Test
    void aJobThatTheProviderHoldsUpSaysSo() {
        site.addRecords("notes", 4);
        site.model().goDown();
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.submit();

        assertThat(page.part("job-held-up-text")).containsText("503");
        gallery.show(
                "held-up", visit, there -> assertThat(there.part("job-held-up")).isVisible());
        page.part("job-cancel").click();
        page.awaitState("cancelled");
    }
}
