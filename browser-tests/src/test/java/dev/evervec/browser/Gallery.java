package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.deque.html.axecore.results.Rule;
import com.microsoft.playwright.Page;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Takes pictures of a state of the page in every language, in the dark and on a phone, for people to look at, and holds each
 * to what must be true of every state: nothing to scroll sideways, nothing that a screen reader stumbles over.
 */
final class Gallery {
    static final List<Look> LOOKS = List.of(
            Look.ENGLISH,
            Look.ENGLISH.dark(),
            Look.ENGLISH.phone(),
            Look.ENGLISH.dark().phone(),
            Look.TAIWAN,
            Look.CHINA);
    /** The languages differ in nothing that the checks look at. */
    private static final Set<Look> CHECKED_FOR_BARRIERS =
            Set.of(Look.ENGLISH, Look.ENGLISH.dark(), Look.ENGLISH.phone());

    private static final Set<String> BARRIERS = Set.of("serious", "critical");

    private static final String ALL_IS_THERE =
            """
            () => !document.querySelector('main [data-testid=history]') || ['health', 'costs', 'history'].every(part =>
              performance.getEntriesByType('resource').some(entry =>
                new URL(entry.name).pathname.endsWith('/' + part) && entry.responseEnd > 0))
            """;

    private final Chrome chrome;

    Gallery(Chrome chrome) {
        this.chrome = chrome;
    }

    /** Pictures of the admin page as the same person sees it in other browsers, each brought to the state first. */
    void show(String state, Visit visit, Consumer<AdminPage> there) {
        for (Look look : LOOKS) {
            Visit other = chrome.same(visit, look);
            AdminPage page = other.adminPage();
            page.awaitConnection("live");
            there.accept(page);
            picture(state, look, page.page());
            other.context().close();
        }
    }

    /** A picture of the tab, once all that it asked for is there. */
    void picture(String state, Look look, Page page) {
        assertThat(page.locator("html")).hasAttribute("lang", look.language());
        page.waitForFunction(ALL_IS_THERE);
        page.screenshot(new Page.ScreenshotOptions()
                .setPath(Chrome.SCREENSHOTS.resolve(state + "-" + look + ".png"))
                .setFullPage(true));
        assertThat((Boolean) page.evaluate(
                        "() => document.scrollingElement.scrollWidth <= document.documentElement.clientWidth"))
                .as("%s %s fits its width", state, look)
                .isTrue();
        if (CHECKED_FOR_BARRIERS.contains(look)) {
            assertThat(barriers(page)).as("%s %s is accessible", state, look).isEmpty();
        }
    }

    private static List<String> barriers(Page page) {
        return new AxeBuilder(page)
                .analyze().getViolations().stream()
                        .filter(rule -> BARRIERS.contains(rule.getImpact()))
                        .map(Gallery::describe)
                        .toList();
    }

    private static String describe(Rule rule) {
        return rule.getId() + ": " + rule.getHelp() + " "
                + rule.getNodes().stream()
                        .map(node -> node.getHtml() + " " + node.getFailureSummary())
                        .toList();
    }
}
