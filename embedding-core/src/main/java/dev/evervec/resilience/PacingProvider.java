package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.Quota;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Sends calls when the {@link Pacer} allows it and tells it how they went. */
final class PacingProvider extends DelegatingProvider {
    private final Pacer pacer;
    private final QuotaUnit unit;
    private volatile @Nullable PermanentProviderException lastRefusal;

    PacingProvider(LLMProvider delegate, Pacer pacer, QuotaUnit unit) {
        super(delegate);
        this.pacer = pacer;
        this.unit = unit;
    }

    @Override
    public Quota quota() {
        return pacer.quota(unit);
    }

    @Override
    public void shareQuota(SharedQuota quota) {
        pacer.share(quota);
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        int requests = unit == QuotaUnit.TEXTS ? request.texts().size() : 1;
        long tokens = pacer.limitsTokens()
                ? request.texts().stream().mapToLong(this::countTokens).sum()
                : 0;
        return paced(requests, tokens, request.context(), () -> delegate().embed(request), EmbedResponse::usage);
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        long tokens = pacer.limitsTokens() ? countTokens(request.prompt()) : 0;
        return paced(1, tokens, request.context(), () -> delegate().rewrite(request), RewriteResponse::usage);
    }

    private <T> T paced(
            int requests, long tokens, CallContext context, Supplier<T> call, Function<T, TokenUsage> usage) {
        PermanentProviderException before = lastRefusal;
        long sent = pacer.acquire(requests, tokens, context);
        checkNotRefusedSince(before);
        try {
            T answer = call.get();
            pacer.succeeded(tokens, usage.apply(answer).totalTokens());
            return answer;
        } catch (TransientProviderException e) {
            if (e.owner() == FaultOwner.QUOTA) {
                pacer.refused(sent, e.retryAfter());
            }
            throw e;
        } catch (PermanentProviderException e) {
            // A wrong dimension comes with a 200 and may be that of some texts only.
            if (e.owner() == FaultOwner.CONFIGURATION && e.httpStatus() != 200) {
                lastRefusal = e;
            }
            TokenUsage used = e.usage();
            if (used != null) {
                pacer.succeeded(tokens, used.totalTokens());
            }
            throw e;
        }
    }

    /** A call that stood in line while key, model or account were refused would be refused too: it is not sent. */
    private void checkNotRefusedSince(@Nullable PermanentProviderException before) {
        PermanentProviderException refusal = lastRefusal;
        if (refusal != null && refusal != before) {
            throw PermanentProviderException.configuration(refusal.getMessage(), 0, null);
        }
    }
}
