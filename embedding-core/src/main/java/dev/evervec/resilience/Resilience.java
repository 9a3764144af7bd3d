package dev.evervec.resilience;

import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ProviderSettings;
import java.util.Random;
import java.util.random.RandomGenerator;

/**
 * Decorates a provider so that its callers need to know nothing of retries and quotas.
 *
 * <p>Retry: failures of owner {@link dev.evervec.provider.FaultOwner#PROVIDER} are tried again after {@link Backoff#DEFAULT}
 * (or after what the service asked for, if that is longer), as often as the call's
 * {@link dev.evervec.provider.RetryBudget} allows. Failures of owner {@link dev.evervec.provider.FaultOwner#QUOTA} wait and
 * go again without touching the budget, until the call's deadline, or for at most an hour in a row if it has none. A call with
 * {@link dev.evervec.provider.RetryBudget#none()} gets every failure as it comes: its caller is the one that retries.
 *
 * <p>Pacing: calls are held back to the configured requests and tokens per minute; live calls go before those of a build,
 * otherwise first come, first served. Both draw on the same quota: a live call waits out what one request of a build has taken in
 * advance (100 texts at 100 a minute are a minute: {@code batch_size} makes it less), and a build waits as long as live calls use
 * the quota up. After the service refused a call for its quota, all calls wait as it asked.
 *
 * <p>Price: a configured one goes before the one that the provider knows.
 */
public final class Resilience {
    private Resilience() {}

    /**
     * The provider with retry and pacing around it. The result is as thread-safe as any provider; closing it closes the
     * decorated one.
     *
     * @param provider makes the calls
     * @param settings call policy, quotas and price
     * @param unit what the service counts as a request
     */
    public static LLMProvider decorate(LLMProvider provider, ProviderSettings settings, QuotaUnit unit) {
        RandomGenerator random = new Random();
        Pacer pacer =
                new Pacer(settings.requestsPerMinute(), settings.tokensPerMinute(), SystemTiming.INSTANCE, random);
        LLMProvider paced = new PacingProvider(provider, pacer, unit);
        return new RetryingProvider(paced, settings.callPolicy(), settings.price(), SystemTiming.INSTANCE, random);
    }
}
