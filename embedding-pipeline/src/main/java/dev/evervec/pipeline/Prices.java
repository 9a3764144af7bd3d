package dev.evervec.pipeline;

import dev.evervec.pipeline.store.CallTotals;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * What a million tokens costs.
 *
 * @param embeddingUsd USD for a million tokens embedded, or null if unknown
 * @param rewriting whether there are rewrites, whose price is unknown
 */
record Prices(@Nullable BigDecimal embeddingUsd, boolean rewriting) {
    /** What the calls cost, or null if a price is not known; nothing costs nothing whatever the price. */
    @Nullable
    BigDecimal costOf(CallTotals calls) {
        TokenUsage usage = calls.usage();
        if (usage.totalTokens() == 0) {
            return BigDecimal.ZERO;
        }
        if (embeddingUsd == null || rewriting) {
            return null;
        }
        return embeddingUsd
                .multiply(BigDecimal.valueOf(usage.totalTokens()))
                .movePointLeft(6)
                .stripTrailingZeros();
    }
}
