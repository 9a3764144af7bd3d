package dev.evervec.provider;

import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import java.time.Duration;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * What may be asked of a provider in a minute.
 *
 * @param requestsPerMinute requests in the service's own unit, or empty if there is no limit
 * @param tokensPerMinute tokens, or empty if there is no limit
 * @param unit what counts as a request
 */
public record Quota(OptionalInt requestsPerMinute, OptionalInt tokensPerMinute, QuotaUnit unit) {
    /** No limit is known. */
    public static final Quota NONE = new Quota(OptionalInt.empty(), OptionalInt.empty(), QuotaUnit.REQUESTS);

    public Quota {
        Objects.requireNonNull(requestsPerMinute, "requestsPerMinute");
        Objects.requireNonNull(tokensPerMinute, "tokensPerMinute");
        Objects.requireNonNull(unit, "unit");
    }

    /** The least time that so many requests with so many texts and tokens take; zero without a limit. */
    public Duration leastTime(long requests, long texts, long tokens) {
        Duration forRequests = minutes(unit == QuotaUnit.TEXTS ? texts : requests, requestsPerMinute);
        Duration forTokens = minutes(tokens, tokensPerMinute);
        return forRequests.compareTo(forTokens) > 0 ? forRequests : forTokens;
    }

    private static Duration minutes(long amount, OptionalInt perMinute) {
        return perMinute.isEmpty()
                ? Duration.ZERO
                : Duration.ofMillis((long) Math.ceil(amount * 60_000.0 / perMinute.getAsInt()));
    }
}
