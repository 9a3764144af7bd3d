package dev.evervec.provider.openai;

import dev.evervec.provider.Capability;
import dev.evervec.provider.PriceTable;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TokenPrice;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * What this endpoint and model take, so that no server is sent what it refuses, and what they ask for it.
 *
 * @param dimensions the {@code dimensions} parameter to send, or empty to leave it out
 * @param limits what one request may carry
 * @param outputLimit how a limit of generated tokens is told
 * @param tokenizer the model's tokenizer, or null if it is not known
 * @param listPrice the price of the model, or null if it is not known
 */
record OpenAiProfile(
        OptionalInt dimensions,
        ProviderLimits limits,
        OutputLimit outputLimit,
        @Nullable Tokenizer tokenizer,
        @Nullable TokenPrice listPrice) {
    /** The parameter that limits the tokens of an answer. */
    enum OutputLimit {
        /** OpenAI's own and Azure's since 2024-09; the older one is refused by the models that think. */
        MAX_COMPLETION_TOKENS,
        /** What compatible servers know; Mistral refuses the newer one with 422 (litellm issue 9583, 2025-03). */
        MAX_TOKENS
    }

    /** OpenAI's limit on the length of the input array; used everywhere, as other servers have none or a lower one. */
    static final int MAX_TEXTS = 2048;

    /** By OpenAI's API reference (SDK 4.100.0, 2026); its guide says 8,191 in places, the service takes 8,192. */
    static final int MAX_TOKENS_PER_TEXT = 8192;

    /** By OpenAI's API reference (SDK 4.100.0, 2026), summed over all texts. */
    static final int MAX_TOKENS_PER_REQUEST = 300_000;

    /** The profile of this endpoint for these settings. */
    static OpenAiProfile of(OpenAiEndpoint endpoint, ProviderSettings settings) {
        boolean own = OpenAiModels.isOwnEmbeddingModel(settings.model());
        boolean ownService = endpoint.kind() != OpenAiEndpoint.Kind.COMPATIBLE;
        ProviderLimits limits = own && ownService
                ? new ProviderLimits(MAX_TEXTS, MAX_TOKENS_PER_TEXT, MAX_TOKENS_PER_REQUEST, ProviderLimits.UNLIMITED)
                : ProviderLimits.ofTexts(MAX_TEXTS);
        if (settings.maxTextsPerRequest().isPresent()) {
            limits = limits.withAtMostTexts(settings.maxTextsPerRequest().getAsInt());
        }
        return new OpenAiProfile(
                dimensions(ownService, settings),
                limits,
                ownService ? OutputLimit.MAX_COMPLETION_TOKENS : OutputLimit.MAX_TOKENS,
                Tokenizer.of(settings.model()),
                endpoint.atListPrice() ? PriceTable.bundled().live("openai", settings.model()) : null);
    }

    private static OptionalInt dimensions(boolean ownService, ProviderSettings settings) {
        if (settings.capability() != Capability.EMBEDDING) {
            return OptionalInt.empty();
        }
        boolean sent = switch (settings.sendDimensions()) {
            case ALWAYS -> true;
            case NEVER -> false;
            case AUTO -> ownService && makesADifference(settings);
        };
        return sent ? OptionalInt.of(settings.dimension()) : OptionalInt.empty();
    }

    private static boolean makesADifference(ProviderSettings settings) {
        return OpenAiModels.shortensVectors(settings.model())
                && !OpenAiModels.defaultDimension(settings.model()).equals(OptionalInt.of(settings.dimension()));
    }
}
