package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.examples.admin.Sessions.Session;
import dev.evervec.provider.Secret;
import dev.evervec.testkit.ManualClock;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class SessionsTest {
    private static final AdminSecret SECRET = AdminSecret.of(Secret.of("correct-horse-battery"));

    private final ManualClock clock = new ManualClock();
    private final Sessions sessions = new Sessions(SECRET, clock);

    @Test
    void aTokenIsGoodForTwelveHours() {
        String token = sessions.begin();

        assertThat(sessions.of(token)).map(Session::end).contains(ManualClock.START.plus(Duration.ofHours(12)));
        clock.advance(Duration.ofHours(12).minusSeconds(1));
        assertThat(sessions.of(token)).isPresent();
        clock.advance(Duration.ofSeconds(1));
        assertThat(sessions.of(token)).isEmpty();
    }

    @Test
    void aTokenWithAnyCharacterChangedIsNone() {
        String token = sessions.begin();

        for (int i = 0; i < token.length(); i++) {
            char other = token.charAt(i) == '1' ? '2' : '1';
            assertThat(sessions.of(token.substring(0, i) + other + token.substring(i + 1)))
                    .as("character %d", i)
                    .isEmpty();
        }
    }

    @Test
    void whatIsNoTokenIsNone() {
        String token = sessions.begin();
        String[] parts = token.split("\\.");

        assertThat(sessions.of(null)).isEmpty();
        assertThat(sessions.of("")).isEmpty();
        assertThat(sessions.of("..")).isEmpty();
        assertThat(sessions.of(token + "A")).isEmpty();
        assertThat(sessions.of(parts[0] + "." + parts[1] + ".")).isEmpty();
        assertThat(sessions.of(parts[0] + ".999999999999." + parts[2])).isEmpty();
        assertThat(sessions.of(parts[0] + ".99999999999999999999." + parts[2])).isEmpty();
    }

    @Test
    void tokensOutliveARestartWithTheSameSecretOnly() {
        String token = sessions.begin();

        assertThat(new Sessions(AdminSecret.of(Secret.of("correct-horse-battery")), clock).of(token))
                .isPresent();
        assertThat(new Sessions(AdminSecret.of(Secret.of("correct-horse-batterz")), clock).of(token))
                .isEmpty();
        assertThat(new Sessions(AdminSecret.generate(), clock).of(token)).isEmpty();
    }

    @Test
    void aLoggedOutSessionIsOverAndNoOtherOne() {
        String token = sessions.begin();
        String other = sessions.begin();

        sessions.end(sessions.of(token).orElseThrow());

        assertThat(sessions.of(token)).isEmpty();
        assertThat(sessions.of(other)).isPresent();
    }

    @Test
    void onlySoManyLoggedOutSessionsAreKept() {
        for (int i = 0; i < 10_001; i++) {
            sessions.end(new Session("id" + i, clock.instant().plusSeconds(60)));
        }

        assertThat(sessions.isOpen(new Session("id0", clock.instant().plusSeconds(60))))
                .as("the oldest is forgotten for the newest")
                .isTrue();
        assertThat(sessions.isOpen(new Session("id10000", clock.instant().plusSeconds(60))))
                .isFalse();
    }

    @Test
    void theTokenOfAPageIsThatOfItsSession() {
        Session session = sessions.of(sessions.begin()).orElseThrow();
        String token = sessions.begin();
        Session other = sessions.of(token).orElseThrow();

        assertThat(sessions.isCsrfToken(session, sessions.csrfToken(session))).isTrue();
        assertThat(sessions.isCsrfToken(session, sessions.csrfToken(other))).isFalse();
        assertThat(sessions.isCsrfToken(other, token.split("\\.")[2])).isFalse();
        assertThat(sessions.isCsrfToken(session, "")).isFalse();
        assertThat(sessions.isCsrfToken(session, null)).isFalse();
    }

    @Test
    void secretsDoNotShowThemselves() {
        assertThat(SECRET.toString()).doesNotContain("horse");
        assertThat(AdminSecret.generate().reveal()).hasSizeGreaterThanOrEqualTo(32);
    }
}
