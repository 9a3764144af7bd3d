package dev.evervec.benchmarks.contest;

import dev.evervec.LLMProviders;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;

/** The provider of this library alone, without a pipeline. */
public final class OwnProvider extends PooledContender {
    static final String MODEL = "text-embedding-3-small";

    private final LLMProvider provider;

    /** One for the task. */
    public OwnProvider(Task task) {
        super(task);
        this.provider = embedder(task);
    }

    static LLMProvider embedder(Task task) {
        return LLMProviders.create(ProviderSettings.builder(Capability.EMBEDDING, "openai", MODEL)
                .baseUrl(task.baseUrl())
                .dimension(task.dimension())
                .maxTextsPerRequest(OptionalInt.of(task.textsPerRequest()))
                .callPolicy(policy(task.inFlight()))
                .build());
    }

    static LLMProvider rewriter(Task task) {
        return LLMProviders.create(ProviderSettings.builder(Capability.REWRITE, "openai", "gpt-4o-mini")
                .baseUrl(task.baseUrl())
                .callPolicy(policy(task.rewrites()))
                .build());
    }

    private static CallPolicy policy(int inFlight) {
        return new CallPolicy(3, Duration.ofSeconds(60), inFlight);
    }

    @Override
    protected int embed(List<String> batch) {
        return provider.embed(new EmbedRequest(batch, InputKind.DOCUMENT, CallContext.build(new CancelSignal())))
                .requireAll()
                .size();
    }

    @Override
    public void close() throws IOException {
        super.close();
        provider.close();
    }
}
