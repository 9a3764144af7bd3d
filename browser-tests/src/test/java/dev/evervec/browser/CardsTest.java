package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CardsTest {
    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    private final Gallery gallery = new Gallery(chrome);

    @Test
    void anEmptyDatabaseLooksAsIfItWereMeantSo() {
        site.serve();
        Visit visit = chrome.visit(site, "en");

        AdminPage page = visit.logIn();

        page.awaitConnection("live");
        assertThat(page.part("empty")).isVisible();
        assertThat(page.part("card")).hasCount(0);
        assertThat(page.part("history-row")).hasCount(0);
        gallery.show("empty", visit, there -> assertThat(there.part("empty")).isVisible());
    }

    @Test
    void theNumbersOfASourceAddUpAndNameTheirScan() throws Exception {
        site.addRecords("notes", 1200);
        site.addRecord("notes", "blank", "   ");
        site.addRecord("notes", "refused", "an " + HouseModel.UNEMBEDDABLE + " text");
        site.addRecords("problems", 3);
        site.configureBatches(500);
        site.build();
        site.addRecords("later", 2);
        site.serve();
        Visit visit = chrome.visit(site, "en");

        AdminPage page = visit.logIn();

        assertNumbers(page, "notes", "1,202", "1,201", "1,200", "0", "0", "1");
        assertNumbers(page, "problems", "3", "3", "3", "0", "0", "0");
        assertThat(page.part("as-of").locator("time").first())
                .hasAttribute("datetime", java.util.regex.Pattern.compile("^20\\d\\d-"));
        gallery.show(
                "cards",
                visit,
                there -> assertThat(there.number("problems", "embedded")).hasText("3"));
    }

    private static void assertNumbers(
            AdminPage page,
            String source,
            String total,
            String withContent,
            String embedded,
            String pending,
            String skipped,
            String failed) {
        assertThat(page.number(source, "total")).hasText(total);
        assertThat(page.number(source, "with-content")).hasText(withContent);
        assertThat(page.number(source, "embedded")).hasText(embedded);
        assertThat(page.number(source, "pending")).hasText(pending);
        assertThat(page.number(source, "skipped")).hasText(skipped);
        assertThat(page.number(source, "failed")).hasText(failed);
    }
}
