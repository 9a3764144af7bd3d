package dev.evervec.examples.admin;

import static dev.evervec.examples.admin.AdminHost.API;
import static dev.evervec.examples.admin.AdminHost.SECRET;
import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.examples.admin.AdminHost.Answer;
import dev.evervec.provider.Secret;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in, and what gets out. */
@Timeout(120)
class AccessTest {
    private static final String WRONG = "wrong-horse-battery";

    private AdminHost host;

    @BeforeEach
    void start(@TempDir Path folder) {
        host = new AdminHost(folder);
    }

    @AfterEach
    void close() {
        host.close();
    }

    private Answer page(String path, String... headers) {
        return host.send("GET", path, null, headers);
    }

    private static void assertRedirect(Answer answer, int status, String location) {
        assertThat(answer.status()).as(answer.body()).isEqualTo(status);
        assertThat(answer.header("location")).isEqualTo(location);
    }

    // ---- sessions ----

    @Test
    void withoutASessionPagesLeadToTheLoginAndTheApiAnswers401() {
        for (String start : List.of("/", "/admin", "/admin/")) {
            assertRedirect(page(start), 302, "/admin/embeddings");
        }
        assertRedirect(page("/admin/embeddings"), 302, "/admin/login");
        for (String path : List.of("stats", "status", "history", "health", "costs", "events", "x/output", "nothing")) {
            host.send("GET", API + path, null).problem(401, "unauthorized");
        }
        for (String path : List.of("trigger", "retry-failed", "x/cancel", "x/resume")) {
            host.send("POST", API + path, "{}", "content-type", "application/json")
                    .problem(401, "unauthorized");
        }
        assertThat(page("/admin/login").status()).isEqualTo(200);
        assertThat(page("/admin/assets/admin.css").status()).isEqualTo(200);
    }

    @Test
    void aLoginBeginsASessionThatScriptsCannotReadAndOtherSitesCannotUse() {
        Answer login = host.form("/admin/login", "secret=" + SECRET);

        assertRedirect(login, 303, "/admin/embeddings");
        assertThat(List.of(login.header("set-cookie").split("; ")))
                .contains("Path=/admin", "HttpOnly", "SameSite=Strict", "Max-Age=43200")
                .doesNotContain("Secure");
        String cookie = host.logIn();
        assertThat(page("/admin/embeddings", "cookie", cookie).status()).isEqualTo(200);
        assertRedirect(page("/admin/login", "cookie", cookie), 302, "/admin/embeddings");
        assertThat(host.send("GET", API + "status", null, "cookie", cookie).status())
                .isEqualTo(200);
    }

    @Test
    void behindTlsTheCookieIsSecureAndTheBrowserIsToldToStay() {
        Answer login = host.form("/admin/login", "secret=" + SECRET, "x-forwarded-proto", "https");

        assertThat(login.header("set-cookie")).contains("; Secure");
        assertThat(login.header("strict-transport-security")).isNotEmpty();
        assertThat(page("/admin/login").header("strict-transport-security")).isEmpty();
    }

    @Test
    void aWrongSecretGetsTheLoginPageAgainAndNoSession() {
        Answer login = host.form("/admin/login", "secret=" + WRONG);

        assertThat(login.status()).isEqualTo(401);
        assertThat(login.header("set-cookie")).isEmpty();
        assertThat(login.header("content-type")).startsWith("text/html;");
        assertThat(login.body()).doesNotContain(WRONG);
        assertThat(host.form("/admin/login", "").status()).isEqualTo(401);
        assertThat(host.form("/admin/login", "secret=" + SECRET + "x").status()).isEqualTo(401);
    }

    @Test
    void aSessionEndsAfterTwelveHours() {
        String cookie = host.logIn();

        host.clock.advance(Duration.ofHours(12));

        assertRedirect(page("/admin/embeddings", "cookie", cookie), 302, "/admin/login");
        host.send("GET", API + "status", null, "cookie", cookie).problem(401, "unauthorized");
    }

    @Test
    void aChangedCookieIsNone() {
        String cookie = host.logIn();
        String changed = cookie.replaceFirst("\\.[0-9]+\\.", ".99999999999.");

        assertThat(changed).isNotEqualTo(cookie);
        host.send("GET", API + "status", null, "cookie", changed).problem(401, "unauthorized");
        host.send("GET", API + "status", null, "cookie", "evervec_session=").problem(401, "unauthorized");
    }

