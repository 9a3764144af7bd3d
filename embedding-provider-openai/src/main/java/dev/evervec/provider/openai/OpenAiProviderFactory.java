package dev.evervec.provider.openai;

import com.google.auto.service.AutoService;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderSettings;
import java.util.List;
import java.util.OptionalInt;

/**
 * Makes the provider {@code openai}, for OpenAI, Azure OpenAI and compatible servers.
 *
 * <p>Base URLs: none for OpenAI itself; for Azure {@code https://RESOURCE.openai.azure.com} (requests go to the deployment
 * named like the model) or {@code https://RESOURCE.openai.azure.com/openai/v1}; for another server the address before
 * {@code /embeddings}, for most of them ending in {@code /v1}, such as {@code http://localhost:11434/v1}.
 *
 * <p>Tokens are counted by the model's own tokenizer for OpenAI's embedding models and the chat models that OpenAI publishes it
 * for. List prices hold at {@code https://api.openai.com/v1} only, neither at Azure nor at OpenAI's regional addresses. The limit
 * of output tokens is sent as {@code max_completion_tokens} to OpenAI and Azure and as {@code max_tokens} to others; an answer
 * that it cuts off is no rewrite.
 *
 * <p>Stateless and thread-safe.
 */
@AutoService(LLMProviderFactory.class)
public final class OpenAiProviderFactory implements LLMProviderFactory {
    /** For {@link java.util.ServiceLoader}. */
    public OpenAiProviderFactory() {}

    @Override
    public String name() {
        return "openai";
    }

    /**
     * Makes a provider with its own HTTP client. Close it to free the connections.
     *
     * @throws IllegalArgumentException if the base URL cannot work; the message says why
     */
    @Override
    public LLMProvider create(ProviderSettings settings) {
        return OpenAiProvider.create(settings);
    }

    /** {@code OPENAI_API_KEY}. */
    @Override
    public List<String> keyVariables() {
        return List.of("OPENAI_API_KEY");
    }

    @Override
    public boolean needsKey() {
        return true;
    }

    /** 1,536 for text-embedding-3-small and text-embedding-ada-002, 3,072 for text-embedding-3-large. */
    @Override
    public OptionalInt defaultDimension(String model) {
        return OpenAiModels.defaultDimension(model);
    }
}
