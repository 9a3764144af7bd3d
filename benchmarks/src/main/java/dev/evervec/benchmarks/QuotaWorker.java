package dev.evervec.benchmarks;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Resilience;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.SplittableRandom;

/** One of the processes of {@link SharedQuotaUse}: sends as much as it may, until it is killed or its time is over. */
final class QuotaWorker {
    private static final int CALLERS = 4;
    private static final int MOST_TOKENS = 2_000;

    private QuotaWorker() {}

    /** Counts tokens as the texts say and asks the service for each request. */
    private static final class CountedProvider implements LLMProvider {
        private final HttpClient client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(10))
                .build();
        private final String url;

        CountedProvider(String url) {
            this.url = url;
        }

        @Override
        public ModelIdentity model() {
            return ModelIdentity.embedding("counted", "counted", 1, "", "none");
        }

        @Override
        public ProviderLimits limits() {
            return ProviderLimits.ofTexts(1);
        }

        @Override
        public int countTokens(String text) {
            return Integer.parseInt(text);
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            String text = request.texts().get(0);
            URI call = URI.create(url + "/" + ProcessHandle.current().pid() + "/" + text);
            try {
                client.send(HttpRequest.newBuilder(call).build(), HttpResponse.BodyHandlers.discarding());
            } catch (IOException e) {
                throw TransientProviderException.noAnswer("the counting service is gone", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw TransientProviderException.cancelled();
            }
            return EmbedResponse.builder(1, 1)
                    .put(0, new float[] {1})
                    .build(TokenUsage.reported(Integer.parseInt(text), 0));
        }

        @Override
        public void close() {}
    }

    /** Arguments: URL of the store, port of the service, both limits, 0 for none, and the seconds that it lives at most. */
    public static void main(String[] args) throws InterruptedException {
        int port = Integer.parseInt(args[1]);
        long end = System.nanoTime()
                + Duration.ofSeconds(Integer.parseInt(args[4])).toNanos();
        String url = "http://127.0.0.1:" + port;
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "counted", "counted")
                .baseUrl(url)
                .dimension(1)
                .requestsPerMinute(limit(args[2]))
                .tokensPerMinute(limit(args[3]))
                .build();
        try (EmbeddingStore store = JdbcStore.open(new StoreSettings(args[0], "postgres", null, null));
                LLMProvider provider = Resilience.decorate(new CountedProvider(url), settings, QuotaUnit.REQUESTS)) {
            provider.shareQuota(Objects.requireNonNull(store.sharedQuota()));
            Thread[] callers = new Thread[CALLERS];
            for (int i = 0; i < CALLERS; i++) {
                callers[i] = new Thread(() -> sendUntil(end, provider));
                callers[i].start();
            }
            for (Thread caller : callers) {
                caller.join();
            }
        }
    }

    private static OptionalInt limit(String perMinute) {
        int limit = Integer.parseInt(perMinute);
        return limit == 0 ? OptionalInt.empty() : OptionalInt.of(limit);
    }

    private static void sendUntil(long end, LLMProvider provider) {
        SplittableRandom random = new SplittableRandom();
        CallContext context = CallContext.build(new CancelSignal());
        while (System.nanoTime() - end < 0) {
            String tokens = Integer.toString(1 + random.nextInt(MOST_TOKENS));
            provider.embed(new EmbedRequest(List.of(tokens), InputKind.DOCUMENT, context));
        }
    }
}