    @Test
    void loggingOutEndsTheSessionForWhoeverHasItsCookie() {
        String cookie = host.logIn();
        String other = host.logIn();

        Answer logout = host.form("/admin/logout", "csrf=" + host.csrfToken(cookie), "cookie", cookie);

        assertRedirect(logout, 303, "/admin/login");
        assertThat(logout.header("set-cookie")).startsWith("evervec_session=;").contains("Expires=Thu, 01 Jan 1970");
        host.send("GET", API + "status", null, "cookie", cookie).problem(401, "unauthorized");
        assertThat(host.send("GET", API + "status", null, "cookie", other).status())
                .isEqualTo(200);
        assertRedirect(host.form("/admin/logout", ""), 303, "/admin/login");
    }

    @Test
    void aRestartWithTheSameSecretKeepsSessionsAndOneWithAnotherEndsThem() {
        String cookie = host.logIn();
        String token = host.csrfToken(cookie);

        host.restart(AdminSecret.of(Secret.of(SECRET)));
        assertThat(host.csrfToken(cookie)).isEqualTo(token);

        host.restart(AdminSecret.generate());
        host.send("GET", API + "status", null, "cookie", cookie).problem(401, "unauthorized");
    }

    // ---- the header ----

    @Test
    void theSecretInAHeaderDoesWithoutASession() {
        assertThat(host.get("status").status()).isEqualTo(200);
        host.send("GET", API + "status", null, "x-admin-secret", WRONG).problem(401, "unauthorized");
        host.send("GET", API + "status", null, "x-admin-secret", "").problem(401, "unauthorized");
        host.send("GET", API + "status", null, "x-admin-secret", WRONG, "cookie", host.logIn())
                .problem(401, "unauthorized");
        assertRedirect(page("/admin/embeddings", "x-admin-secret", SECRET), 302, "/admin/login");
    }

    // ---- other sites ----

    @Test
    void withACookieOnlyThePageItselfMayChangeSomething() {
        String cookie = host.logIn();
        String token = host.csrfToken(cookie);
        String otherToken = host.csrfToken(host.logIn());

        trigger("cookie", cookie).problem(403, "forbidden");
        trigger("cookie", cookie, "x-csrf-token", "").problem(403, "forbidden");
        trigger("cookie", cookie, "x-csrf-token", otherToken).problem(403, "forbidden");
        assertThat(host.send("GET", API + "history", null, "cookie", cookie)
                        .json()
                        .get("jobs"))
                .isEmpty();
        assertThat(trigger("cookie", cookie, "x-csrf-token", token).status()).isEqualTo(202);
    }

    @Test
    void aLogoutThatThePageDidNotAskForIsRefused() {
        String cookie = host.logIn();

        assertThat(host.form("/admin/logout", "", "cookie", cookie).status()).isEqualTo(403);
        assertThat(host.form("/admin/logout", "csrf=x", "cookie", cookie).status())
                .isEqualTo(403);
    }

    private Answer trigger(String... headers) {
        String[] all = new String[headers.length + 2];
        System.arraycopy(headers, 0, all, 0, headers.length);
        all[headers.length] = "content-type";
        all[headers.length + 1] = "application/json";
        return host.send("POST", API + "trigger", "{\"dry_run\":true}", all);
    }

    @Test
    void whatAnotherSiteSendsIsRefusedWhateverItKnows() {
        String cookie = host.logIn();
        String token = host.csrfToken(cookie);
        String own = host.server().url();

        for (String origin : List.of("https://evil.example", "null", own + "1", "::")) {
            trigger("cookie", cookie, "x-csrf-token", token, "origin", origin).problem(403, "forbidden");
            trigger("x-admin-secret", SECRET, "origin", origin).problem(403, "forbidden");
        }
        for (String site : List.of("cross-site", "same-site")) {
            trigger("cookie", cookie, "x-csrf-token", token, "origin", own, "sec-fetch-site", site)
                    .problem(403, "forbidden");
            assertThat(host.form("/admin/login", "secret=" + SECRET, "sec-fetch-site", site)
                            .status())
                    .isEqualTo(403);
            assertThat(host.form("/admin/language", "lang=en", "sec-fetch-site", site)
                            .status())
                    .isEqualTo(403);
        }
        assertThat(host.form("/admin/login", "secret=" + SECRET, "origin", "https://evil.example")
                        .status())
                .isEqualTo(403);
        assertThat(trigger("cookie", cookie, "x-csrf-token", token, "origin", own, "sec-fetch-site", "same-origin")
                        .status())
                .isEqualTo(202);
    }

