package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.ToyFactory;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.resilience.Resilience;
import java.time.Duration;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class QuotaTest {
    @Test
    void theScarcerQuotaDecides() {
        Quota quota = new Quota(OptionalInt.of(60), OptionalInt.of(6_000), QuotaUnit.REQUESTS);

        assertThat(quota.leastTime(10, 1_000, 100)).isEqualTo(Duration.ofSeconds(10));
        assertThat(quota.leastTime(10, 1_000, 9_000)).isEqualTo(Duration.ofSeconds(90));
    }

    @Test
    void aServiceThatCountsTextsIsAskedByTexts() {
        Quota quota = new Quota(OptionalInt.of(60), OptionalInt.empty(), QuotaUnit.TEXTS);

        assertThat(quota.leastTime(10, 1_000, 9_000)).isEqualTo(Duration.ofSeconds(1_000));
    }

    @Test
    void withoutAQuotaNothingIsWaitedFor() {
        assertThat(Quota.NONE.leastTime(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE))
                .isZero();
    }

    @Test
    void aProviderTellsTheQuotaThatItIsHeldTo() {
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "toy", "known-model")
                .dimension(7)
                .requestsPerMinute(OptionalInt.of(60))
                .build();

        try (LLMProvider provider =
                Resilience.decorate(ToyFactory.embedderWithoutKey("toy").create(settings), settings, QuotaUnit.TEXTS)) {
            assertThat(provider.quota()).isEqualTo(new Quota(OptionalInt.of(60), OptionalInt.empty(), QuotaUnit.TEXTS));
        }
    }
}
