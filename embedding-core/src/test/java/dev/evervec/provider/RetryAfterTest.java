package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RetryAfterTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-21T03:00:00Z"), ZoneOffset.UTC);

    private static @Nullable Duration inHeaders(Map<String, String> headers) {
        Map<String, List<String>> multiple = new HashMap<>();
        headers.forEach((name, value) -> multiple.put(name, List.of(value, "another")));
        return RetryAfter.inHeaders(multiple, CLOCK);
    }

    @ParameterizedTest
    @CsvSource({
        "retry-after, 60, PT60S",
        "Retry-After, 0.5, PT0.5S",
        "retry-after, ' 7 ', PT7S",
        "retry-after, 0, PT0S",
        "retry-after, 7200, PT2H",
        "retry-after, 86400, PT24H",
        "retry-after, 'Sat, 21 Nov 2026 03:02:00 GMT', PT2M",
        "RETRY-AFTER, 'Sat, 21 Nov 2026 02:00:00 GMT', PT0S",
        "retry-after-ms, 1500, PT1.5S",
        "retry-after-ms, 1500.5, PT1.5005S",
        "x-ratelimit-reset-requests, 1s, PT1S",
        "X-RateLimit-Reset-Tokens, 6m0s, PT6M",
        "x-ratelimit-reset-tokens, 1h2m3.5s, PT1H2M3.5S",
        "x-ratelimit-reset-requests, 120ms, PT0.12S",
        "x-ratelimit-reset-requests, 8h37m, PT8H37M",
        "x-ratelimit-reset-tokens, 17, PT17S",
        "x-ratelimit-reset-requests-day, 3600.25, PT1H0.25S",
        "retry-after, soon, ",
        "retry-after, '', ",
        "retry-after, -5, ",
        "retry-after, 1e9, ",
        "retry-after, NaN, ",
        "retry-after, 99999999999, ",
        "retry-after, 99999999999999999999, ",
        "x-ratelimit-reset-requests, 999999999999h, ",
        "x-ratelimit-reset-requests, s, ",
        "x-other, 5, "
    })
    void everyNotationInAHeaderIsUnderstood(String header, String value, Duration expected) {
        assertThat(inHeaders(Map.of(header, value))).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "Rate limit reached for x on requests per day (RPD): Limit 200. Please try again in 7m12s. | PT7M12S",
                "Please try again in 20ms. Visit https://a.b/c | PT0.02S",
                "Please try again in 1h2m3.5s | PT1H2M3.5S",
                "call rate limit. Please retry after 26 seconds. To increase | PT26S",
                "please retry after 1 second. | PT1S",
                "* Quota exceeded for metric: m, limit: 20\\nPlease retry in 26.316480201s. | PT26.316480201S",
                "Details: {`@type`:`google.rpc.RetryInfo`,`retryDelay`:`34.5s`} | PT34.5S",
                "429: {\\\"retryDelay\\\": \\\"7200s\\\"} | PT2H",
                "{\\\\\"retryDelay\\\\\":\\\\\"3s\\\\\"} | PT3S",
                "retry in 999999999h | ",
                "retry in a moment | ",
                "retry after 5 apples | ",
                "try again later | "
            })
    void everyWordingInAMessageIsUnderstood(String message, @Nullable Duration expected) {
        assertThat(RetryAfter.inWords(message.replace('`', '"'))).isEqualTo(expected);
    }

    @Test
    void milliSecondsComeBeforeSecondsAndBothBeforeResets() {
        assertThat(inHeaders(Map.of("retry-after", "2", "retry-after-ms", "1200", "x-ratelimit-reset-tokens", "9s")))
                .isEqualTo(Duration.ofMillis(1200));
        assertThat(inHeaders(Map.of("retry-after", "2", "x-ratelimit-reset-tokens", "9s")))
                .isEqualTo(Duration.ofSeconds(2));
    }

    @Test
    void theResetOfTheQuotaThatIsUsedUpCounts() {
        assertThat(inHeaders(Map.of(
                        "x-ratelimit-remaining-requests", "0",
                        "x-ratelimit-reset-requests", "20s",
                        "X-RateLimit-Remaining-Tokens", "900",
                        "X-RateLimit-Reset-Tokens", "1s")))
                .isEqualTo(Duration.ofSeconds(20));
        assertThat(inHeaders(Map.of("x-ratelimit-reset-requests", "20s", "x-ratelimit-reset-tokens", "1s")))
                .isEqualTo(Duration.ofSeconds(1));
    }

    @Test
    void nothingSaidIsNothing() {
        assertThat(inHeaders(Map.of())).isNull();
        assertThat(RetryAfter.inHeaders(Map.of("retry-after", List.of()), CLOCK))
                .isNull();
        assertThat(RetryAfter.inWords("")).isNull();
    }
}