    @Test
    void formsOfOurOwnPagesAreTakenWhateverTheBrowserTellsOfThem() {
        String own = host.server().url();

        for (String[] headers : new String[][] {
            {}, {"origin", own}, {"origin", "null"}, {"origin", "null", "sec-fetch-site", "same-origin"}
        }) {
            assertThat(host.form("/admin/login", "secret=" + SECRET, headers).status())
                    .as(String.join(" ", headers))
                    .isEqualTo(303);
        }
    }

    @Test
    void noOtherSpellingOfAnAddressGetsPastTheLogin() {
        for (String path : List.of(
                "/admin/%61pi/embeddings/stats",
                "/admin/api/embeddings/%73tats",
                "/admin//api/embeddings/stats",
                "//admin/api/embeddings/stats",
                "/admin/./api/embeddings/stats",
                "/admin/x/../api/embeddings/stats",
                "/admin;x/api/embeddings/stats",
                "/admin/api;x=1/embeddings/stats",
                "/admin/api/embeddings;x/stats",
                "/Admin/Api/embeddings/stats",
                "/admin/embeddings;x",
                "/admin/%65mbeddings",
                "/admin/embeddings/")) {
            Answer answer = page(path);

            assertThat(answer.status()).as(path).isIn(302, 400, 401, 404);
            assertThat(answer.body()).as(path).doesNotContain("generation", "csrf");
        }
    }

    // ---- guessing ----

    @Test
    void guessingIsSlowedByFormAndHeaderTogetherAndNobodyWhoIsInIsHeldUp() {
        String cookie = host.logIn();
        for (int i = 0; i < 3; i++) {
            assertThat(host.form("/admin/login", "secret=" + WRONG).status()).isEqualTo(401);
        }
        for (int i = 0; i < 2; i++) {
            host.send("GET", API + "status", null, "x-admin-secret", WRONG).problem(401, "unauthorized");
        }

        Answer form = host.form("/admin/login", "secret=" + SECRET);
        Answer header = host.send("GET", API + "status", null, "x-admin-secret", SECRET, "x-forwarded-for", "10.0.0.9");

        assertThat(form.status()).isEqualTo(429);
        assertThat(form.header("retry-after")).isEqualTo("1");
        assertThat(form.header("content-type")).startsWith("text/html;");
        header.problem(429, "too_many_requests");
        assertThat(header.header("retry-after")).isEqualTo("1");
        assertThat(host.send("GET", API + "status", null, "cookie", cookie).status())
                .isEqualTo(200);
        host.clock.advance(Duration.ofSeconds(1));
        assertThat(host.form("/admin/login", "secret=" + SECRET).status()).isEqualTo(303);
    }

    // ---- forms ----

    @Test
    void aLanguageIsChosenForAYear() {
        Answer chosen = host.form("/admin/language", "lang=zh-TW");

        assertRedirect(chosen, 303, "/admin/login");
        assertThat(chosen.header("set-cookie"))
                .startsWith("evervec_lang=zh-TW;")
                .contains("Max-Age=31536000", "SameSite=Strict", "HttpOnly");
        assertThat(page("/admin/login", "cookie", "evervec_lang=zh-TW").body()).contains("lang=\"zh-TW\"");
        assertThat(page("/admin/login", "accept-language", "zh-CN,zh;q=0.9").body())
                .contains("lang=\"zh-CN\"");
        assertRedirect(host.form("/admin/language", "lang=en", "cookie", host.logIn()), 303, "/admin/embeddings");
        assertThat(host.form("/admin/language", "lang=xx").status()).isEqualTo(400);
        assertThat(host.form("/admin/language", "").status()).isEqualTo(400);
    }

