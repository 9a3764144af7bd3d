package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.deque.html.axecore.playwright.AxeBuilder;
import com.deque.html.axecore.results.Rule;
import com.microsoft.playwright.Page;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Takes pictures of a state of the page in every language, in the dark and on a phone, for people to look at, and holds each
 * to what must be true of every state: nothing to scroll sideways, nothing that a screen reader stumbles over.
 */
final class Gallery {
    static final List<String> LANGUAGES = List.of("en", "zh-TW", "zh-CN");
    private static final Set<Look> LOOKS_IN_CHINESE = EnumSet.of(Look.DESK, Look.PHONE);

    private static final String ALL_IS_THERE = """
            () => !document.querySelector('main [data-testid=history]') || ['health', 'costs', 'history'].every(part =>
              performance.getEntriesByType('resource').some(entry =>
                new URL(entry.name).pathname.endsWith('/' + part) && entry.responseEnd > 0))
            """;

    private static final String FITS =
            "() => document.scrollingElement.scrollWidth <= document.documentElement.clientWidth";

    private final Chrome chrome;

    Gallery(Chrome chrome) {
        this.chrome = chrome;
    }

    /** Pictures of the admin page as the same person sees it in other browsers, each brought to the state first. */
    void show(String state, Visit visit, Consumer<AdminPage> there) {
        for (String language : LANGUAGES) {
            Visit other = chrome.same(visit, language);
            AdminPage page = other.adminPage();
            page.awaitConnection("live");
            there.accept(page);
            pictures(state, other, page.page());
            other.context().close();
        }
    }

    /** Pictures of the tab in several looks, once all that it asked for is there. */
    void pictures(String state, Visit visit, Page page) {
        assertThat(page.locator("html")).hasAttribute("lang", visit.language());
        page.waitForFunction(ALL_IS_THERE);
        boolean english = visit.language().equals("en");
        for (Look look : english ? EnumSet.allOf(Look.class) : LOOKS_IN_CHINESE) {
            look.applyTo(page);
            String name = state + "-" + visit.language() + look.suffix();
            page.screenshot(new Page.ScreenshotOptions()
                    .setPath(Chrome.SCREENSHOTS.resolve(name + ".png"))
                    .setFullPage(true));
            assertThat((Boolean) page.evaluate(FITS))
                    .as("%s fits its width", name)
                    .isTrue();
            if (english && look != Look.DARK_PHONE) { // the others differ in nothing that the checks look at
                assertThat(barriers(page)).as("%s is accessible", name).isEmpty();
            }
        }
        Look.DESK.applyTo(page);
    }

    private static List<String> barriers(Page page) {
        return new AxeBuilder(page)
                .analyze().getViolations().stream().map(Gallery::describe).toList();
    }

    private static String describe(Rule rule) {
        return rule.getId() + ": " + rule.getHelp() + " "
                + rule.getNodes().stream()
                        .map(node -> node.getHtml() + " " + node.getFailureSummary())
                        .toList();
    }
}
