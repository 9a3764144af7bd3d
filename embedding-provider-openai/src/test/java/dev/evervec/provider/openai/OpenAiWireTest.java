package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.client.WireMock;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TransientProviderException;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What goes over the wire, to the letter. */
class OpenAiWireTest {
    private static final String VECTORS = Fixtures.answer(Fixtures.entry(0, "[1,0,0]"), Fixtures.entry(1, "[0,1,0]"));
    private static final String CHAT =
            "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"ok\"},"
                    + "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}";

    private final WireMockServer server = new WireMockServer(
            WireMockConfiguration.options().bindAddress("127.0.0.1").dynamicPort());

    @BeforeEach
    void start() {
        server.start();
        server.stubFor(WireMock.post(WireMock.urlMatching(".*/embeddings.*")).willReturn(WireMock.okJson(VECTORS)));
        server.stubFor(
                WireMock.post(WireMock.urlMatching(".*/chat/completions.*")).willReturn(WireMock.okJson(CHAT)));
    }

    @AfterEach
    void stop() {
        server.stop();
    }

    @Test
    void openAiIsSentBase64AndItsKeyAndNoTelemetry() {
        embed(openAi("text-embedding-3-small", 1536).build(), "one", "zwei");

        LoggedRequest sent = onlyRequest();
        assertThat(sent.getUrl()).isEqualTo("/v1/embeddings");
        assertThat(sent.getBodyAsString())
                .isEqualTo(
                        "{\"input\":[\"one\",\"zwei\"],\"model\":\"text-embedding-3-small\",\"encoding_format\":\"base64\"}");
        assertThat(headers(sent))
                .containsExactlyInAnyOrder(
                        "authorization: Bearer " + Fixtures.KEY,
                        "user-agent: evervec",
                        "content-type: application/json",
                        "content-length: " + sent.getBody().length,
                        "host: api.openai.com:" + server.port(),
                        "connection: keep-alive",
                        "accept-encoding: gzip");
    }

    @Test
    void withoutBaseUrlOpenAiIsAsked() {
        List<Request> meant = new ArrayList<>();
        ProviderSettings settings =
                openAi("text-embedding-3-small", 1536).baseUrl(null).build();
        try (OpenAiProvider provider = OpenAiProvider.create(
                settings,
                Clock.systemUTC(),
                builder -> builder.addInterceptor(chain -> {
                    meant.add(chain.request());
                    throw new IOException("enough seen");
                }))) {
            assertThatThrownBy(() -> provider.embed("a")).isInstanceOf(TransientProviderException.class);
        }

        assertThat(meant).singleElement().satisfies(request -> {
            assertThat(request.url()).hasToString("https://api.openai.com/v1/embeddings");
            assertThat(request.header("Authorization")).isEqualTo("Bearer " + Fixtures.KEY);
        });
    }

    @Test
    void dimensionsGoOnlyToModelsThatShortenAndOnlyIfTheyChangeAnything() {
        embed(openAi("text-embedding-3-large", 256).build(), "a", "b");
        assertThat(onlyRequest().getBodyAsString())
                .isEqualTo(
                        "{\"input\":[\"a\",\"b\"],\"model\":\"text-embedding-3-large\",\"dimensions\":256,\"encoding_format\":\"base64\"}");

        server.resetRequests();
        embed(openAi("text-embedding-ada-002", 512).build(), "a", "b");
        assertThat(onlyRequest().getBodyAsString()).doesNotContain("dimensions");

        server.resetRequests();
        embed(
                openAi("text-embedding-3-large", 256)
                        .sendDimensions(SendDimensions.NEVER)
                        .build(),
                "a",
                "b");
        assertThat(onlyRequest().getBodyAsString()).doesNotContain("dimensions");
    }

    @Test
    void aCompatibleServerGetsDimensionsOnlyWhenConfigured() {
        embed(Fixtures.embedding(baseUrl()).build(), "a", "b");
        assertThat(onlyRequest().getBodyAsString())
                .isEqualTo("{\"input\":[\"a\",\"b\"],\"model\":\"some-model\",\"encoding_format\":\"base64\"}");

        server.resetRequests();
        embed(
                Fixtures.embedding(baseUrl())
                        .sendDimensions(SendDimensions.ALWAYS)
                        .build(),
                "a",
                "b");
        assertThat(onlyRequest().getBodyAsString()).contains("\"dimensions\":3,");
    }

