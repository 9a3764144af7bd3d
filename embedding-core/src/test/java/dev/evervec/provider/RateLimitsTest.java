package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.RateLimits.Limit;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RateLimitsTest {
    private static Map<String, List<String>> headers(String... namesAndValues) {
        Map<String, List<String>> headers = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            headers.put(namesAndValues[i], List.of(namesAndValues[i + 1], "another"));
        }
        return headers;
    }

    private static Limit limit(long perMinute, long remaining, @Nullable String reset) {
        return new Limit(
                OptionalLong.of(perMinute), OptionalLong.of(remaining), reset == null ? null : Duration.parse(reset));
    }

    @Test
    void whatOpenAiTellsIsUnderstood() {
        RateLimits told = RateLimits.inHeaders(headers(
                "x-ratelimit-limit-requests", "10000",
                "x-ratelimit-remaining-requests", "9999",
                "x-ratelimit-reset-requests", "6ms",
                "X-RateLimit-Limit-Tokens", " 5000000 ",
                "X-RateLimit-Remaining-Tokens", "0",
                "X-RateLimit-Reset-Tokens", "59.5s",
                "x-request-id", "7"));

        assertThat(told.requests()).isEqualTo(limit(10_000, 9_999, "PT0.006S"));
        assertThat(told.tokens()).isEqualTo(limit(5_000_000, 0, "PT59.5S"));
    }

    @Test
    void ofAMinuteAndADayTheMinuteCounts() {
        RateLimits told = RateLimits.inHeaders(headers(
                "x-ratelimit-limit-requests-day", "14400",
                "x-ratelimit-remaining-requests-day", "14399",
                "x-ratelimit-reset-requests-day", "6.5",
                "x-ratelimit-limit-tokens-minute", "60000",
                "x-ratelimit-remaining-tokens-minute", "59000",
                "x-ratelimit-reset-tokens-minute", "12.25"));

        assertThat(told).isEqualTo(new RateLimits(Limit.NONE, limit(60_000, 59_000, "PT12.25S")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"7m12s", "8h37m", "86164", "90s"})
    void aLimitThatIsFullAgainOnlyAfterMoreThanAMinuteIsNoneOfAMinute(String reset) {
        RateLimits told = RateLimits.inHeaders(headers(
                "x-ratelimit-limit-requests", "200",
                "x-ratelimit-remaining-requests", "0",
                "x-ratelimit-reset-requests", reset));

        assertThat(told).isEqualTo(RateLimits.NONE);
    }

    @Test
    void whatRemainsIsToldWithoutALimitToo() {
        RateLimits told = RateLimits.inHeaders(headers("x-ratelimit-remaining-requests", "11"));

        assertThat(told.requests()).isEqualTo(new Limit(OptionalLong.empty(), OptionalLong.of(11), null));
        assertThat(told.tokens()).isEqualTo(Limit.NONE);
    }

    @ParameterizedTest
    @CsvSource({
        "x-ratelimit-limit-requests, 0",
        "x-ratelimit-limit-requests, -1",
        "x-ratelimit-limit-requests, many",
        "x-ratelimit-limit-requests, 1e9",
        "x-ratelimit-limit-requests, ''",
        "x-ratelimit-limit-requests, 99999999999999999999",
        "x-ratelimit-remaining-tokens, NaN",
        "x-ratelimit-reset-tokens, soon",
        "x-ratelimit-reset-tokens, -5s",
        "x-ratelimit-limit-images, 5",
        "x-ratelimit-limit, 5"
    })
    void whatCannotBeUnderstoodTellsNothing(String name, String value) {
        assertThat(RateLimits.inHeaders(headers(name, value))).isEqualTo(RateLimits.NONE);
    }

    @Test
    void noHeadersWhateverAreAFailure() {
        long seed = new Random().nextLong();
        System.out.println("RateLimitsTest seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 2_000; round++) {
            StringBuilder value = new StringBuilder();
            for (int i = random.nextInt(12); i > 0; i--) {
                value.append("0123456789.-smhd e\u0000\u0663".charAt(random.nextInt(20)));
            }
            String kind = random.nextBoolean() ? "requests" : "tokens";
            assertThat(RateLimits.inHeaders(headers(
                            "x-ratelimit-limit-" + kind, value.toString(),
                            "x-ratelimit-remaining-" + kind, value.reverse().toString(),
                            "x-ratelimit-reset-" + kind, value.toString())))
                    .as("seed " + seed)
                    .isNotNull();
        }
    }

    @Test
    void aLimitOfNothingIsNone() {
        assertThatThrownBy(() -> Limit.of(0)).isInstanceOf(IllegalArgumentException.class);
        assertThat(Limit.of(1).perMinute()).hasValue(1);
    }
}
