package dev.evervec.examples.admin;

import dev.evervec.examples.admin.Sessions.Session;
import io.javalin.http.Context;
import io.javalin.http.Cookie;
import io.javalin.http.SameSite;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The pages, and the forms on them. Thread-safe. */
final class PageRoutes {
    private static final String PAGE = "/admin/embeddings";
    private static final String LOGIN = "/admin/login";
    private static final String LANGUAGE_COOKIE = "evervec_lang";
    private static final int YEAR_SECONDS = (int) Duration.ofDays(365).toSeconds();

    private final Access access;
    private final Body body;
    private final Pages pages = new Pages();
    private final Assets assets = new Assets();

    PageRoutes(Access access, Body body) {
        this.access = access;
        this.body = body;
    }

    void addTo(Routes routes) {
        for (String start : List.of("/", "/admin", "/admin/")) {
            routes.get(start, request -> request.status(302).header("location", PAGE));
        }
        routes.get(PAGE, this::embeddings);
        routes.getAndPost(LOGIN, this::login, this::logIn);
        routes.post("/admin/logout", this::logOut);
        routes.post("/admin/language", this::chooseLanguage);
        routes.get("/admin/assets/{name}", assets::serve);
    }

    private void embeddings(Context request) {
        Optional<Session> session = access.session(request);
        if (session.isEmpty()) {
            request.status(302).header("location", LOGIN);
        } else {
            html(request, 200, pages.embeddings(language(request), access.csrfToken(session.get())));
        }
    }

    private void login(Context request) {
        if (access.session(request).isPresent()) {
            request.status(302).header("location", PAGE);
        } else {
            loginPage(request, 200, null, 0);
        }
    }

    private void logIn(Context request) {
        requireOurs(request);
        String secret = form(request).getOrDefault("secret", "");
        try {
            if (access.logIn(request, secret)) {
                seeOther(request, PAGE);
            } else {
                loginPage(request, 401, "login_wrong", 0);
            }
        } catch (Problem tooMany) {
            request.header("retry-after", String.valueOf(tooMany.retryAfterSeconds()));
            loginPage(request, tooMany.status(), "login_wait", tooMany.retryAfterSeconds());
        }
    }

    private void loginPage(Context request, int status, @Nullable String errorKey, long waitSeconds) {
        html(request, status, pages.login(language(request), errorKey, waitSeconds));
    }

    private void logOut(Context request) {
        requireOurs(request);
        access.logOut(request, form(request).get("csrf"));
        seeOther(request, LOGIN);
    }

    private void chooseLanguage(Context request) {
        requireOurs(request);
        Language chosen = Optional.ofNullable(form(request).get("lang"))
                .flatMap(Language::ofTag)
                .orElseThrow(() -> Problem.invalid("lang", "lang must be en, zh-TW or zh-CN"));
        request.cookie(new Cookie(
                LANGUAGE_COOKIE,
                chosen.tag(),
                "/admin",
                YEAR_SECONDS,
                Origins.isTls(request),
                true,
                null,
                SameSite.STRICT));
        seeOther(request, access.session(request).isPresent() ? PAGE : LOGIN);
    }

    private Map<String, String> form(Context request) {
        return access.session(request).isPresent() ? body.form(request) : body.formOfStranger(request);
    }

    private static void requireOurs(Context request) {
        if (Origins.isForeignForm(request)) {
            throw Origins.problem();
        }
    }

    private static Language language(Context request) {
        return Languages.of(request.cookie(LANGUAGE_COOKIE), request.header("accept-language"));
    }

    private static void seeOther(Context request, String location) {
        request.status(303).header("location", location);
    }

    private static void html(Context request, int status, String html) {
        request.status(status).contentType("text/html; charset=utf-8").result(html);
    }
}
