package dev.evervec.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import com.microsoft.playwright.Page;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AccessTest {
    private static final String LOGIN = "/admin/login";

    @RegisterExtension
    final Site site = new Site();

    @RegisterExtension
    final Chrome chrome = new Chrome();

    private final Gallery gallery = new Gallery(chrome);

    @BeforeEach
    void serve() {
        site.addRecords("notes", 1);
        site.serve();
    }

    @Test
    void whoeverIsNotLoggedInIsSentToTheLoginFormAndFromThereToThePage() {
        Visit visit = chrome.visit(site, "en");

        Page page = visit.open("/");

        assertThat(page).hasURL(site.url(LOGIN));
        page.getByTestId("login-secret").fill(Site.SECRET);
        page.getByTestId("login-submit").click();
        assertThat(page).hasURL(site.url(AdminPage.PATH));
        new AdminPage(page).awaitConnection("live");
    }

    @ParameterizedTest
    @ValueSource(strings = {"en", "zh-TW", "zh-CN"})
    void theLoginFormSaysWhatIsWrongInTheReadersLanguage(String language) {
        Visit visit = chrome.visit(site, language);
        Page page = visit.open(LOGIN);
        gallery.pictures("login", visit, page);

        visit.watch().expect("status of 401");
        tryToLogIn(page, "wrong");

        assertThat(page).hasURL(site.url(LOGIN));
        assertThat(page.getByTestId("login-error")).isVisible();
        gallery.pictures("login-refused", visit, page);
    }

    @ParameterizedTest
    @ValueSource(strings = {"en", "zh-TW", "zh-CN"})
    void whoeverGuessesIsSlowedDown(String language) {
        Visit visit = chrome.visit(site, language);
        visit.watch().expect("status of 401");
        visit.watch().expect("status of 429");
        Page page = visit.open(LOGIN);
        tryToLogIn(page, "wrong 0");
        String refusal = page.getByTestId("login-error").textContent();

        for (int guess = 1; guess < 50 && isTold(page, refusal); guess++) {
            tryToLogIn(page, "wrong " + guess);
        }

        assertThat(page.getByTestId("login-error")).not().hasText(refusal);
        gallery.pictures("login-slowed", visit, page);
    }

    @Test
    void whoeverLogsOutIsOut() {
        Visit visit = chrome.visit(site, "en");
        visit.watch().expect("status of 401"); // of what the page was still asking for
        AdminPage page = visit.logIn();
        page.awaitConnection("live");

        page.part("logout").click();

        assertThat(page.page()).hasURL(site.url(LOGIN));
        page.page().navigate(site.url(AdminPage.PATH));
        assertThat(page.page()).hasURL(site.url(LOGIN));
    }

    @Test
    void aTabWhoseSessionHasEndedSaysSoAndOffersTheLogin() {
        Visit visit = chrome.visit(site, "en");
        visit.watch().expect("status of 401");
        AdminPage page = visit.logIn();
        page.awaitConnection("live");
        gallery.show("signed-out", visit, there -> {
            there.page().context().clearCookies();
            there.submit();
            there.awaitConnection("signed-out");
        });

        visit.context().clearCookies();
        page.submit();

        page.awaitConnection("signed-out");
        page.part("connection-login").click();
        assertThat(page.page()).hasURL(site.url(LOGIN));
    }

    private static boolean isTold(Page page, String refusal) {
        return page.getByTestId("login-error").textContent().equals(refusal);
    }

    private static void tryToLogIn(Page page, String secret) {
        page.getByTestId("login-secret").fill(secret);
        page.getByTestId("login-submit").click();
        assertThat(page.getByTestId("login-secret")).hasValue("");
    }
}
