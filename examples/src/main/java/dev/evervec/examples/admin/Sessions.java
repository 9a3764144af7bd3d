package dev.evervec.examples.admin;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Who is logged in, kept by the browsers themselves: a token is an id and an end, signed with a key made from the admin secret.
 * So people stay logged in when the program is restarted with the same secret, and are logged out when it is changed.
 *
 * <p>Only ids that were logged out are kept here, until their tokens have expired; a restart forgets them, which is why
 * logging out also takes the token away from the browser. Thread-safe.
 */
final class Sessions {
    static final String ALGORITHM = "HmacSHA256";
    static final Duration LIFE = Duration.ofHours(12);
    private static final int ID_BYTES = 16;
    private static final int MOST_LOGGED_OUT = 10_000;
    private static final Pattern TOKEN = Pattern.compile("([A-Za-z0-9_-]{22})\\.([0-9]{1,12})\\.([A-Za-z0-9_-]{43})");

    private final SecretKeySpec key;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, Instant> loggedOut = new LinkedHashMap<>(); // guarded by this

    Sessions(AdminSecret secret, Clock clock) {
        this.key = secret.sessionKey();
        this.clock = clock;
    }

    /** A session that has not ended, as far as is known here. */
    record Session(String id, Instant end) {}

    /** Begins a session; returns its token. */
    String begin() {
        byte[] bytes = new byte[ID_BYTES];
        random.nextBytes(bytes);
        String content = base64(bytes) + "." + clock.instant().plus(LIFE).getEpochSecond();
        return content + "." + sign("session", content);
    }

    /** The session of this token; empty if it is none of ours, has expired, or was logged out. */
    Optional<Session> of(@Nullable String token) {
        Matcher parts = TOKEN.matcher(token == null ? "" : token);
        if (!parts.matches() || !isSigned(parts)) {
            return Optional.empty();
        }
        Session session = new Session(parts.group(1), Instant.ofEpochSecond(Long.parseLong(parts.group(2))));
        return isOpen(session) ? Optional.of(session) : Optional.empty();
    }

    private boolean isSigned(Matcher parts) {
        return isEqual(sign("session", parts.group(1) + "." + parts.group(2)), parts.group(3));
    }

    synchronized boolean isOpen(Session session) {
        return clock.instant().isBefore(session.end()) && !loggedOut.containsKey(session.id());
    }

    /** Ends a session before its time. */
    synchronized void end(Session session) {
        Instant now = clock.instant();
        loggedOut.values().removeIf(end -> !now.isBefore(end));
        if (loggedOut.size() >= MOST_LOGGED_OUT) {
            loggedOut.remove(loggedOut.keySet().iterator().next());
        }
        loggedOut.put(session.id(), session.end());
    }

    /** What the page of this session sends along to show that a request is its own. */
    String csrfToken(Session session) {
        return sign("csrf", session.id());
    }

    boolean isCsrfToken(Session session, @Nullable String given) {
        return given != null && isEqual(csrfToken(session), given);
    }

    private String sign(String purpose, String content) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            return base64(mac.doFinal((purpose + ":" + content).getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has " + ALGORITHM, e);
        }
    }

    private static boolean isEqual(String right, String given) {
        return MessageDigest.isEqual(right.getBytes(StandardCharsets.UTF_8), given.getBytes(StandardCharsets.UTF_8));
    }

    private static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
