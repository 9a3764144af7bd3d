package dev.evervec.provider.local;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.time.Instant;
import java.util.List;

/**
 * Embeds texts in the process, on the calling thread, by signed feature hashing (Weinberger et al., "Feature Hashing for
 * Large Scale Multitask Learning", 2009) of words and character n-grams.
 *
 * <p>The vectors are lexical, not semantic: texts are near one another when they share words or parts of words, whatever
 * they mean. That is enough to try things out, to test a host, and to find near-duplicates and misspellings; it does not
 * replace a language model.
 *
 * <p>How a vector of model {@value #MODEL} is made, so that anyone can compute it again: the text is brought to Unicode
 * form NFKC and to lower case without regard to a language, and cut into words (letters, digits, marks). A word counts as
 * a feature, and so does every run of 3 to 5 characters in it, with its ends marked. Scripts that are written without
 * blanks, or that put much into one character (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese), give runs of 1 to 3
 * characters instead. Every other visible character is a feature of its own. Each feature adds {@code weight × (1 + ln
 * count)} with a sign to one component, both chosen by a 64-bit hash, and the vector is brought to length 1. A text that is
 * not blank never gives a zero vector.
 *
 * <p>The same text gives the same vector on every JVM and platform, as far as the JVMs know the same characters: one that
 * was added to Unicode after version 13, which JDK 17 knows, may be treated differently by a newer JDK.
 *
 * <p>Task types, keys and base URLs are ignored, queries are embedded as documents are, nothing is ever cut off, calls cost
 * nothing, and token counts are estimates. Deadline and cancel signal are looked at before each text. Calls after
 * {@link #close()} fail with an {@link IllegalStateException}. Thread-safe.
 */
public final class LocalProvider implements LLMProvider {
    /** The only model. A change of the function gets a new name, so that stored vectors are never mixed with others. */
    public static final String MODEL = "hashing-v1";

    private static final int MAX_TEXTS = 2_048;

    private final ModelIdentity model;
    private final ProviderLimits limits;
    private final CallPolicy callPolicy;
    private volatile boolean closed;

    LocalProvider(ProviderSettings settings) {
        this.model = ModelIdentity.embedding(settings.provider(), settings.model(), settings.dimension(), "", "l2");
        ProviderLimits own = ProviderLimits.ofTexts(MAX_TEXTS);
        this.limits = settings.maxTextsPerRequest().isPresent()
                ? own.withAtMostTexts(settings.maxTextsPerRequest().getAsInt())
                : own;
        this.callPolicy = settings.callPolicy();
    }

    @Override
    public ModelIdentity model() {
        return model;
    }

    @Override
    public ProviderLimits limits() {
        return limits;
    }

    @Override
    public CallPolicy callPolicy() {
        return callPolicy;
    }

    /** {@link TokenPrice#FREE}. */
    @Override
    public TokenPrice price() {
        return TokenPrice.FREE;
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        List<String> texts = request.texts();
        if (texts.size() > limits.maxTextsPerRequest()) {
            throw PermanentProviderException.requestShape(
                    RequestLimit.TEXTS,
                    texts.size() + " texts in one request; the limit is " + limits.maxTextsPerRequest(),
                    0,
                    null);
        }
        EmbedResponse.Builder response = EmbedResponse.builder(texts.size(), model.dimension());
        FeatureHasher hasher = new FeatureHasher(model.dimension());
        long tokens = 0;
        for (int i = 0; i < texts.size(); i++) {
            checkWanted(request.context());
            response.put(i, hasher.vectorOf(texts.get(i)));
            tokens += countTokens(texts.get(i));
        }
        return response.build(TokenUsage.estimated(tokens, 0));
    }

    private void checkWanted(CallContext context) {
        if (closed) {
            throw new IllegalStateException("the provider is closed");
        }
        if (context.cancelSignal().isCancelled()) {
            throw TransientProviderException.cancelled();
        }
        Instant deadline = context.deadline();
        if (deadline != null && !Instant.now().isBefore(deadline)) {
            throw TransientProviderException.noAnswer(
                    "the call's deadline passed before all texts were embedded", null);
        }
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public String toString() {
        return "LocalProvider[" + model.model() + ", dimension=" + model.dimension() + "]";
    }
}
