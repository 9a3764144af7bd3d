package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import okhttp3.Headers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RetryAfterTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-21T03:00:00Z"), ZoneOffset.UTC);

    @ParameterizedTest
    @CsvSource({
        "retry-after, 60, PT60S",
        "Retry-After, 0.5, PT0.5S",
        "retry-after, 0, PT0S",
        "retry-after, 'Sat, 21 Nov 2026 03:02:00 GMT', PT2M",
        "retry-after, 'Sat, 21 Nov 2026 02:00:00 GMT', PT0S",
        "retry-after-ms, 1500, PT1.5S",
        "x-ratelimit-reset-requests, 1s, PT1S",
        "x-ratelimit-reset-tokens, 6m0s, PT6M",
        "x-ratelimit-reset-tokens, 1h2m3.5s, PT1H2M3.5S",
        "x-ratelimit-reset-requests, 120ms, PT0.12S",
        "x-ratelimit-reset-tokens, 17, PT17S",
        "retry-after, soon, ",
        "retry-after, -5, ",
        "retry-after, 99999999999, ",
        "x-ratelimit-reset-requests, 999999999999h, ",
        "x-ratelimit-reset-requests, s, ",
        "x-other, 5, "
    })
    void everyNotationIsUnderstood(String header, String value, Duration expected) {
        assertThat(RetryAfter.of(Headers.of(header, value), CLOCK)).isEqualTo(expected);
    }

    @Test
    void milliSecondsComeBeforeSecondsAndBothBeforeResets() {
        assertThat(RetryAfter.of(
                        Headers.of("retry-after", "2", "retry-after-ms", "1200", "x-ratelimit-reset-tokens", "9s"),
                        CLOCK))
                .isEqualTo(Duration.ofMillis(1200));
        assertThat(RetryAfter.of(Headers.of("retry-after", "2", "x-ratelimit-reset-tokens", "9s"), CLOCK))
                .isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void theResetOfTheQuotaThatIsUsedUpCounts() {
        assertThat(RetryAfter.of(
                        Headers.of(
                                "x-ratelimit-remaining-requests", "0",
                                "x-ratelimit-reset-requests", "20s",
                                "x-ratelimit-remaining-tokens", "900",
                                "x-ratelimit-reset-tokens", "1s"),
                        CLOCK))
                .isEqualTo(Duration.ofSeconds(20));
        assertThat(RetryAfter.of(
                        Headers.of("x-ratelimit-reset-requests", "20s", "x-ratelimit-reset-tokens", "1s"), CLOCK))
                .isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void nothingSaidIsNothing() {
        assertThat(RetryAfter.of(Headers.of(), CLOCK)).isNull();
    }
}
