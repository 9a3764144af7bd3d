package dev.evervec.pipeline;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.Quota;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenPrice;
import org.jspecify.annotations.Nullable;

/** A provider with a price and a quota, and a token count that it bills by. */
record Tariff(LLMProvider provider, @Nullable TokenPrice price, Quota quota) implements LLMProvider {
    static Tariff of(LLMProvider provider, @Nullable TokenPrice price) {
        return new Tariff(provider, price, Quota.NONE);
    }

    Tariff with(Quota limits) {
        return new Tariff(provider, price, limits);
    }

    @Override
    public ModelIdentity model() {
        return provider.model();
    }

    @Override
    public ProviderLimits limits() {
        return provider.limits();
    }

    @Override
    public CallPolicy callPolicy() {
        return provider.callPolicy();
    }

    @Override
    public int countTokens(String text) {
        return provider.countTokens(text);
    }

    @Override
    public boolean countsTokensExactly() {
        return true;
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        return provider.embed(request);
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        return provider.rewrite(request);
    }

    @Override
    public void close() {
        provider.close();
    }
}
