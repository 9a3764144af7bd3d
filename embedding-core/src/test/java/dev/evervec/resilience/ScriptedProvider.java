package dev.evervec.resilience;

import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/** Fails as told, then answers. One token per character; reports {@link #tokensReported} if set. */
class ScriptedProvider implements LLMProvider {
    final Deque<ProviderException> failures = new ArrayDeque<>();
    final List<Object> requests = new ArrayList<>();
    long tokensReported = -1;
    int closed;

    static ScriptedProvider failing(ProviderException... failures) {
        ScriptedProvider provider = new ScriptedProvider();
        provider.failures.addAll(Arrays.asList(failures));
        return provider;
    }

    @Override
    public ModelIdentity model() {
        return ModelIdentity.embedding("scripted", "m", 1, "", "none");
    }

    @Override
    public ProviderLimits limits() {
        return ProviderLimits.ofTexts(5);
    }

    @Override
    public int countTokens(String text) {
        return text.length();
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        call(request);
        EmbedResponse.Builder answer = EmbedResponse.builder(request.texts().size(), 1);
        long tokens = 0;
        for (int i = 0; i < request.texts().size(); i++) {
            answer.put(i, new float[] {1});
            tokens += countTokens(request.texts().get(i));
        }
        return answer.build(TokenUsage.reported(tokensReported < 0 ? tokens : tokensReported, 0));
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        call(request);
        return new RewriteResponse("rewritten", TokenUsage.reported(countTokens(request.prompt()), 9));
    }

    private void call(Object request) {
        requests.add(request);
        ProviderException failure = failures.poll();
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void close() {
        closed++;
    }
}
