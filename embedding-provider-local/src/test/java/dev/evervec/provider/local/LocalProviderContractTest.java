package dev.evervec.provider.local;

import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.testkit.LLMProviderContract;

final class LocalProviderContractTest extends LLMProviderContract {
    @Override
    protected LLMProvider embedder() {
        return new LocalProviderFactory()
                .create(ProviderSettings.builder(Capability.EMBEDDING, LocalProviderFactory.NAME, LocalProvider.MODEL)
                        .dimension(256)
                        .build());
    }

    @Override
    protected double tolerance() {
        return 1e-9;
    }

    @Override
    protected int maxTextsToSend() {
        return Integer.MAX_VALUE;
    }
}
