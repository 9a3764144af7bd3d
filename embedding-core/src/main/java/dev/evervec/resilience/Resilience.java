package dev.evervec.resilience;

import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.SharedQuota.Account;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Decorates a provider so that its callers need to know nothing of retries and quotas.
 *
 * <p>Retry: failures of owner {@link dev.evervec.provider.FaultOwner#PROVIDER} are tried again after {@link Backoff#DEFAULT}
 * (or after what the service asked for, if that is longer), as often as the call's
 * {@link dev.evervec.provider.RetryBudget} allows. Failures of owner {@link dev.evervec.provider.FaultOwner#QUOTA} wait and
 * go again without touching the budget, until the call's deadline, or for at most an hour in a row if it has none. A call with
 * {@link dev.evervec.provider.RetryBudget#none()} gets every failure as it comes: its caller is the one that retries.
 *
 * <p>Pacing: calls are held back to the lowest of three limits of requests and tokens per minute: what is configured; what the
 * service {@linkplain dev.evervec.provider.RateLimits tells} with its answers; and, below both or without them, a rate that is
 * found out from what the service refuses, which costs about one refused request in a hundred. Of known limits 98.5 % are used, so
 * that none is passed however the service counts its minutes. All providers of a process that are decorated for one provider name,
 * host, model and key share one pace, at the lower of their configured limits, until they are closed.
 *
 * <p>Live calls go before those of a build, otherwise first come, first served. Both draw on the same quota: a live call waits out
 * what one request of a build has taken in advance (100 texts at 100 a minute are a minute: {@code batch_size} makes it less), and
 * a build waits as long as live calls use the quota up. After the service refused a call for its quota, all calls wait as it
 * asked; the failure of that call says for how long, also if the service did not. With a
 * {@linkplain LLMProvider#shareQuota shared quota} configured and told limits hold for the calls of all processes together; while
 * that cannot be asked, calls are paced as if there were no other process.
 *
 * <p>Price: a configured one goes before the one that the provider knows.
 */
public final class Resilience {
    private Resilience() {}

    /**
     * The provider with retry and pacing around it. The result is as thread-safe as any provider; closing it closes the
     * decorated one, and ends its part in the pace of its account.
     *
     * @param provider makes the calls
     * @param settings call policy, quotas and price
     * @param unit what the service counts as a request
     */
    public static LLMProvider decorate(LLMProvider provider, ProviderSettings settings, QuotaUnit unit) {
        Pacers.Use use = Pacers.OF_THE_PROCESS.use(accountOf(settings), settings.apiKey());
        LLMProvider paced = new PacingProvider(provider, use, unit);
        return new RetryingProvider(
                paced, settings.callPolicy(), settings.price(), SystemTiming.INSTANCE, new Random());
    }

    /** Whoever asks the same model at the same host has the same account, as far as a name that tells no key can say. */
    static Account accountOf(ProviderSettings settings) {
        String host = hostOf(settings.baseUrl());
        String name = settings.provider() + (host == null ? "" : "@" + host) + "/" + settings.model();
        return new Account(name, settings.requestsPerMinute(), settings.tokensPerMinute());
    }

    /** With the port, but never with what may stand before them: a user and a password. */
    private static @Nullable String hostOf(@Nullable String baseUrl) {
        if (baseUrl == null) {
            return null;
        }
        try {
            String authority = new URI(baseUrl).getRawAuthority();
            return authority == null ? null : authority.substring(authority.lastIndexOf('@') + 1);
        } catch (URISyntaxException e) {
            return null;
        }
    }
}
