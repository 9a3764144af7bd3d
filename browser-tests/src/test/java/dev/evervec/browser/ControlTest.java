package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A job that is under way, seen and stopped from wherever somebody looks. */
class ControlTest {
    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    private final Gallery gallery = new Gallery(chrome);

    @BeforeEach
    void serve() {
        site.addRecords("notes", 8);
        site.model().embeddings().hold();
        site.serve();
    }

    @Test
    void aSecondBuildIsRefusedInWordsInEveryTab() {
        Visit visit = chrome.visit(site, "en");
        visit.watch().expect("status of 409");
        AdminPage first = visit.logIn();
        first.awaitConnection("live");
        AdminPage second = visit.adminPage();
        second.awaitConnection("live");
        first.submit();
        first.awaitState("running");

        first.submit();
        second.submit();

        for (AdminPage page : new AdminPage[] {first, second}) {
            assertThat(page.part("form-error")).isVisible();
            assertThat(page.part("form-error")).containsText("running");
        }
        gallery.show("refused", visit, there -> {
            there.submit();
            assertThat(there.part("form-error")).isVisible();
        });
        assertThat(second.part("history-row")).hasCount(1);
    }

    @Test
    void twoTabsAgree() {
        Visit visit = chrome.visit(site, "en");
        AdminPage first = visit.logIn();
        AdminPage second = visit.adminPage();
        first.awaitConnection("live");
        second.awaitConnection("live");

        first.submit();

        first.awaitState("running");
        second.awaitState("running");
        String id = first.job().getAttribute("data-job-id");
        assertThat(second.job()).hasAttribute("data-job-id", id);
        site.model().embeddings().letThrough(1);
        first.awaitBar("embed-bar", 2, 8);
        second.awaitBar("embed-bar", 2, 8);
        site.model().embeddings().open();
        first.awaitState("completed");
        second.awaitState("completed");
        assertThat(first.number("notes", "embedded")).hasText("8");
        assertThat(second.number("notes", "embedded")).hasText("8");
        assertThat(second.historyRow(0)).hasAttribute("data-job-id", id);
    }

    @Test
    void aCancelledJobKeepsWhatIsDone() {
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");
        page.submit();
        site.model().embeddings().letThrough(1);
        page.awaitBar("embed-bar", 2, 8);

        page.part("job-cancel").click();

        page.awaitState("cancelled");
        assertThat(page.number("notes", "embedded")).hasText("2");
        assertThat(page.number("notes", "pending")).hasText("6");
        assertThat(page.historyRow(0)).hasAttribute("data-state", "cancelled");
        gallery.show("cancelled", visit, there -> there.awaitState("cancelled"));
    }

    @Test
    void aJobOfAnotherProcessIsShownAndCancelledFromThePage() throws Exception {
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        Process build = site.buildElsewhere();

        page.awaitState("running");
        assertThat(page.part("job-elsewhere")).isVisible();
        site.model().embeddings().letThrough(1);
        page.awaitBar("embed-bar", 2, 8);
        gallery.show(
                "elsewhere",
                visit,
                there -> assertThat(there.part("job-elsewhere")).isVisible());
        page.part("job-cancel").click();
        page.awaitState("cancelled");
        assertThat(build.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(build.exitValue()).isEqualTo(1);
        assertThat(page.number("notes", "embedded")).hasText("2");
    }

    @Test
    void progressComesByPollingWhereEventsDoNotGetThrough() {
        Visit visit = chrome.visit(site, "en");
        visit.watch().expect("net::ERR_FAILED");
        blockEvents(visit);

        AdminPage page = visit.logIn();

        page.awaitConnection("polling");
        for (String language : Gallery.LANGUAGES) {
            Visit other = chrome.same(visit, language);
            blockEvents(other);
            AdminPage there = other.adminPage();
            there.awaitConnection("polling");
            gallery.pictures("polling", other, there.page());
            other.context().close();
        }
        page.submit();
        site.model().embeddings().letThrough(2);
        page.awaitBar("embed-bar", 4, 8);
        site.model().embeddings().open();
        page.awaitState("completed");
        assertThat(page.number("notes", "embedded")).hasText("8");
    }

    private static void blockEvents(Visit visit) {
        visit.context().route("**/api/embeddings/events", route -> route.abort());
    }

    @Test
    void aKilledServerLosesNothingAndItsJobIsResumedByOneClick() throws Exception {
        Visit visit = chrome.visit(site, "en");
        visit.watch().expect("net::ERR_");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");
        page.submit();
        site.model().embeddings().letThrough(2);
        page.awaitBar("embed-bar", 4, 8);
        String killed = page.job().getAttribute("data-job-id");
        Map<Visit, AdminPage> others = new LinkedHashMap<>();
        for (String language : Gallery.LANGUAGES) {
            Visit other = chrome.same(visit, language);
            AdminPage there = other.adminPage();
            there.awaitState("running");
            others.put(other, there);
        }

        site.kill();

        page.awaitConnection("lost");
        others.forEach((other, there) -> {
            there.awaitConnection("lost");
            gallery.pictures("lost", other, there.page());
            other.context().close();
        });

        site.serve();

        page.awaitConnection("live");
        page.awaitState("interrupted");
        assertThat(page.job()).hasAttribute("data-job-id", killed);
        gallery.show("interrupted", visit, there -> there.awaitState("interrupted"));

        site.model().embeddings().open();
        page.startBy("job-resume");

        page.awaitState("completed");
        assertThat(page.part("job-resumes")).hasText(killed);
        assertThat(page.number("notes", "embedded")).hasText("8");
        assertThat(site.model().embedded()).hasSize(8).doesNotHaveDuplicates();
        assertThat(page.historyRow(1)).hasAttribute("data-state", "interrupted");
    }
}
