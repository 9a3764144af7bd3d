package dev.evervec;

import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;

/** A provider over plain HTTP: one request per call, the key in the Authorization header, the answer ignored. */
public final class ToyFactory implements LLMProviderFactory {
    /** What its providers say that they cost. */
    public static final TokenPrice PRICE = TokenPrice.ofInput(BigDecimal.ONE);

    private final String name;
    private final String ownUrl;
    private final List<String> keyVariables;
    private final Map<String, Integer> dimensions;
    private final List<Capability> capabilities;

    private ToyFactory(
            String name,
            String ownUrl,
            List<String> keyVariables,
            Map<String, Integer> dimensions,
            List<Capability> capabilities) {
        this.name = name;
        this.ownUrl = ownUrl;
        this.keyVariables = keyVariables;
        this.dimensions = dimensions;
        this.capabilities = capabilities;
    }

    /** Needs a key, from these variables if from the environment. */
    public static ToyFactory withKey(String name, String ownUrl, String... keyVariables) {
        return new ToyFactory(
                name, ownUrl, List.of(keyVariables), Map.of("known-model", 7), List.of(Capability.values()));
    }

    /** Embeds only, without a key. */
    public static ToyFactory embedderWithoutKey(String name) {
        return new ToyFactory(name, "http://127.0.0.1:9", List.of(), Map.of(), List.of(Capability.EMBEDDING));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean supports(Capability capability) {
        return capabilities.contains(capability);
    }

    @Override
    public List<String> keyVariables() {
        return keyVariables;
    }

    @Override
    public boolean needsKey() {
        return !keyVariables.isEmpty();
    }

    @Override
    public OptionalInt defaultDimension(String model) {
        Integer known = dimensions.get(model);
        return known == null ? OptionalInt.empty() : OptionalInt.of(known);
    }

    @Override
    public LLMProvider create(ProviderSettings settings) {
        if (settings.model().equals("refused-model")) {
            throw new IllegalArgumentException("name refused-model is not served");
        }
        return new ToyProvider(settings, Objects.requireNonNullElse(settings.baseUrl(), ownUrl));
    }

    private record ToyProvider(ProviderSettings settings, String url) implements LLMProvider {
        @Override
        public ModelIdentity model() {
            return settings.capability() == Capability.EMBEDDING
                    ? ModelIdentity.embedding(settings.provider(), settings.model(), settings.dimension(), "", "none")
                    : ModelIdentity.rewriting(settings.provider(), settings.model(), "");
        }

        @Override
        public ProviderLimits limits() {
            return ProviderLimits.ofTexts(10);
        }

        @Override
        public TokenPrice price() {
            return PRICE;
        }

        @Override
        public int maxOutputTokens() {
            return settings.maxOutputTokens().orElse(0);
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            call();
            EmbedResponse.Builder answer = EmbedResponse.builder(request.texts().size(), settings.dimension());
            float[] vector = new float[settings.dimension()];
            vector[0] = 1;
            for (int i = 0; i < request.texts().size(); i++) {
                answer.put(i, vector);
            }
            return answer.build(TokenUsage.NONE);
        }

        @Override
        public RewriteResponse rewrite(RewriteRequest request) {
            call();
            return new RewriteResponse("rewritten", TokenUsage.NONE);
        }

        private void call() {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + "/" + settings.model()));
            if (settings.apiKey() != null) {
                request.header("Authorization", "Bearer " + settings.apiKey().reveal());
            }
            try {
                HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.discarding());
            } catch (IOException e) {
                throw TransientProviderException.noAnswer("no answer", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw TransientProviderException.cancelled();
            }
        }

        @Override
        public void close() {}
    }
}
