package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.RateLimits.Limit;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Pacer.Permit;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What services tell of their quotas. */
final class ToldQuotaTest {
    private static final OptionalInt NONE = OptionalInt.empty();

    private final ManualTiming timing = new ManualTiming();

    private Pacer pacer(OptionalInt requestsPerMinute) {
        return new Pacer(new Account("toy", requestsPerMinute, NONE), timing, new Random(7));
    }

    private static RateLimits requests(long perMinute) {
        return new RateLimits(Limit.of(perMinute), Limit.NONE);
    }

    private static RateLimits remaining(long count, @Nullable String reset) {
        Duration until = reset == null ? null : Duration.parse(reset);
        return new RateLimits(new Limit(OptionalLong.empty(), OptionalLong.of(count), until), Limit.NONE);
    }

    private Permit send(Pacer pacer) {
        return pacer.acquire(1, 0, CallContext.live());
    }

    private double secondsFor(Pacer pacer, int calls) {
        Duration start = timing.elapsed();
        for (int i = 0; i < calls; i++) {
            send(pacer);
        }
        return timing.elapsed().minus(start).toNanos() / 1e9;
    }

    @Test
    void aLimitHoldsFromTheAnswerThatTellsIt() {
        Pacer pacer = pacer(NONE);
        pacer.succeeded(send(pacer), 0, requests(60));

        assertThat(pacer.quota(QuotaUnit.REQUESTS).requestsPerMinute()).hasValue(60);
        assertThat(secondsFor(pacer, 60)).isBetween(59.0, 61.0);
    }

    @Test
    void itGrowsAndShrinksWithTheNextAnswerButNotOverWhatIsConfigured() {
        Pacer pacer = pacer(OptionalInt.of(600));
        Permit first = send(pacer);
        Permit second = send(pacer);
        Permit third = send(pacer);

        pacer.succeeded(first, 0, requests(60));
        assertThat(pacer.quota(QuotaUnit.REQUESTS).requestsPerMinute()).hasValue(60);
        pacer.succeeded(second, 0, RateLimits.NONE);
        assertThat(pacer.quota(QuotaUnit.REQUESTS).requestsPerMinute()).hasValue(60);
        pacer.succeeded(third, 0, requests(Long.MAX_VALUE));
        assertThat(pacer.quota(QuotaUnit.REQUESTS).requestsPerMinute()).hasValue(600);
    }

    @Test
    void tokensAreCountedAsSoonAsTheyAreLimited() {
        Pacer pacer = pacer(NONE);
        assertThat(pacer.limitsTokens()).isFalse();

        pacer.succeeded(send(pacer), 10, new RateLimits(Limit.NONE, Limit.of(6_000)));

        assertThat(pacer.limitsTokens()).isTrue();
        pacer.acquire(1, 1_000, CallContext.live());
        pacer.acquire(1, 1_000, CallContext.live());
        assertThat(timing.elapsed()).isBetween(Duration.ofSeconds(10), Duration.ofSeconds(11));
    }

    @Test
    void aMinuteThatIsUsedUpIsWaitedOut() {
        Pacer pacer = pacer(NONE);
        pacer.succeeded(send(pacer), 0, remaining(0, "PT20S"));

        send(pacer);

        assertThat(timing.elapsed()).isEqualTo(Duration.ofSeconds(20));
    }

    @Test
    void aBucketThatIsEmptyNeedNotBeFullFirst() {
        Pacer pacer = pacer(OptionalInt.of(600));
        pacer.succeeded(send(pacer), 0, remaining(0, "PT60S"));

        send(pacer);

        assertThat(timing.elapsed()).isBetween(Duration.ofMillis(100), Duration.ofMillis(110));
    }

    @Test
    void whatRemainsIsLessWhatWasSentSince() {
        Pacer pacer = pacer(OptionalInt.of(600));
        Permit first = send(pacer);
        for (int i = 0; i < 4; i++) {
            send(pacer);
        }

        pacer.succeeded(first, 0, remaining(3, null));

        assertThat(secondsFor(pacer, 1)).as("one too many was sent").isBetween(0.2, 0.21);
    }

