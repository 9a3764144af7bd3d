package dev.evervec.provider.openai;

import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** What is known of OpenAI's own embedding models (as of November 2026). */
final class OpenAiModels {
    private static final Map<String, Integer> DIMENSIONS = Map.of(
            "text-embedding-3-small", 1536,
            "text-embedding-3-large", 3072,
            "text-embedding-ada-002", 1536);

    private static final Pattern DOCUMENTED_PROMPTS =
            Pattern.compile("gpt-(3\\.5-turbo|4|4o|4o-mini)(-\\d{4}(-\\d{2}-\\d{2})?)?");

    private OpenAiModels() {}

    /** The dimension of the model's vectors unless another one is asked for. */
    static OptionalInt defaultDimension(String model) {
        Integer dimension = DIMENSIONS.get(model);
        return dimension == null ? OptionalInt.empty() : OptionalInt.of(dimension);
    }

    /** Whether it is one of OpenAI's embedding models. */
    static boolean isOwnEmbeddingModel(String model) {
        return DIMENSIONS.containsKey(model);
    }

    /** Whether the model makes shorter vectors when asked with {@code dimensions}. */
    static boolean shortensVectors(String model) {
        return model.startsWith("text-embedding-3-");
    }

    /** Whether the vendor tells how many tokens it bills around a prompt (OpenAI cookbook, 2024; of newer models it does not). */
    static boolean documentsPrompts(String model) {
        return DOCUMENTED_PROMPTS.matcher(model).matches();
    }
}
