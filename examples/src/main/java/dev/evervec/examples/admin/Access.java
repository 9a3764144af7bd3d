package dev.evervec.examples.admin;

import dev.evervec.examples.admin.Sessions.Session;
import io.javalin.http.Context;
import io.javalin.http.Cookie;
import io.javalin.http.HandlerType;
import io.javalin.http.SameSite;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who may do what: with the session that a login began, or with the secret in a header. Requests that change something must
 * also come from our own page, if they come from a browser. Thread-safe.
 */
final class Access {
    static final String SECRET_HEADER = "x-admin-secret";
    static final String CSRF_HEADER = "x-csrf-token";
    static final String SESSION_COOKIE = "evervec_session";
    private static final String COOKIE_PATH = "/admin";
    private static final Set<HandlerType> READING = Set.of(HandlerType.GET, HandlerType.HEAD, HandlerType.OPTIONS);

    private final AdminSecret secret;
    private final Sessions sessions;
    private final LoginThrottle throttle;

    Access(AdminSecret secret, Clock clock) {
        this.secret = secret;
        this.sessions = new Sessions(secret, clock);
        this.throttle = new LoginThrottle(clock);
    }

    // ---- API ----

    /**
     * Lets a request to the API through.
     *
     * @throws Problem 401 without a session or the secret, 403 if it is not from our page, 429 after too many wrong secrets
     */
    void requireForApi(Context request) {
        boolean changing = !READING.contains(request.method());
        if (changing && Origins.isForeign(request)) {
            throw Origins.problem();
        }
        String given = request.header(SECRET_HEADER);
        if (given != null) {
            requireSecret(request, given);
            return;
        }
        Session session =
                session(request).orElseThrow(() -> unauthorized("log in, or send the header " + SECRET_HEADER));
        if (changing && !sessions.isCsrfToken(session, request.header(CSRF_HEADER))) {
            throw csrfProblem("the header " + CSRF_HEADER + " is missing or wrong: load the page again");
        }
    }

    private void requireSecret(Context request, String given) {
        if (!isRight(request, given)) {
            throw unauthorized("the header " + SECRET_HEADER + " is wrong");
        }
    }

    /** Whether this request would still be let through: its session may have ended meanwhile. */
    boolean isStillOpen(Context request) {
        return request.header(SECRET_HEADER) != null || session(request).isPresent();
    }

    private static Problem unauthorized(String detail) {
        return Problem.of(401, "unauthorized", detail);
    }

    private static Problem csrfProblem(String detail) {
        return Problem.of(403, "forbidden", detail);
    }

    // ---- pages ----

    /** The session of the request's cookie, if it has one that is open. */
    Optional<Session> session(Context request) {
        return sessions.of(request.cookie(SESSION_COOKIE));
    }

    String csrfToken(Session session) {
        return sessions.csrfToken(session);
    }

    /**
     * Begins a session if the secret is right; says whether it is.
     *
     * @throws Problem 429 after too many wrong ones
     */
    boolean logIn(Context request, String given) {
        if (!isRight(request, given)) {
            return false;
        }
        setCookie(request, sessions.begin(), (int) Sessions.LIFE.toSeconds());
        return true;
    }

    /**
     * Ends the session, if there is one.
     *
     * @throws Problem 403 if the wish does not come from its page
     */
    void logOut(Context request, @Nullable String csrfToken) {
        session(request).ifPresent(session -> {
            if (!sessions.isCsrfToken(session, csrfToken)) {
                throw csrfProblem("the form is not of this session: load the page again");
            }
            sessions.end(session);
        });
        setCookie(request, "", 0);
    }

    private boolean isRight(Context request, String given) {
        return throttle.attempt(address(request), () -> secret.matches(given));
    }

    /** The other end of the connection: a header that anybody can send is no address. */
    private static InetAddress address(Context request) {
        try {
            return InetAddress.getByName(request.req().getRemoteAddr());
        } catch (UnknownHostException e) {
            return InetAddress.getLoopbackAddress();
        }
    }

    private static void setCookie(Context request, String value, int seconds) {
        request.cookie(new Cookie(
                SESSION_COOKIE, value, COOKIE_PATH, seconds, Origins.isTls(request), true, null, SameSite.STRICT));
    }
}