    @Test
    void otherProcessesAreAskedWithWhatTheServiceTold() {
        MemoryQuota shared = new MemoryQuota(() -> timing.elapsed().toNanos());
        Pacer pacer = pacer(NONE);
        pacer.share(shared);
        pacer.succeeded(send(pacer), 0, requests(6_400));

        timing.advance(Duration.ofSeconds(10));
        send(pacer);

        assertThat(shared.heard).hasSize(2);
        assertThat(shared.heard.get(0).account().requestsPerMinute()).isEmpty();
        assertThat(shared.heard.get(1).account().requestsPerMinute()).hasValue(6_300);
    }

    @Test
    void aProviderHandsOnWhatAnswersAndRefusalsTell() {
        ScriptedProvider service = ScriptedProvider.failing(
                TransientProviderException.rateLimited("429", 429, null, Duration.ofSeconds(3), requests(120)));
        LLMProvider telling = new DelegatingProvider(service) {
            @Override
            public EmbedResponse embed(EmbedRequest request) {
                return delegate().embed(request).withRateLimits(requests(60));
            }
        };
        Pacer pacer = pacer(NONE);
        try (PacingProvider paced = new PacingProvider(telling, pacer, QuotaUnit.REQUESTS)) {
            assertThat(catchThrowable(() -> paced.embed("text"))).hasMessage("429");
            assertThat(paced.quota().requestsPerMinute()).hasValue(120);

            paced.embed("text");

            assertThat(paced.quota().requestsPerMinute()).hasValue(60);
            assertThat(timing.elapsed()).isBetween(Duration.ofSeconds(3), Duration.ofSeconds(4));
        }
    }

    /** A build waits by itself as long as a refusal says: it need not wait for more than the pacer does. */
    @Test
    void whoIsRefusedIsToldHowLongThePacerWaits() {
        ScriptedProvider service = new ScriptedProvider();
        Pacer pacer = pacer(NONE);
        try (PacingProvider paced = new PacingProvider(service, pacer, QuotaUnit.REQUESTS)) {
            for (int i = 0; i < 30; i++) {
                paced.embed("text");
                timing.advance(Duration.ofMillis(100));
            }
            service.failures.add(TransientProviderException.rateLimited("429", 429, "id", null));
            TransientProviderException first = (TransientProviderException) catchThrowable(() -> paced.embed("text"));
            assertThat(first.retryAfter()).isEqualTo(Duration.ZERO);
            assertThat(first.requestId()).isEqualTo("id");

            service.failures.add(TransientProviderException.rateLimited("429", 429, null, null));
            Duration before = timing.elapsed();
            TransientProviderException second = (TransientProviderException) catchThrowable(() -> paced.embed("text"));
            assertThat(timing.elapsed().minus(before)).isPositive().isLessThan(Duration.ofSeconds(1));
            assertThat(second.retryAfter()).isBetween(Duration.ZERO, Backoff.DEFAULT.ceiling(2));
            before = timing.elapsed();
            paced.embed("text");
            assertThat(timing.elapsed().minus(before)).isGreaterThanOrEqualTo(second.retryAfter());
        }
    }

    @Test
    void manyTextsAreCountedOnceAndEstimatedFromThenOn() {
        int[] counted = new int[1];
        ScriptedProvider service = new ScriptedProvider() {
            @Override
            public int countTokens(String text) {
                counted[0]++;
                return super.countTokens(text);
            }
        };
        service.tokensReported = 8;
        Pacer pacer = new Pacer(new Account("toy", NONE, OptionalInt.of(480)), timing, new Random(7));
        try (PacingProvider paced = new PacingProvider(service, pacer, QuotaUnit.REQUESTS)) {
            paced.embed("text");
            int first = counted[0];
            for (int i = 0; i < 10; i++) {
                paced.embed("text");
            }
            int inTheService = 10 * (first - 1);

            assertThat(counted[0] - first).isEqualTo(inTheService);
            assertThat(timing.elapsed()).isBetween(Duration.ofSeconds(9), Duration.ofSeconds(11));
        }
    }
}
