package dev.evervec.provider.openai;

import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import java.util.OptionalInt;

/**
 * What this endpoint and model take, so that no server is sent what it refuses.
 *
 * @param dimensions the {@code dimensions} parameter to send, or empty to leave it out
 * @param limits what one request may carry
 * @param countsByCl100k whether the model's tokenizer is cl100k_base
 */
record OpenAiProfile(OptionalInt dimensions, ProviderLimits limits, boolean countsByCl100k) {
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
        return new OpenAiProfile(dimensions(ownService, settings), limits, own);
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
