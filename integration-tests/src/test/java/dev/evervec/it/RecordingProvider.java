package dev.evervec.it;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import java.util.List;
import java.util.function.Consumer;

/** Tells what texts a build sends, and is the other provider in everything else. */
final class RecordingProvider implements LLMProvider {
    private final LLMProvider provider;
    private final Consumer<List<String>> sent;

    RecordingProvider(LLMProvider provider, Consumer<List<String>> sent) {
        this.provider = provider;
        this.sent = sent;
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
    public EmbedResponse embed(EmbedRequest request) {
        sent.accept(request.texts());
        return provider.embed(request);
    }

    @Override
    public void close() {
        provider.close();
    }
}