    @Test
    void aServerWithoutKeyGetsNoCredential() {
        embed(Fixtures.embedding(baseUrl() + "/").apiKey(null).build(), "a", "b");

        LoggedRequest sent = onlyRequest();
        assertThat(sent.getUrl()).isEqualTo("/v1/embeddings");
        assertThat(headers(sent))
                .containsExactlyInAnyOrder(
                        "user-agent: evervec",
                        "content-type: application/json",
                        "content-length: " + sent.getBody().length,
                        "host: 127.0.0.1:" + server.port(),
                        "connection: keep-alive",
                        "accept-encoding: gzip");
    }

    @Test
    void azureByDeploymentGetsPathVersionAndApiKeyHeader() {
        embed(azure("https://res.openai.azure.com").build(), "a", "b");

        assertThat(asked())
                .containsExactly("res.openai.azure.com/openai/deployments/my-embed/embeddings?api-version=2024-10-21");
        assertThat(onlyRequest().getHeader("api-key")).isEqualTo(Fixtures.KEY);
        assertThat(onlyRequest().containsHeader("Authorization")).isFalse();
        assertThat(onlyRequest().getBodyAsString())
                .isEqualTo("{\"input\":[\"a\",\"b\"],\"model\":\"my-embed\",\"encoding_format\":\"base64\"}");
    }

    @Test
    void azureUrlsCopiedFromThePortalLeadToTheSamePath() {
        embed(azure("https://res.openai.azure.com/openai/deployments/my-embed").build(), "a", "b");
        embed(azure("https://res.openai.azure.com/openai/").build(), "a", "b");
        embed(
                azure("https://res.openai.azure.com/openai/deployments/my-embed/embeddings?api-version=2024-02-01")
                        .build(),
                "a",
                "b");

        assertThat(asked())
                .containsExactly(
                        "res.openai.azure.com/openai/deployments/my-embed/embeddings?api-version=2024-10-21",
                        "res.openai.azure.com/openai/deployments/my-embed/embeddings?api-version=2024-10-21",
                        "res.openai.azure.com/openai/deployments/my-embed/embeddings?api-version=2024-02-01");
    }

    @Test
    void azureUnifiedGetsPlainPathsAndApiKeyHeader() {
        embed(azure("https://res.openai.azure.com/openai/v1/").build(), "a", "b");
        embed(
                azure("https://res.services.ai.azure.com/openai/v1?api-version=preview")
                        .build(),
                "a",
                "b");

        assertThat(asked())
                .containsExactly(
                        "res.openai.azure.com/openai/v1/embeddings",
                        "res.services.ai.azure.com/openai/v1/embeddings?api-version=preview");
        for (LoggedRequest sent : server.findAll(WireMock.anyRequestedFor(WireMock.anyUrl()))) {
            assertThat(sent.getHeader("api-key")).isEqualTo(Fixtures.KEY);
            assertThat(sent.containsHeader("Authorization")).isFalse();
        }
    }

    @Test
    void azureWithoutKeyGetsNoCredentialEither() {
        embed(azure("https://res.openai.azure.com/openai/v1").apiKey(null).build(), "a", "b");

        assertThat(headers(onlyRequest()).toString())
                .doesNotContainIgnoringCase("api-key")
                .doesNotContain("authorization");
    }

    @Test
    void aPromptGoesAsOneUserMessage() {
        try (OpenAiProvider provider = OpenAiProvider.create(
                Fixtures.rewriting(baseUrl()).temperature(0.3).build())) {
            assertThat(provider.rewrite("say \"ok\"")).isEqualTo("ok");
            assertThat(provider.model().temperature()).isEqualTo("0.3");
        }
        assertThat(onlyRequest().getUrl()).isEqualTo("/v1/chat/completions");
        assertThat(onlyRequest().getBodyAsString())
                .isEqualTo(
                        "{\"messages\":[{\"content\":\"say \\\"ok\\\"\",\"role\":\"user\"}],\"model\":\"some-model\",\"temperature\":0.3}");
    }

    @Test
    void noTemperatureIsSentUnlessConfigured() {
        try (OpenAiProvider provider =
                OpenAiProvider.create(Fixtures.rewriting(baseUrl()).build())) {
            provider.rewrite("p");
            assertThat(provider.model().temperature()).isEmpty();
        }
        assertThat(onlyRequest().getBodyAsString())
                .isEqualTo("{\"messages\":[{\"content\":\"p\",\"role\":\"user\"}],\"model\":\"some-model\"}");
    }

    @Test
    void aLimitOfGeneratedTokensIsToldOpenAiAndAzureInTheirWords() {
        String port = ":" + server.port();
        for (String url : List.of(
                "http://api.openai.com" + port + "/v1",
                "http://r.openai.azure.com" + port,
                "http://r.openai.azure.com" + port + "/openai/v1")) {
            server.resetRequests();
            assertThat(rewriteWithLimit(url))
                    .endsWith("\"max_completion_tokens\":77}")
                    .doesNotContain("max_tokens");
        }
    }

