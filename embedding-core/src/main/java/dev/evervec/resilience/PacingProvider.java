package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.util.function.Function;
import java.util.function.Supplier;

/** Sends calls when the {@link Pacer} allows it and tells it how they went. */
final class PacingProvider extends DelegatingProvider {
    private final Pacer pacer;
    private final QuotaUnit unit;

    PacingProvider(LLMProvider delegate, Pacer pacer, QuotaUnit unit) {
        super(delegate);
        this.pacer = pacer;
        this.unit = unit;
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
        long sent = pacer.acquire(requests, tokens, context);
        try {
            T answer = call.get();
            pacer.succeeded(tokens, usage.apply(answer).totalTokens());
            return answer;
        } catch (TransientProviderException e) {
            if (e.owner() == FaultOwner.QUOTA) {
                pacer.refused(sent, e.retryAfter());
            }
            throw e;
        }
    }
}
