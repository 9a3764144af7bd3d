package dev.evervec.provider;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A service that embeds texts, rewrites them, or both, bound to one model per capability.
 *
 * <p>Implementations are thread-safe and block until the answer has arrived. They must not retry by themselves, must put
 * each vector at the index of its text (use {@link EmbedResponse#builder}), must map every failure to a
 * {@link ProviderException} with its owner, must honour {@link CallContext#deadline()} and
 * {@link CallContext#cancelSignal()}, must not put keys or texts into messages or logs, and may start daemon threads only,
 * which {@link #close()} ends. They must implement the capability that they were created for; the other one refuses by
 * default. The contract test in {@code embedding-testkit} checks an implementation against all of this.
 */
public interface LLMProvider extends AutoCloseable {
    /** What decides the answers; constant for the life of the provider. Makes no call. */
    ModelIdentity model();

    /** What one request may carry. Makes no call. */
    ProviderLimits limits();

    /**
     * The bytes of heap that one component of a vector takes at most while an answer is on its way in: its share of the body
     * and of whatever it is parsed into. Builds lower their concurrency by it. The default, 12, is three copies of a float.
     */
    default int answerBytesPerComponent() {
        return 3 * Float.BYTES;
    }

    /** How callers should retry and how many calls to make at a time; the default is {@link CallPolicy#DEFAULT}. */
    default CallPolicy callPolicy() {
        return CallPolicy.DEFAULT;
    }

    /** What may be asked of it in a minute, as far as it is configured; the default is {@link Quota#NONE}. */
    default Quota quota() {
        return Quota.NONE;
    }

    /**
     * From now on its calls draw on this quota, with other processes that do so too. Providers made by
     * {@code LLMProviders} do. The default does nothing; a decorator passes it on to what it decorates.
     *
     * @param quota in place of one that was given before
     */
    default void shareQuota(SharedQuota quota) {}

    /**
     * Embeds the texts of one request, which must be within {@link #limits()}.
     *
     * @throws ProviderException if the call failed
     */
    default EmbedResponse embed(EmbedRequest request) {
        throw PermanentProviderException.configuration(
                "provider " + model().provider() + " with model " + model().model() + " does not embed", 0, null);
    }

    /**
     * Answers one prompt.
     *
     * @throws ProviderException if the call failed
     */
    default RewriteResponse rewrite(RewriteRequest request) {
        throw PermanentProviderException.configuration(
                "provider " + model().provider() + " with model " + model().model() + " does not rewrite", 0, null);
    }

    /**
     * The number of tokens that this model is billed for a text; of a provider that rewrites, for the text as a prompt, with what
     * the service puts around it. The default is {@linkplain TokenEstimate an estimate} that leans
     * upwards; providers that know the tokenizer count exactly.
     */
    default int countTokens(String text) {
        return TokenEstimate.of(text);
    }

    /**
     * Whether {@link #countTokens} counts as the service does. If not, what must hold for certain (a budget) is reckoned with
     * the number of UTF-8 bytes, which no tokenizer exceeds.
     */
    default boolean countsTokensExactly() {
        return false;
    }

    /**
     * What its tokens cost, or null if that is not known. The default is null. Implementations give the list price where they
     * are sure that it holds, and leave it to their caller to put a configured one in its place.
     */
    default @Nullable TokenPrice price() {
        return null;
    }

    /**
     * The most output tokens that one rewrite can be billed for, because the service was told so with each request; 0 if no
     * such limit is set. The default is 0.
     */
    default int maxOutputTokens() {
        return 0;
    }

    /** Embeds one document as a live call. */
    default Embedding embed(String text) {
        return embedBatch(List.of(text)).get(0);
    }

    /**
     * Embeds documents as one live call; vectors in the order of the texts.
     *
     * @throws ProviderException if the call failed or a vector is missing
     */
    default List<Embedding> embedBatch(List<String> texts) {
        return embed(EmbedRequest.documents(texts)).requireAll();
    }

    /** Answers one prompt as a live call. */
    default String rewrite(String prompt) {
        return rewrite(new RewriteRequest(prompt, CallContext.live())).text();
    }

    /** Frees connections and threads. Calls after it fail; closing twice is harmless. */
    @Override
    void close();
}
