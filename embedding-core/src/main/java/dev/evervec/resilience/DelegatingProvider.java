package dev.evervec.resilience;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.Quota;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.TokenPrice;
import org.jspecify.annotations.Nullable;

/** A provider that is another one in everything but its calls. */
abstract class DelegatingProvider implements LLMProvider {
    private final LLMProvider delegate;

    DelegatingProvider(LLMProvider delegate) {
        this.delegate = delegate;
    }

    final LLMProvider delegate() {
        return delegate;
    }

    @Override
    public final ModelIdentity model() {
        return delegate.model();
    }

    @Override
    public final ProviderLimits limits() {
        return delegate.limits();
    }

    @Override
    public CallPolicy callPolicy() {
        return delegate.callPolicy();
    }

    @Override
    public Quota quota() {
        return delegate.quota();
    }

    @Override
    public void shareQuota(SharedQuota quota) {
        delegate.shareQuota(quota);
    }

    @Override
    public final int answerBytesPerComponent() {
        return delegate.answerBytesPerComponent();
    }

    @Override
    public final int countTokens(String text) {
        return delegate.countTokens(text);
    }

    @Override
    public final boolean countsTokensExactly() {
        return delegate.countsTokensExactly();
    }

    @Override
    public @Nullable TokenPrice price() {
        return delegate.price();
    }

    @Override
    public final int maxOutputTokens() {
        return delegate.maxOutputTokens();
    }

    @Override
    public void close() {
        delegate.close();
    }

    @Override
    public final String toString() {
        return getClass().getSimpleName() + "[" + delegate.model() + "]";
    }
}
