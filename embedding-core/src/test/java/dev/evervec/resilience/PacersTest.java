package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.Quota;
import dev.evervec.provider.Secret;
import dev.evervec.provider.SharedQuota.Account;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

final class PacersTest {
    private static final OptionalInt NONE = OptionalInt.empty();
    private static final Secret KEY = Secret.of("k3y");

    private final ManualTiming timing = new ManualTiming();
    private final Pacers pacers = new Pacers(timing);

    private static Account account(int requestsPerMinute) {
        return new Account("toy@example.org/small", OptionalInt.of(requestsPerMinute), NONE);
    }

    private LLMProvider provider(Account account, Secret key) {
        return new PacingProvider(new ScriptedProvider(), pacers.use(account, key), QuotaUnit.REQUESTS);
    }

    private static void embed(LLMProvider provider) {
        provider.embed(new EmbedRequest(
                List.of("text"), InputKind.DOCUMENT, new CallContext(null, Priority.BUILD, null, new CancelSignal())));
    }

    @Test
    void providersWithOneKeyShareTheQuotaWhoeverMadeThem() {
        List<LLMProvider> providers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            providers.add(provider(account(600), Secret.of("k3y")));
        }

        for (int call = 0; call < 601; call++) {
            embed(providers.get(call % 4));
        }

        assertThat(timing.elapsed()).isBetween(Duration.ofSeconds(60), Duration.ofSeconds(62));
        providers.forEach(LLMProvider::close);
    }

    @Test
    void anotherKeyAndAnotherAccountHaveAQuotaOfTheirOwn() {
        try (LLMProvider first = provider(account(6), KEY);
                LLMProvider otherKey = provider(account(6), Secret.of("another"));
                LLMProvider otherModel = provider(new Account("toy@example.org/large", OptionalInt.of(6), NONE), KEY)) {
            embed(first);
            embed(otherKey);
            embed(otherModel);

            assertThat(timing.elapsed()).isZero();
            assertThat(pacers.size()).isEqualTo(3);
        }
    }

    @Test
    void aPacerIsForgottenWhenTheLastOfItsProvidersIsClosed() {
        LLMProvider first = provider(account(60), KEY);
        LLMProvider second = provider(account(60), KEY);
        assertThat(pacers.size()).isEqualTo(1);

        first.close();
        first.close();
        assertThat(pacers.size()).isEqualTo(1);
        second.close();
        assertThat(pacers.size()).isZero();

        try (LLMProvider third = provider(account(600), KEY)) {
            assertThat(third.quota().requestsPerMinute()).hasValue(600);
        }
    }

    @Test
    void ofDifferentLimitsTheLowerOnesHoldForAll() {
        Account tokens = new Account("toy@example.org/small", OptionalInt.of(100), OptionalInt.of(5_000));
        try (LLMProvider first = provider(account(60), KEY);
                LLMProvider second = provider(tokens, KEY)) {
            Quota lower = new Quota(OptionalInt.of(60), OptionalInt.of(5_000), QuotaUnit.REQUESTS);
            assertThat(first.quota()).isEqualTo(lower);
            assertThat(second.quota()).isEqualTo(lower);
        }
    }

    @Test
    void aSharedQuotaIsDrawnOnUntilWhoGaveItIsClosed() {
        MemoryQuota shared = new MemoryQuota(() -> timing.elapsed().toNanos());
        try (LLMProvider staying = provider(account(60), KEY)) {
            LLMProvider leaving = provider(account(60), KEY);
            leaving.shareQuota(shared);
            embed(staying);
            assertThat(shared.heard).hasSize(1);

            leaving.close();
            timing.advance(Duration.ofMinutes(1));
            embed(staying);
            assertThat(shared.heard).hasSize(1);
        }
    }
}
