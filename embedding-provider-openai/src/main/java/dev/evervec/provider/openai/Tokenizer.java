package dev.evervec.provider.openai;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.EncodingType;
import org.jspecify.annotations.Nullable;

/** OpenAI's tokenizers. Each loads its tables (25 MB of heap for cl100k, 42 MB for o200k) when it first counts. */
enum Tokenizer {
    /** Of the embedding models and of the chat models up to GPT-4. */
    CL100K(EncodingType.CL100K_BASE),
    /** Of the chat models since GPT-4o. */
    O200K(EncodingType.O200K_BASE);

    private final EncodingType type;

    Tokenizer(EncodingType type) {
        this.type = type;
    }

    /** Makes one registry for both, and none before a text is counted. */
    private static final class Registry {
        static final EncodingRegistry LAZY = Encodings.newLazyEncodingRegistry();
    }

    /** The tokenizer of this model, or null if it is not known. By OpenAI's own table (tiktoken, model.py, 2026). */
    static @Nullable Tokenizer of(String model) {
        if (OpenAiModels.isOwnEmbeddingModel(model) || isOrSnapshotOf(model, "gpt-4", "gpt-3.5-turbo")) {
            return CL100K;
        }
        return isOrSnapshotOf(model, "gpt-4o", "gpt-4.1", "gpt-5", "o1", "o3", "o4-mini") ? O200K : null;
    }

    private static boolean isOrSnapshotOf(String model, String... families) {
        for (String family : families) {
            if (model.equals(family) || model.startsWith(family + "-")) {
                return true;
            }
        }
        return false;
    }

    /** The number of tokens; special tokens such as {@code <|endoftext|>} count as the plain text they are. */
    int count(String text) {
        return Registry.LAZY.getEncoding(type).countTokensOrdinary(text);
    }
}
