package dev.evervec.testkit;

import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;

final class ScriptedProviderContractTest extends LLMProviderContract {
    @Override
    protected LLMProvider embedder() {
        return ScriptedProvider.builder().dimension(32).build();
    }

    @Override
    protected LLMProvider rewriter() {
        return ScriptedProvider.builder().capabilities(Capability.REWRITE).build();
    }

    @Override
    protected double tolerance() {
        return 1e-6;
    }
}
