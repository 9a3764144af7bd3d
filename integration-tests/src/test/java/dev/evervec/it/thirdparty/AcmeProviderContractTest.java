package dev.evervec.it.thirdparty;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.testkit.LLMProviderContract;
import java.nio.file.Path;

/** The contract of the testkit, on a provider that came from the configuration, decorators included. */
final class AcmeProviderContractTest extends LLMProviderContract {
    private static final String KEY = "acme-key-4711";

    static final String CONFIG = """
            [llm]
            provider = "acme-letters"
            api_key = "%s"
            [llm.models.embedding]
            name = "letters-1"
            [llm.models.rewrite]
            name = "letters-1"
            """.formatted(KEY);

    private static LlmConfig config() {
        return LlmConfig.parse(CONFIG, "acme.toml", Path.of("."));
    }

    @Override
    protected LLMProvider embedder() {
        return LLMProviders.create(config(), Capability.EMBEDDING);
    }

    @Override
    protected LLMProvider rewriter() {
        return LLMProviders.create(config(), Capability.REWRITE);
    }

    @Override
    protected String apiKey() {
        return KEY;
    }

    @Override
    protected double tolerance() {
        return 1e-9;
    }
}
