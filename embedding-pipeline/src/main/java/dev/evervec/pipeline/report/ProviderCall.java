package dev.evervec.pipeline.report;

import dev.evervec.provider.Capability;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One request that was sent to a provider, as it goes into the bill.
 *
 * @param at when it was answered or had failed
 * @param took from handing it out to its end, waiting for quota included
 * @param provider the provider's name, such as {@code openai}
 * @param model the model's name
 * @param capability what was asked for
 * @param texts texts in the request; 1 for a rewrite
 * @param usage its tokens. A request of which nobody knows whether it was billed (timed out, cut, or answered beyond
 *     recognition) has the estimate of its input
 * @param costUsd what they cost, exactly, or null if the price is not known
 * @param failure null if it was answered, else what went wrong in one word: a {@code FaultOwner} or
 *     {@code TransientProviderException.Failure} in lower case
 * @param shares how tokens and cost fall on the sources whose records were in it; empty for a probe
 */
public record ProviderCall(
        Instant at,
        Duration took,
        String provider,
        String model,
        Capability capability,
        int texts,
        TokenUsage usage,
        @Nullable BigDecimal costUsd,
        @Nullable String failure,
        List<Share> shares) {
    public ProviderCall {
        Objects.requireNonNull(at, "at");
        Objects.requireNonNull(capability, "capability");
        shares = List.copyOf(shares);
    }

    /**
     * One source's part of a call; the parts of a call add up to the whole.
     *
     * @param source the source
     * @param texts its texts in the request
     * @param inputTokens its input tokens
     * @param outputTokens its output tokens
     * @param costUsd what they cost, or null if the price is not known
     */
    public record Share(
            String source,
            int texts,
            long inputTokens,
            long outputTokens,
            @Nullable BigDecimal costUsd) {}
}
