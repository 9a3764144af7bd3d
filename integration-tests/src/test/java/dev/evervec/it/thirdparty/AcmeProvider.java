package dev.evervec.it.thirdparty;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;

/** Counts pairs of neighbouring characters into the components, and rewrites by changing to lower case. */
final class AcmeProvider implements LLMProvider {
    private static final int MAX_TEXTS = 16;

    private final ProviderSettings settings;
    private final AtomicBoolean closed = new AtomicBoolean();

    AcmeProvider(ProviderSettings settings) {
        this.settings = settings;
    }

    @Override
    public ModelIdentity model() {
        return settings.capability() == Capability.EMBEDDING
                ? ModelIdentity.embedding(settings.provider(), settings.model(), settings.dimension(), "", "none")
                : ModelIdentity.rewriting(settings.provider(), settings.model(), "");
    }

    @Override
    public ProviderLimits limits() {
        ProviderLimits own = ProviderLimits.ofTexts(MAX_TEXTS);
        return settings.maxTextsPerRequest().isPresent()
                ? own.withAtMostTexts(settings.maxTextsPerRequest().getAsInt())
                : own;
    }

    @Override
    public CallPolicy callPolicy() {
        return settings.callPolicy();
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        if (settings.capability() != Capability.EMBEDDING) {
            return LLMProvider.super.embed(request);
        }
        check(request.context());
        List<String> texts = request.texts();
        if (texts.size() > limits().maxTextsPerRequest()) {
            throw new IllegalArgumentException("texts: " + texts.size() + " are too many");
        }
        EmbedResponse.Builder answer = EmbedResponse.builder(texts.size(), settings.dimension());
        for (int i = 0; i < texts.size(); i++) {
            answer.put(i, components(texts.get(i), settings.dimension()));
        }
        return answer.build(
                TokenUsage.estimated(texts.stream().mapToLong(this::countTokens).sum(), 0));
    }

    static float[] components(String text, int dimension) {
        float[] components = new float[dimension];
        char before = ' ';
        for (int i = 0; i < text.length(); i++) {
            char at = text.charAt(i);
            components[Math.floorMod(31 * before + 17 * at, dimension)]++;
            before = at;
        }
        return components;
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        if (settings.capability() != Capability.REWRITE) {
            return LLMProvider.super.rewrite(request);
        }
        check(request.context());
        return new RewriteResponse(request.prompt().toLowerCase(Locale.ROOT), TokenUsage.NONE);
    }

    private void check(CallContext context) {
        if (closed.get()) {
            throw new IllegalStateException("the provider is closed");
        }
        if (context.cancelSignal().isCancelled()) {
            throw TransientProviderException.cancelled();
        }
        Instant deadline = context.deadline();
        if (deadline != null && !Instant.now().isBefore(deadline)) {
            throw TransientProviderException.noAnswer("the deadline has passed", null);
        }
    }

    @Override
    public void close() {
        closed.set(true);
    }

    @Override
    public String toString() {
        return "AcmeProvider[" + settings.model() + "]";
    }
}
