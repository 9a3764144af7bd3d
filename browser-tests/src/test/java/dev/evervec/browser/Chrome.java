package dev.evervec.browser;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserContext;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.assertions.PlaywrightAssertions;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A real browser, one for all tests, with contexts for each test. When a test ends, nothing may have gone wrong in any of its
 * pages; if it failed, what its pages looked like is kept.
 */
final class Chrome implements BeforeEachCallback, AfterEachCallback {
    static final Path SCREENSHOTS = Path.of("target", "screenshots");
    private static final double PATIENCE_MILLIS = 30_000;
    private static final Path FAILURES = Path.of("target", "failures");
    private static final List<String> ARGUMENTS = List.of(
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");

    private final Map<BrowserContext, Watch> contexts = new LinkedHashMap<>();
    private @Nullable Browser browser;

    @Override
    public void beforeEach(ExtensionContext context) {
        browser = context.getRoot()
                .getStore(ExtensionContext.Namespace.create(Chrome.class))
                .computeIfAbsent(Running.class, key -> Running.start(), Running.class)
                .browser();
    }

    @Override
    public void afterEach(ExtensionContext context) {
        try {
            if (context.getExecutionException().isPresent()) {
                keepPictures(context.getRequiredTestMethod().getName());
            } else {
                contexts.values().forEach(Watch::assertNothingWrong);
            }
        } finally {
            contexts.keySet().forEach(BrowserContext::close);
            contexts.clear();
        }
    }

    private void keepPictures(String test) {
        int number = 0;
        for (BrowserContext context : contexts.keySet()) {
            for (Page page : context.pages()) {
                String name = test + "-" + ++number + ".png";
                page.screenshot(new Page.ScreenshotOptions()
                        .setPath(FAILURES.resolve(name))
                        .setFullPage(true));
            }
        }
    }

    /** A browser of its own that has never been at this site. */
    Visit visit(Site site, String language) {
        BrowserContext context = open(new Browser.NewContextOptions(), language);
        return watched(new Visit(site, language, context, Watch.over(context, site.origin())));
    }

    /** Another browser of the same person, logged in as in the first. */
    Visit same(Visit visit, String language) {
        BrowserContext context = open(
                new Browser.NewContextOptions().setStorageState(visit.context().storageState()), language);
        return watched(new Visit(visit.site(), language, context, visit.watch().alsoOver(context)));
    }

    private BrowserContext open(Browser.NewContextOptions options, String language) {
        if (browser == null) {
            throw new IllegalStateException("no test runs");
        }
        return browser.newContext(options.setLocale(language.equals("en") ? "en-US" : language)
                .setTimezoneId("UTC")
                .setViewportSize(1280, 900));
    }

    private Visit watched(Visit visit) {
        contexts.put(visit.context(), visit.watch());
        return visit;
    }

    private record Running(Playwright playwright, Browser browser) implements AutoCloseable {
        static Running start() {
            Path file = BrowserFile.find();
            PlaywrightAssertions.setDefaultAssertionTimeout(PATIENCE_MILLIS);
            Playwright playwright = Playwright.create(
                    new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
            try {
                return new Running(
                        playwright,
                        playwright
                                .chromium()
                                .launch(new BrowserType.LaunchOptions()
                                        .setExecutablePath(file)
                                        .setArgs(ARGUMENTS)));
            } catch (RuntimeException e) {
                playwright.close();
                throw e;
            }
        }

        @Override
        public void close() {
            playwright.close();
        }
    }
}
