package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderLimits;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Measures texts against a provider's limits. Tokens are counted only where a limit can be near: no tokenizer makes more
 * tokens than there are UTF-8 bytes, so a text with few bytes needs no count.
 */
final class TextSizer {
    private final LLMProvider provider;
    private final ProviderLimits limits;
    private final int uncountedBytes;
    private final boolean countsAlways;

    /** Counts tokens only where a limit can be near. */
    TextSizer(LLMProvider provider) {
        this(provider, false);
    }

    private TextSizer(LLMProvider provider, boolean countsAlways) {
        this.provider = provider;
        this.limits = provider.limits();
        this.uncountedBytes =
                Math.min(limits.maxTokensPerText(), limits.maxTokensPerRequest() / limits.maxTextsPerRequest());
        this.countsAlways = countsAlways;
    }

    /** Counts the tokens of every text, for those who have to know what it costs. */
    static TextSizer counting(LLMProvider provider) {
        return new TextSizer(provider, true);
    }

    SizedText size(String text) {
        return size(text, text.length());
    }

    private SizedText size(String text, int wholeLength) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        int tokens = counts(bytes) ? provider.countTokens(text) : bytes;
        return new SizedText(text, Sha256.ofText(text), bytes, tokens, wholeLength);
    }

    /** Without a count of tokens: they are bounded by the bytes. */
    SizedText uncounted(String text) {
        int bytes = text.getBytes(StandardCharsets.UTF_8).length;
        return new SizedText(text, Sha256.ofText(text), bytes, bytes);
    }

    /** What {@link #fit} makes of the text, with its tokens counted only if it may be too long. */
    @Nullable
    SizedText fitUncounted(String text, TooLong policy) {
        SizedText uncounted = uncounted(text);
        return tooLong(uncounted) == null ? uncounted : fit(size(text), policy);
    }

    /** Whether the tokens of a text with so many bytes are counted before it is sent. */
    boolean counts(int bytes) {
        return countsAlways || (bytes > uncountedBytes && !noTokenLimit());
    }

    private boolean noTokenLimit() {
        return limits.maxTokensPerText() == ProviderLimits.UNLIMITED
                && limits.maxTokensPerRequest() == ProviderLimits.UNLIMITED;
    }

    /** Why the provider would refuse the text for its length alone, or null if it would not. */
    @Nullable
    String tooLong(SizedText text) {
        int mostTokens = Math.min(limits.maxTokensPerText(), limits.maxTokensPerRequest());
        if (text.tokens() > mostTokens) {
            return text.tokens() + " tokens, the model accepts " + mostTokens;
        }
        if (text.bytes() > limits.maxBytesPerRequest()) {
            return text.bytes() + " bytes, a request carries " + limits.maxBytesPerRequest();
        }
        return null;
    }

    /** The text itself if it fits, else by the policy a shorter beginning of it that does, or null. */
    @Nullable
    SizedText fit(SizedText text, TooLong policy) {
        if (tooLong(text) == null) {
            return text;
        }
        return policy == TooLong.TRUNCATE ? truncate(text.text()) : null;
    }

    private @Nullable SizedText truncate(String text) {
        int fits = 0;
        int tooMany = text.length();
        while (tooMany - fits > 1) {
            int middle = (fits + tooMany) >>> 1;
            if (tooLong(size(SizedText.beginning(text, middle))) == null) {
                fits = middle;
            } else {
                tooMany = middle;
            }
        }
        String beginning = SizedText.beginning(text, fits);
        return beginning.isBlank() ? null : size(beginning, text.length());
    }
}
