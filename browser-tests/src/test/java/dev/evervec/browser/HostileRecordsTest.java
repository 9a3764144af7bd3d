package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import com.microsoft.playwright.Locator;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Whatever a table holds is shown as text. That no script ran and no dialog came up, {@link Watch} sees to in every test. */
class HostileRecordsTest {
    private static final String SCRIPT = "<script>window.pwned=1;alert(1)</script>";
    private static final String IMAGE = "<img src=x onerror=window.pwned=1>";
    private static final String QUOTES = "\"'><svg onload=window.pwned=1>`${window.pwned=1}`{{csrf}}";
    private static final String RIGHT_TO_LEFT = "bidi\u202Egpj.exe\u2066";
    private static final String LONG = "long-" + "x".repeat(500);
    private static final List<String> IDS = List.of(SCRIPT, IMAGE, QUOTES, RIGHT_TO_LEFT, LONG);

    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    private final Gallery gallery = new Gallery(chrome);

    @Test
    void idsAndSourcesAndFiltersAndLogLinesAreShownAsText() {
        for (String id : IDS) {
            site.addRecord(IMAGE, id, "an " + HouseModel.UNEMBEDDABLE + " text of " + id.hashCode());
        }
        site.addRecord(SCRIPT, "a", "text");
        site.addRecord("s".repeat(128), "b", "text");
        site.serve();
        Visit visit = chrome.visit(site, "en");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.submit();

        page.awaitState("failed");
        assertThat(page.page().getByTestId("card").filter(new Locator.FilterOptions().setHasText(IMAGE)))
                .hasCount(1);
        assertThat(page.page().getByTestId("card").filter(new Locator.FilterOptions().setHasText(SCRIPT)))
                .hasCount(1);
        assertThat(page.part("form-source").locator("option")).hasCount(4);
        page.part("job-log").click();
        for (String id : IDS) {
            assertThat(page.part("log-text"))
                    .containsText(id.equals(RIGHT_TO_LEFT) ? "bidi[U+202E]gpj.exe[U+2066]" : id);
        }
        assertThat(page.page().locator("main script, main img, main svg[onload], dialog img, dialog script"))
                .hasCount(0);
        gallery.show("hostile", visit, there -> there.awaitState("failed"));
        gallery.show("hostile-log", visit, there -> {
            there.part("job-log").click();
            assertThat(there.part("log-text")).containsText(LONG);
        });
    }

    @Test
    void aFilterIsShownAsText() {
        site.addRecord("notes", QUOTES, "text");
        site.serve();
        AdminPage page = chrome.visit(site, "en").logIn();
        page.awaitConnection("live");

        page.part("form-filter").fill(QUOTES);
        page.submit();

        page.awaitState("completed");
        assertThat(page.part("job-filter")).hasText(QUOTES);
        assertThat(page.historyRow(0)).containsText(QUOTES);
        assertThat(page.number("notes", "embedded")).hasText("1");
    }
}
