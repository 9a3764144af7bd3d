package dev.evervec.resilience;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.Quota;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Pacer.Permit;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Sends calls when the {@link Pacer} allows it and tells it how they went. */
final class PacingProvider extends DelegatingProvider {
    private final Pacer pacer;
    private final QuotaUnit unit;
    private final Runnable atEnd;
    private final TokensPerChar tokensPerChar = new TokensPerChar();
    private final AtomicReference<@Nullable SharedQuota> shared = new AtomicReference<>();
    private volatile @Nullable PermanentProviderException lastRefusal;

    /** With a pacer that no other provider uses. */
    PacingProvider(LLMProvider delegate, Pacer pacer, QuotaUnit unit) {
        this(delegate, pacer, unit, () -> {});
    }

    /** With the pacer that this use is of; it ends when the provider is closed. */
    PacingProvider(LLMProvider delegate, Pacers.Use use, QuotaUnit unit) {
        this(delegate, use.pacer(), unit, use::close);
    }

    private PacingProvider(LLMProvider delegate, Pacer pacer, QuotaUnit unit, Runnable atEnd) {
        super(delegate);
        this.pacer = pacer;
        this.unit = unit;
        this.atEnd = atEnd;
    }

    @Override
    public Quota quota() {
        return pacer.quota(unit);
    }

    @Override
    public void shareQuota(SharedQuota quota) {
        giveUp(shared.getAndSet(quota));
        pacer.share(quota);
    }

    private void giveUp(@Nullable SharedQuota quota) {
        if (quota != null) {
            pacer.unshare(quota);
        }
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        List<String> texts = request.texts();
        long chars = texts.stream().mapToLong(String::length).sum();
        Cost cost = new Cost(
                unit == QuotaUnit.TEXTS ? texts.size() : 1,
                chars,
                tokens(chars, () -> texts.stream().mapToLong(this::countTokens).sum()));
        return paced(
                cost,
                request.context(),
                () -> delegate().embed(request),
                EmbedResponse::usage,
                EmbedResponse::rateLimits);
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        String prompt = request.prompt();
        Cost cost = new Cost(1, prompt.length(), tokens(prompt.length(), () -> countTokens(prompt)));
        return paced(
                cost,
                request.context(),
                () -> delegate().rewrite(request),
                RewriteResponse::usage,
                RewriteResponse::rateLimits);
    }

    private record Cost(int requests, long chars, long tokens) {}

    private long tokens(long chars, LongSupplier counted) {
        return pacer.limitsTokens() ? tokensPerChar.tokensOf(chars, counted) : 0;
    }

    private <T> T paced(
            Cost cost,
            CallContext context,
            Supplier<T> call,
            Function<T, TokenUsage> usage,
            Function<T, RateLimits> told) {
        PermanentProviderException before = lastRefusal;
        Permit permit = pacer.acquire(cost.requests(), cost.tokens(), context);
        try {
            checkNotRefusedSince(before);
            return sent(permit, cost, call, usage, told);
        } finally {
            pacer.ended(permit);
        }
    }

    private <T> T sent(
            Permit permit, Cost cost, Supplier<T> call, Function<T, TokenUsage> usage, Function<T, RateLimits> told) {
        try {
            T answer = call.get();
            answered(permit, cost, usage.apply(answer), told.apply(answer));
            return answer;
        } catch (TransientProviderException e) {
            throw e.owner() == FaultOwner.QUOTA ? refused(permit, e) : e;
        } catch (PermanentProviderException e) {
            // A wrong dimension comes with a 200 and may be that of some texts only.
            if (e.owner() == FaultOwner.CONFIGURATION && e.httpStatus() != 200) {
                lastRefusal = e;
            }
            TokenUsage used = e.usage();
            if (used != null) {
                answered(permit, cost, used, RateLimits.NONE);
            }
            throw e;
        }
    }

    private void answered(Permit permit, Cost cost, TokenUsage used, RateLimits told) {
        tokensPerChar.learn(cost.chars(), used.totalTokens());
        pacer.succeeded(permit, used.totalTokens(), told);
    }

    /** Who is told how long the pacer waits has no reason to wait on his own. */
    private TransientProviderException refused(Permit permit, TransientProviderException refusal) {
        Duration pause = pacer.refused(permit, refusal.retryAfter(), refusal.rateLimits());
        if (refusal.retryAfter() != null) {
            return refusal;
        }
        TransientProviderException told = TransientProviderException.rateLimited(
                refusal.getMessage(), refusal.httpStatus(), refusal.requestId(), pause, refusal.rateLimits());
        told.addSuppressed(refusal);
        return told;
    }

    /** A call that stood in line while key, model or account were refused would be refused too: it is not sent. */
    private void checkNotRefusedSince(@Nullable PermanentProviderException before) {
        PermanentProviderException refusal = lastRefusal;
        if (refusal != null && refusal != before) {
            throw PermanentProviderException.configuration(refusal.getMessage(), 0, null);
        }
    }

    @Override
    public void close() {
        try {
            super.close();
        } finally {
            giveUp(shared.getAndSet(null));
            atEnd.run();
        }
    }
}
