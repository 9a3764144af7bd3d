package dev.evervec.pipeline;

import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/**
 * A model as far as money is concerned.
 *
 * @param identity which model
 * @param price what its tokens cost, or null if unknown
 * @param countsExactly whether the tokens of a {@link SizedText} are the service's
 */
record PricedModel(ModelIdentity identity, @Nullable TokenPrice price, boolean countsExactly) {
    /** What a service may add to a text of its own: marks of beginning and end, a role. */
    private static final int MARKS = 8;

    static PricedModel of(LLMProvider provider) {
        return new PricedModel(provider.model(), provider.price(), provider.countsTokensExactly());
    }

    /** What so many tokens cost, or null if that is unknown; nothing costs nothing whatever the price. */
    @Nullable
    BigDecimal costOf(long inputTokens, long outputTokens) {
        if (inputTokens == 0 && outputTokens == 0) {
            return BigDecimal.ZERO;
        }
        return price == null ? null : price.costOf(inputTokens, outputTokens);
    }

    @Nullable
    BigDecimal costOf(TokenUsage usage) {
        return costOf(usage.inputTokens(), usage.outputTokens());
    }

    /** What so many tokens cost where a budget has to know; a budget without a price is refused before the job. */
    BigDecimal mostCostOf(long inputTokens, long outputTokens) {
        return price == null ? BigDecimal.ZERO : price.costOf(inputTokens, outputTokens);
    }

    /** Tokens that the service may find in this text at most: no tokenizer makes more than there are UTF-8 bytes. */
    long mostTokensOf(SizedText text) {
        return (countsExactly ? text.tokens() : text.bytes()) + (long) MARKS;
    }

    /** How many input tokens this much pays for; null pays for any number. */
    long affordableInput(@Nullable BigDecimal usd) {
        if (usd == null || price == null || price.inputUsdPerMillion().signum() == 0) {
            return Long.MAX_VALUE;
        }
        return usd.movePointRight(6)
                .divide(price.inputUsdPerMillion(), 0, RoundingMode.DOWN)
                .min(BigDecimal.valueOf(Long.MAX_VALUE))
                .longValue();
    }
}