    @Test
    void formsAreFormsAndSmall() {
        for (String path : List.of("/admin/login", "/admin/logout", "/admin/language")) {
            assertThat(host.send("POST", path, "{}", "content-type", "application/json")
                            .status())
                    .isEqualTo(415);
            assertThat(host.send("POST", path, "secret=" + SECRET).status()).isEqualTo(415);
            assertThat(host.form(path, "secret=" + "x".repeat(64 * 1024)).status())
                    .isEqualTo(413);
            assertThat(host.form(path, "lang=%zz").status()).isEqualTo(400);
            assertThat(host.form(path, "lang=en&lang=en").status()).isEqualTo(400);
        }
        assertThat(host.send("PUT", "/admin/login", null).status()).isEqualTo(405);
        assertThat(host.send("GET", "/admin/logout", null).status()).isEqualTo(405);
    }

    @Test
    void filesOfThePageAreSentOncePerVersion() {
        for (String name : Pages.ASSETS) {
            Answer first = page("/admin/assets/" + name);
            Answer again = page("/admin/assets/" + name, "if-none-match", first.header("etag"));

            assertThat(first.status()).as(name).isEqualTo(200);
            assertThat(first.body()).isNotEmpty();
            assertThat(first.header("content-type"))
                    .matches("(text/css|text/javascript); charset=utf-8|image/svg\\+xml");
            assertThat(first.header("cache-control")).isEqualTo("no-cache");
            assertThat(again.status()).isEqualTo(304);
            assertThat(again.body()).isEmpty();
        }
    }

    // ---- headers ----

    @Test
    void everyAnswerForbidsWhatThePageDoesNotNeed() {
        List<Answer> answers = List.of(
                page("/"),
                page("/admin/embeddings"),
                page("/admin/embeddings", "cookie", host.logIn()),
                page("/admin/login"),
                page("/admin/assets/admin.css"),
                page("/nothing"),
                page("/admin/assets/..%2fx"),
                host.form("/admin/login", "secret=" + WRONG),
                host.form("/admin/login", "secret=" + SECRET),
                host.form("/admin/language", "lang=en"),
                host.send("PUT", "/admin/login", null),
                host.send("OPTIONS", "/admin/login", null),
                host.send("HEAD", "/admin/login", null),
                host.get("status"),
                host.get("history?limit=0"),
                host.get("nothing"),
                host.get("%2e%2e/output"),
                host.send("HEAD", API + "events", null, "x-admin-secret", SECRET),
                host.send("GET", API + "status", null),
                host.post("trigger", "{}"));

        for (Answer answer : answers) {
            assertThat(answer.header("content-security-policy"))
                    .startsWith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'")
                    .contains("connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
            assertThat(answer.header("x-content-type-options")).isEqualTo("nosniff");
            assertThat(answer.header("referrer-policy")).isEqualTo("no-referrer");
            assertThat(answer.header("cross-origin-opener-policy")).isEqualTo("same-origin");
            assertThat(answer.header("cross-origin-resource-policy")).isEqualTo("same-origin");
            assertThat(answer.header("permissions-policy")).isNotEmpty();
            assertThat(answer.header("cache-control")).isIn("no-store", "no-cache");
            assertThat(answer.headers().map().keySet().stream().map(name -> name.toLowerCase(Locale.ROOT)))
                    .doesNotContain("server", "x-powered-by", "access-control-allow-origin");
        }
    }

    @Test
    void noAnswerHoldsTheSecret() {
        String cookie = host.logIn();

        for (Answer answer : List.of(
                page("/admin/embeddings", "cookie", cookie),
                page("/admin/login"),
                host.get("status"),
                host.get(SECRET + "/output"),
                host.get("status?" + SECRET),
                host.form("/admin/login", "secret=" + SECRET),
                host.post("trigger", "{\"" + SECRET + "\":1}"))) {
            assertThat(answer.headers().map().toString()).doesNotContain(SECRET);
            assertThat(answer.body()).doesNotContain(cookie.substring(cookie.indexOf('=') + 1));
        }
        assertThat(page("/admin/embeddings", "cookie", cookie).body()).doesNotContain(SECRET);
    }
}
