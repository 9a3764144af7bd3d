package dev.evervec.it;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.Secret;
import java.nio.file.Path;
import java.util.OptionalInt;

/** A vendor whose official SDK is pointed at a {@link LoopbackServer}, by configuration alone. */
enum Vendor {
    OPENAI("openai", "text-embedding-3-small", "/v1") {
        @Override
        Embedding vector(String text, int dimension) {
            return LoopbackServer.openAiVector(model, text, dimension);
        }
    },
    GEMINI("gemini", "gemini-embedding-001", "") {
        @Override
        Embedding vector(String text, int dimension) {
            return LoopbackServer.geminiVector(model, text, dimension);
        }
    };

    static final String KEY = "key-0a1b2c3d4e5f";

    private final String provider;
    final String model;
    private final String path;

    Vendor(String provider, String model, String path) {
        this.provider = provider;
        this.model = model;
        this.path = path;
    }

    /** The vector that must be stored for the text. */
    abstract Embedding vector(String text, int dimension);

    /** A provider as a host makes it. */
    LLMProvider embedder(String serverUrl, int dimension, int batchSize, int maxRetries) {
        String toml = """
                [llm]
                provider = "%s"
                api_key = "%s"
                base_url = "%s"
                [llm.models.embedding]
                name = "%s"
                dim = %d
                send_dimensions = "always"
                batch_size = %d
                max_retries = %d
                """.formatted(provider, KEY, serverUrl + path, model, dimension, batchSize, maxRetries);
        return LLMProviders.create(LlmConfig.parse(toml, provider + ".toml", Path.of(".")), Capability.EMBEDDING);
    }

    /** The same by settings in code. */
    LLMProvider embedder(String serverUrl, int dimension, int batchSize, CallPolicy policy) {
        return LLMProviders.create(settings(Capability.EMBEDDING, model, serverUrl, policy)
                .dimension(dimension)
                .sendDimensions(SendDimensions.ALWAYS)
                .maxTextsPerRequest(OptionalInt.of(batchSize))
                .build());
    }

    /** A provider that rewrites. */
    LLMProvider rewriter(String serverUrl, CallPolicy policy) {
        return LLMProviders.create(settings(Capability.REWRITE, "a-writing-model", serverUrl, policy)
                .build());
    }

    private ProviderSettings.Builder settings(
            Capability capability, String modelName, String serverUrl, CallPolicy policy) {
        return ProviderSettings.builder(capability, provider, modelName)
                .apiKey(Secret.of(KEY))
                .baseUrl(serverUrl + path)
                .callPolicy(policy);
    }
}
