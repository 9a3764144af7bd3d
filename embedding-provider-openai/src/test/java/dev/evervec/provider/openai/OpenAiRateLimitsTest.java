package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.RateLimits.Limit;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.TransientProviderException;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class OpenAiRateLimitsTest {
    private static final String HEADERS = "x-ratelimit-limit-requests: 600\r\nx-ratelimit-remaining-requests: 598\r\n"
            + "x-ratelimit-reset-requests: 200ms\r\nx-ratelimit-limit-tokens: 1000000\r\n"
            + "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 1m0s\r\n";
    private static final RateLimits TOLD =
            new RateLimits(limit(600, 598, Duration.ofMillis(200)), limit(1_000_000, 0, Duration.ofMinutes(1)));

    private static Limit limit(long perMinute, long remaining, Duration reset) {
        return new Limit(OptionalLong.of(perMinute), OptionalLong.of(remaining), reset);
    }

    private static RawServer answering(int status, String headers, String body) {
        return new RawServer(request -> RawServer.Reply.answer(status, headers, body));
    }

    private static EmbedRequest request() {
        return new EmbedRequest(List.of("text"), InputKind.DOCUMENT, CallContext.live());
    }

    @Test
    void vectorsComeWithWhatIsToldOfTheQuota() {
        String body = Fixtures.answer(Fixtures.entry(0, "[1,2,3]"));
        try (RawServer server = answering(200, HEADERS, body);
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            assertThat(provider.embed(request()).rateLimits()).isEqualTo(TOLD);
        }
    }

    @Test
    void rewritesComeWithWhatIsToldOfTheQuota() {
        String body = "{\"choices\":[{\"message\":{\"content\":\"new\"},\"finish_reason\":\"stop\"}]}";
        try (RawServer server = answering(200, HEADERS, body);
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.rewriting(server.url()).build())) {
            assertThat(provider.rewrite(new RewriteRequest("old", CallContext.live()))
                            .rateLimits())
                    .isEqualTo(TOLD);
        }
    }

    @Test
    void soDoRefusals() {
        try (RawServer server = answering(429, HEADERS, "{\"error\":{\"message\":\"slow down\"}}");
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            TransientProviderException refusal =
                    catchThrowableOfType(TransientProviderException.class, () -> provider.embed(request()));

            assertThat(refusal.rateLimits()).isEqualTo(TOLD);
            assertThat(refusal.retryAfter()).isEqualTo(Duration.ofMinutes(1));
        }
    }

    @Test
    void aServiceThatTellsNothingOrNonsenseTellsNothing() {
        String body = Fixtures.answer(Fixtures.entry(0, "[1,2,3]"));
        try (RawServer silent = answering(200, "X-Other: 1\r\n", body);
                RawServer babbling = answering(200, "x-ratelimit-limit-requests: unlimited\r\n", body);
                OpenAiProvider first =
                        OpenAiProvider.create(Fixtures.embedding(silent.url()).build());
                OpenAiProvider second =
                        OpenAiProvider.create(Fixtures.embedding(babbling.url()).build())) {
            assertThat(first.embed(request()).rateLimits()).isEqualTo(RateLimits.NONE);
            assertThat(second.embed(request()).rateLimits()).isEqualTo(RateLimits.NONE);
        }
    }
}
