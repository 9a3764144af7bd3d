package dev.evervec.benchmarks;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenUsage;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;

/** Answers every request after the same time, as a service in the network does, with vectors that cost no computing. */
final class SteadyProvider implements LLMProvider {
    private static final int DIMENSION = 768;
    static final int TEXTS_PER_REQUEST = 100;
    static final int REQUESTS_AT_A_TIME = 8;

    private final Duration latency;
    private final int dimension;

    SteadyProvider(Duration latency) {
        this(latency, DIMENSION);
    }

    SteadyProvider(Duration latency, int dimension) {
        this.latency = latency;
        this.dimension = dimension;
    }

    @Override
    public ModelIdentity model() {
        return ModelIdentity.embedding("steady", "steady", dimension, "", "none");
    }

    @Override
    public ProviderLimits limits() {
        return ProviderLimits.ofTexts(TEXTS_PER_REQUEST);
    }

    @Override
    public CallPolicy callPolicy() {
        return new CallPolicy(3, Duration.ofSeconds(60), REQUESTS_AT_A_TIME);
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        LockSupport.parkNanos(latency.toNanos());
        EmbedResponse.Builder response = EmbedResponse.builder(request.texts().size(), dimension);
        for (int i = 0; i < request.texts().size(); i++) {
            response.put(i, components(request.texts().get(i)));
        }
        return response.build(TokenUsage.NONE);
    }

    private float[] components(String text) {
        SplittableRandom random = new SplittableRandom(text.hashCode());
        float[] components = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            components[i] = (float) random.nextDouble(0.01, 1);
        }
        return components;
    }

    @Override
    public void close() {}
}
