package dev.evervec.benchmarks.stub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.LLMProviders;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TransientProviderException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class StubServerTest {
    private static final CallContext CALL = CallContext.build(new CancelSignal());

    @Test
    void answersInTheFormOfEachProvider() throws Exception {
        try (StubServer server = StubServer.start(Map.of("dimension", "8"));
                LLMProvider openAi = openAi(server, 0);
                LLMProvider gemini = LLMProviders.create(embedding("gemini", "gemini-embedding-001")
                        .apiKey(Secret.of("none"))
                        .baseUrl("http://127.0.0.1:" + server.port())
                        .build())) {
            EmbedResponse first = openAi.embed(request(300));
            EmbedResponse second = gemini.embed(request(3));

            assertThat(first.size()).isEqualTo(300);
            assertThat(first.usage().inputTokens()).isEqualTo(300);
            assertThat(second.size()).isEqualTo(3);
        }
    }

    @Test
    void answersARewrite() throws Exception {
        try (StubServer server = StubServer.start(Map.of("rewrite-latency", "1"));
                LLMProvider rewriter =
                        LLMProviders.create(ProviderSettings.builder(Capability.REWRITE, "openai", "stub")
                                .baseUrl("http://127.0.0.1:" + server.port() + "/v1")
                                .build())) {
            assertThat(rewriter.rewrite(new RewriteRequest("prompt", CALL)).text())
                    .isNotBlank();
        }
    }

    @Test
    void refusesWhatIsBeyondTheQuotaAndTellsItAsOpenAiDoes() throws Exception {
        Map<String, String> settings =
                Map.of("dimension", "4", "rpm", "1", "window", "sliding", "headers", "true", "retry-after", "true");
        try (StubServer server = StubServer.start(settings)) {
            HttpResponse<String> allowed = post(server, "/v1/embeddings", "{\"input\":[\"a\"]}");
            HttpResponse<String> refused = post(server, "/v1/embeddings", "{\"input\":[\"a\"]}");

            assertThat(allowed.statusCode()).isEqualTo(200);
            assertThat(allowed.headers().firstValue("x-ratelimit-limit-requests"))
                    .hasValue("1");
            assertThat(allowed.headers().firstValue("x-ratelimit-remaining-requests"))
                    .hasValue("0");
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(refused.headers().firstValueAsLong("retry-after").getAsLong())
                    .isBetween(1L, 60L);
            assertThat(stats(server))
                    .extracting(StubProcess.Stats::requests, StubProcess.Stats::refused)
                    .containsExactly(2L, 1L);
        }
    }

    @Test
    void refusalInOpenAisFormIsUnderstoodByTheProvider() throws Exception {
        try (StubServer server = StubServer.start(Map.of("dimension", "8", "rpm", "1", "window", "fixed"));
                LLMProvider provider = openAi(server, 0)) {
            provider.embed(request(1));

            assertThatThrownBy(() -> provider.embed(request(1))).isInstanceOf(TransientProviderException.class);
        }
    }

    @Test
    void countsTextsAsRequestsIfToldTo() throws Exception {
        Map<String, String> settings =
                Map.of("dimension", "4", "rpm", "3", "rpm-counts", "texts", "window", "fixed", "retry-after", "true");
        try (StubServer server = StubServer.start(settings)) {
            String three = "{\"requests\":[{\"text\":\"a\"},{\"text\":\"b\"},{\"text\":\"c\"}]}";
            HttpResponse<String> allowed = post(server, "/v1beta/models/m:batchEmbedContents", three);
            HttpResponse<String> refused = post(server, "/v1beta/models/m:batchEmbedContents", three);

            assertThat(allowed.body()).contains("\"values\":[");
            assertThat(refused.body()).contains("RESOURCE_EXHAUSTED").contains("retryDelay");
        }
    }

    @Test
    void quotaIsChangedWhileItRuns() throws Exception {
        try (StubServer server = StubServer.start(Map.of("dimension", "4", "rpm", "1", "window", "fixed"))) {
            post(server, "/v1/embeddings", "{\"input\":[\"a\"]}");
            post(server, "/control?rpm=2&reset=true", "");
            HttpResponse<String> allowed = post(server, "/v1/embeddings", "{\"input\":[\"a\"]}");

            assertThat(allowed.statusCode()).isEqualTo(200);
            assertThat(stats(server).unitsBySecond().stream()
                            .mapToLong(Long::longValue)
                            .sum())
                    .isEqualTo(1);
            assertThat(post(server, "/control?nothing=2", "").statusCode()).isEqualTo(400);
        }
    }

    @Test
    void worksOnAsManyRequestsAsItHasSlotsAndQueuesTheOthers() throws Exception {
        Map<String, String> settings = Map.of("dimension", "4", "slots", "1", "request-micros", "2000");
        try (StubServer server = StubServer.start(settings)) {
            var callers = Executors.newFixedThreadPool(4);
            List<Future<HttpResponse<String>>> answers = callers.invokeAll(
                    Collections.nCopies(8, () -> post(server, "/v1/embeddings", "{\"input\":[\"a\",\"b\"]}")));
            callers.shutdown();

            assertThat(answers)
                    .allSatisfy(answer -> assertThat(answer.get().statusCode()).isEqualTo(200));
            assertThat(stats(server).texts()).isEqualTo(16);
            assertThat(stats(server).latencyMillis()).isGreaterThanOrEqualTo(16);
        }
    }

    @Test
    void runsInAProcessOfItsOwn() throws Exception {
        try (StubProcess process = StubProcess.start(Map.of("dimension", "8", "life", "60"));
                LLMProvider provider = LLMProviders.create(
                        embedding("openai", "stub").baseUrl(process.openAiUrl()).build())) {
            provider.embed(request(5));

            assertThat(process.stats().texts()).isEqualTo(5);
            process.reset();
            assertThat(process.stats().requests()).isZero();
        }
    }

    private static LLMProvider openAi(StubServer server, int retries) {
        return LLMProviders.create(embedding("openai", "stub")
                .baseUrl("http://127.0.0.1:" + server.port() + "/v1")
                .callPolicy(new CallPolicy(retries, Duration.ofSeconds(30), 8))
                .build());
    }

    private static ProviderSettings.Builder embedding(String provider, String model) {
        return ProviderSettings.builder(Capability.EMBEDDING, provider, model).dimension(8);
    }

    private static EmbedRequest request(int texts) {
        return new EmbedRequest(Collections.nCopies(texts, "text"), InputKind.DOCUMENT, CALL);
    }

    private static HttpResponse<String> post(StubServer server, String path, String body)
            throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + server.port() + path);
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .build()
                .send(
                        HttpRequest.newBuilder(uri)
                                .POST(BodyPublishers.ofString(body))
                                .build(),
                        BodyHandlers.ofString());
    }

    private static StubProcess.Stats stats(StubServer server) throws IOException, InterruptedException {
        URI uri = URI.create("http://127.0.0.1:" + server.port() + "/stats");
        return StubProcess.Stats.parsed(HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString())
                .body());
    }
}
