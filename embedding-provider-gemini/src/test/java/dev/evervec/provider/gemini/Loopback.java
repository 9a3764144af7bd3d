package dev.evervec.provider.gemini;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.any;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.options;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A server on 127.0.0.1 in place of the service, with the settings to reach it. */
final class Loopback implements AutoCloseable {
    static final String KEY = "AIza-test-key-4711";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final WireMockServer server =
            new WireMockServer(options().bindAddress("127.0.0.1").dynamicPort().gzipDisabled(true));

    Loopback() {
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.port();
    }

    ProviderSettings.Builder embedding(String model, int dimension) {
        return ProviderSettings.builder(Capability.EMBEDDING, "gemini", model)
                .apiKey(Secret.of(KEY))
                .baseUrl(url())
                .dimension(dimension)
                .callPolicy(new CallPolicy(3, Duration.ofSeconds(20), 8));
    }

    ProviderSettings.Builder rewriting(String model) {
        return ProviderSettings.builder(Capability.REWRITE, "gemini", model)
                .apiKey(Secret.of(KEY))
                .baseUrl(url())
                .callPolicy(new CallPolicy(3, Duration.ofSeconds(20), 8));
    }

    static LLMProvider provider(ProviderSettings.Builder settings) {
        return new GeminiProviderFactory().create(settings.build());
    }

    Loopback answers(ResponseDefinitionBuilder answer) {
        server.stubFor(any(anyUrl()).willReturn(answer));
        return this;
    }

    Loopback answersJson(String body) {
        return answers(
                aResponse().withHeader("Content-Type", "application/json").withBody(body));
    }

    /** The only request that came. */
    LoggedRequest request() {
        List<LoggedRequest> requests = requests();
        if (requests.size() != 1) {
            throw new AssertionError(requests.size() + " requests instead of 1");
        }
        return requests.get(0);
    }

    List<LoggedRequest> requests() {
        return server.getAllServeEvents().stream()
                .map(event -> LoggedRequest.createFrom(event.getRequest()))
                .toList();
    }

    JsonNode requestBody() {
        return json(request().getBodyAsString());
    }

    static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new AssertionError("not JSON: " + text, e);
        }
    }

    /** An answer with these vectors, each given as the inside of a JSON array. */
    static String vectors(String... vectors) {
        return java.util.Arrays.stream(vectors)
                .map(vector -> "{\"values\":[" + vector + "]}")
                .collect(Collectors.joining(",", "{\"embeddings\":[", "]}"));
    }

    /** An answer with so many vectors; the first component of each is its position. */
    static String numberedVectors(int count, int dimension) {
        return vectors(IntStream.range(0, count)
                .mapToObj(i ->
                        i + IntStream.range(1, dimension).mapToObj(c -> ",0.5").collect(Collectors.joining()))
                .toArray(String[]::new));
    }

    @Override
    public void close() {
        server.stop();
    }
}
