package dev.evervec.examples;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TokenUsage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A provider for processes under test. Its third call does not answer before the process's standard input ends; it says on
 * standard error that it waits. With {@code SLOW_WAITS=no} in the environment it never waits.
 */
public final class SlowProviderFactory implements LLMProviderFactory {
    static final String WAITING = "slow provider: waiting";
    static final String SWITCH = "SLOW_WAITS";
    static final int CALLS_BEFORE_IT_WAITS = 2;

    @Override
    public String name() {
        return "slow";
    }

    @Override
    public LLMProvider create(ProviderSettings settings) {
        return new SlowProvider(settings);
    }

    private static final class SlowProvider implements LLMProvider {
        private final ModelIdentity model;
        private final ProviderSettings settings;
        private final AtomicInteger calls = new AtomicInteger();

        SlowProvider(ProviderSettings settings) {
            this.settings = settings;
            this.model = ModelIdentity.embedding("slow", settings.model(), settings.dimension(), "", "none");
        }

        @Override
        public ModelIdentity model() {
            return model;
        }

        @Override
        public ProviderLimits limits() {
            return ProviderLimits.ofTexts(settings.maxTextsPerRequest().orElse(100));
        }

        @Override
        public CallPolicy callPolicy() {
            return settings.callPolicy();
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            if (calls.incrementAndGet() > CALLS_BEFORE_IT_WAITS && !"no".equals(System.getenv(SWITCH))) {
                awaitEndOfInput();
            }
            EmbedResponse.Builder response =
                    EmbedResponse.builder(request.texts().size(), model.dimension());
            for (int i = 0; i < request.texts().size(); i++) {
                float[] vector = new float[model.dimension()];
                Arrays.fill(vector, 1f);
                response.put(i, vector);
            }
            return response.build(TokenUsage.estimated(request.texts().size(), 0));
        }

        private static void awaitEndOfInput() {
            System.err.println(WAITING);
            try {
                while (System.in.read() >= 0) {
                    // Whatever is sent means nothing.
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {}
    }
}