    @Test
    void aLimitOfGeneratedTokensIsToldOtherServersInTheWordsThatAllOfThemKnow() {
        assertThat(rewriteWithLimit(baseUrl())).endsWith("\"max_tokens\":77}").doesNotContain("max_completion_tokens");
    }

    private String rewriteWithLimit(String url) {
        ProviderSettings settings =
                Fixtures.rewriting(url).maxOutputTokens(OptionalInt.of(77)).build();
        try (OpenAiProvider provider = OpenAiProvider.create(settings, Clock.systemUTC(), toLoopback())) {
            provider.rewrite("p");
        }
        return onlyRequest().getBodyAsString();
    }

    @Test
    void halfCharactersAreReplacedAndWholeOnesKept() {
        embed(Fixtures.embedding(baseUrl()).build(), "x\uD800y\uDC00", "\uD83D\uDE00\u00e9<|endoftext|>");

        assertThat(onlyRequest().getBodyAsString())
                .startsWith("{\"input\":[\"x\uFFFDy\uFFFD\",\"\\uD83D\\uDE00\u00e9<|endoftext|>\"],");
    }

    @Test
    void theHighestNumberOfTextsGoesInOneRequest() {
        List<String> texts = new ArrayList<>();
        List<String> entries = new ArrayList<>();
        for (int i = 0; i < 2048; i++) {
            texts.add("text " + i);
            entries.add(Fixtures.entry(i, "\"" + Fixtures.base64(i, 1, 2) + "\""));
        }
        server.stubFor(WireMock.post("/v1/embeddings")
                .willReturn(WireMock.okJson(Fixtures.answer(entries.toArray(String[]::new)))));
        try (OpenAiProvider provider =
                OpenAiProvider.create(Fixtures.embedding(baseUrl()).build())) {
            assertThat(provider.embedBatch(texts))
                    .hasSize(2048)
                    .last()
                    .extracting(e -> e.get(0))
                    .isEqualTo(2047f);
        }
        onlyRequest();
    }

    private ProviderSettings.Builder openAi(String model, int dimension) {
        return ProviderSettings.builder(Capability.EMBEDDING, "openai", model)
                .baseUrl("http://api.openai.com:" + server.port() + "/v1")
                .apiKey(Secret.of(Fixtures.KEY))
                .dimension(dimension);
    }

    private ProviderSettings.Builder azure(String baseUrl) {
        return ProviderSettings.builder(Capability.EMBEDDING, "openai", "my-embed")
                .baseUrl(baseUrl.replace("https:", "http:").replace(".azure.com", ".azure.com:" + server.port()))
                .apiKey(Secret.of(Fixtures.KEY))
                .dimension(3);
    }

    private String baseUrl() {
        return "http://127.0.0.1:" + server.port() + "/v1";
    }

    /** The answer's dimension may not be what these settings want; only the request matters here. */
    private void embed(ProviderSettings settings, String... texts) {
        try (OpenAiProvider provider = OpenAiProvider.create(settings, Clock.systemUTC(), toLoopback())) {
            provider.embed(EmbedRequest.documents(List.of(texts)));
        } catch (PermanentProviderException wrongDimension) {
            assertThat(wrongDimension).hasMessageStartingWith("expected dim=" + settings.dimension() + ", got 3");
        }
    }

    /** Every host name leads to this machine. */
    private static UnaryOperator<OkHttpClient.Builder> toLoopback() {
        return builder -> builder.dns(host -> List.of(InetAddress.getByAddress(host, new byte[] {127, 0, 0, 1})));
    }

    /** The URLs asked, oldest first, as if they had gone to the real place. */
    private List<String> asked() {
        return server.getAllServeEvents().stream()
                .map(event -> event.getRequest().getHeader("Host").replace(":" + server.port(), "")
                        + event.getRequest().getUrl())
                .collect(Collectors.collectingAndThen(Collectors.toList(), urls -> {
                    Collections.reverse(urls);
                    return urls;
                }));
    }

    private LoggedRequest onlyRequest() {
        List<LoggedRequest> requests = server.findAll(WireMock.anyRequestedFor(WireMock.anyUrl()));
        assertThat(requests).hasSize(1);
        return requests.get(0);
    }

    private static List<String> headers(LoggedRequest request) {
        return request.getHeaders().all().stream()
                .map(header -> header.key().toLowerCase(Locale.ROOT) + ": "
                        + header.values().stream().collect(Collectors.joining("|")))
                .toList();
    }
}
