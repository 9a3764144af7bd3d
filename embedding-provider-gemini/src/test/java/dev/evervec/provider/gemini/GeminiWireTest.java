package dev.evervec.provider.gemini;

import static dev.evervec.provider.gemini.Loopback.json;
import static dev.evervec.provider.gemini.Loopback.provider;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.tomakehurst.wiremock.http.RequestMethod;
import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** What goes over the wire, to the byte where it matters. */
class GeminiWireTest {
    private static final String DONE =
            "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"ok\"}]},\"finishReason\":\"STOP\"}]}";

    private final Loopback service = new Loopback();

    @AfterEach
    void stop() {
        service.close();
    }

    private void embed(ProviderSettings.Builder settings, EmbedRequest request) {
        service.answersJson(Loopback.numberedVectors(
                request.texts().size(), settings.build().dimension()));
        try (LLMProvider provider = provider(settings)) {
            provider.embed(request);
        }
    }

    @Nested
    class Embedding001 {
        @Test
        void everyTextIsOneEntryWithTaskTypeAndDimension() {
            embed(
                    service.embedding("gemini-embedding-001", 768).taskType("SEMANTIC_SIMILARITY"),
                    EmbedRequest.documents(List.of("one", "two \"zwei\" 二")));

            LoggedRequest request = service.request();
            assertThat(request.getMethod()).isEqualTo(RequestMethod.POST);
            assertThat(request.getUrl()).isEqualTo("/v1beta/models/gemini-embedding-001:batchEmbedContents");
            assertThat(service.requestBody()).isEqualTo(json("""
                    {"requests":[
                      {"content":{"parts":[{"text":"one"}],"role":"user"},"model":"models/gemini-embedding-001",
                       "taskType":"SEMANTIC_SIMILARITY","outputDimensionality":768},
                      {"content":{"parts":[{"text":"two \\"zwei\\" 二"}],"role":"user"},"model":"models/gemini-embedding-001",
                       "taskType":"SEMANTIC_SIMILARITY","outputDimensionality":768}]}"""));
        }

        @Test
        void theKeyGoesInItsHeaderAndNowhereElse() {
            embed(service.embedding("gemini-embedding-001", 3), EmbedRequest.documents(List.of("one")));

            LoggedRequest request = service.request();
            assertThat(request.getHeader("x-goog-api-key")).isEqualTo(Loopback.KEY);
            assertThat(request.getUrl()).doesNotContain(Loopback.KEY);
            assertThat(request.getBodyAsString()).doesNotContain(Loopback.KEY);
            assertThat(headerNames(request))
                    .containsExactlyInAnyOrder(
                            "accept-encoding",
                            "connection",
                            "content-length",
                            "content-type",
                            "host",
                            "user-agent",
                            "x-goog-api-client",
                            "x-goog-api-key");
        }

        @Test
        void withoutTaskTypeNoneIsSent() {
            embed(service.embedding("gemini-embedding-001", 3), EmbedRequest.documents(List.of("one")));

            assertThat(service.requestBody()).isEqualTo(json("""
                    {"requests":[{"content":{"parts":[{"text":"one"}],"role":"user"},
                      "model":"models/gemini-embedding-001","outputDimensionality":3}]}"""));
        }

        @Test
        void queriesGoWithTheirOwnTaskType() {
            embed(
                    service.embedding("gemini-embedding-001", 3)
                            .taskType("RETRIEVAL_DOCUMENT")
                            .queryTaskType("retrieval_query"),
                    EmbedRequest.query("one"));

            assertThat(entry(0).get("taskType").asText()).isEqualTo("RETRIEVAL_QUERY");
        }

        @Test
        void queriesWithoutTheirOwnTaskTypeUseThatOfDocuments() {
            embed(
                    service.embedding("gemini-embedding-001", 3).taskType("SEMANTIC_SIMILARITY"),
                    EmbedRequest.query("one"));

            assertThat(entry(0).get("taskType").asText()).isEqualTo("SEMANTIC_SIMILARITY");
        }

        @Test
        void theDimensionStaysAwayWhereItMustNotBeSent() {
            embed(
                    service.embedding("gemini-embedding-001", 3).sendDimensions(SendDimensions.NEVER),
                    EmbedRequest.documents(List.of("one")));

            assertThat(entry(0).has("outputDimensionality")).isFalse();
        }

        @Test
        void aHundredTextsGoInOneRequestInTheirOrder() {
            List<String> texts =
                    IntStream.range(0, 100).mapToObj(i -> "text " + i).toList();

            embed(service.embedding("gemini-embedding-001", 3), EmbedRequest.documents(texts));

            assertThat(service.requestBody().get("requests"))
                    .extracting(entry -> entry.at("/content/parts/0/text").asText())
                    .containsExactlyElementsOf(texts);
        }

        @Test
        void unpairedSurrogatesBecomeReplacementCharacters() {
            embed(
                    service.embedding("gemini-embedding-001", 3),
                    EmbedRequest.documents(List.of("a\uD800b", "\uDC00", "ok \uD83D\uDE00")));

            assertThat(List.of(text(0), text(1), text(2))).containsExactly("a\uFFFDb", "\uFFFD", "ok \uD83D\uDE00");
        }
    }

    @Nested
    class Embedding2 {
        @Test
        void theTaskIsWrittenBeforeTheTextAndNotSentAsParameter() {
            embed(
                    service.embedding("gemini-embedding-2", 768).taskType("RETRIEVAL_DOCUMENT"),
                    EmbedRequest.documents(List.of("one", "two")));

            assertThat(service.requestBody()).isEqualTo(json("""
                    {"requests":[
                      {"content":{"parts":[{"text":"title: none | text: one"}],"role":"user"},
                       "model":"models/gemini-embedding-2","outputDimensionality":768},
                      {"content":{"parts":[{"text":"title: none | text: two"}],"role":"user"},
                       "model":"models/gemini-embedding-2","outputDimensionality":768}]}"""));
        }

        @Test
        void queriesCarryTheirTaskInTheText() {
            embed(
                    service.embedding("gemini-embedding-2", 3)
                            .taskType("RETRIEVAL_DOCUMENT")
                            .queryTaskType("QUESTION_ANSWERING"),
                    EmbedRequest.query("why"));

            assertThat(text(0)).isEqualTo("task: question answering | query: why");
        }

        @Test
        void withoutTaskTypeTheTextStaysAsItIs() {
            embed(service.embedding("gemini-embedding-2", 3), EmbedRequest.documents(List.of("one")));

            assertThat(text(0)).isEqualTo("one");
        }
    }

    @Nested
    class AnyModel {
        @Test
        void theModelsPrefixOfTheModelNameMakesNoDifference() {
            embed(service.embedding("models/gemini-embedding-001", 3), EmbedRequest.documents(List.of("one")));

            assertThat(service.request().getUrl()).isEqualTo("/v1beta/models/gemini-embedding-001:batchEmbedContents");
            assertThat(entry(0).get("model").asText()).isEqualTo("models/gemini-embedding-001");
        }

        @Test
        void slashAndVersionAtTheEndOfTheBaseUrlMakeNoDifference() {
            for (String tail : List.of("", "/", "/v1beta", "/v1beta/")) {
                embed(
                        service.embedding("gemini-embedding-001", 3).baseUrl(service.url() + tail),
                        EmbedRequest.documents(List.of("one")));
            }

            assertThat(service.requests())
                    .hasSize(4)
                    .extracting(LoggedRequest::getUrl)
                    .containsOnly("/v1beta/models/gemini-embedding-001:batchEmbedContents");
        }

        @Test
        void aPathInTheBaseUrlIsKept() {
            embed(
                    service.embedding("gemini-embedding-001", 3).baseUrl(service.url() + "/proxy/google/v1beta"),
                    EmbedRequest.documents(List.of("one")));

            assertThat(service.request().getUrl())
                    .isEqualTo("/proxy/google/v1beta/models/gemini-embedding-001:batchEmbedContents");
        }

        @Test
        void withoutKeyNoKeyHeaderIsSent() {
            embed(service.embedding("own-model", 3).apiKey(null), EmbedRequest.documents(List.of("one")));

            assertThat(headerNames(service.request())).doesNotContain("x-goog-api-key", "authorization");
        }

        @Test
        void aDeadlineIsNotAnnouncedToTheService() {
            CallContext soon =
                    new CallContext(Instant.now().plusSeconds(5), CallContext.Priority.LIVE, null, new CancelSignal());

            embed(
                    service.embedding("gemini-embedding-001", 3),
                    new EmbedRequest(List.of("one"), dev.evervec.provider.InputKind.DOCUMENT, soon));

            assertThat(headerNames(service.request())).doesNotContain("x-server-timeout");
            assertThat(service.requestBody().get("requests")).hasSize(1);
        }
    }

    @Nested
    class Rewriting {
        @Test
        void thePromptIsOneUserMessageWithTheTemperature() {
            service.answersJson(DONE);
            try (LLMProvider provider =
                    provider(service.rewriting("gemini-2.0-flash").temperature(0.3))) {
                provider.rewrite("Say it shorter: \uD800 long");
            }

            assertThat(service.request().getUrl()).isEqualTo("/v1beta/models/gemini-2.0-flash:generateContent");
            assertThat(service.requestBody()).isEqualTo(json("""
                    {"contents":[{"parts":[{"text":"Say it shorter: \uFFFD long"}],"role":"user"}],
                     "generationConfig":{"temperature":0.3}}"""));
        }

        @Test
        void aLimitOfGeneratedTokensGoesAlong() {
            service.answersJson(DONE);
            try (LLMProvider provider =
                    provider(service.rewriting("gemini-2.0-flash").maxOutputTokens(OptionalInt.of(77)))) {
                provider.rewrite("Shorter, please");

                assertThat(provider.maxOutputTokens()).isEqualTo(77);
            }

            assertThat(service.requestBody().get("generationConfig")).isEqualTo(json("{\"maxOutputTokens\":77}"));
        }

        @Test
        void withoutTemperatureNoneIsSent() {
            service.answersJson(DONE);
            try (LLMProvider provider = provider(service.rewriting("gemini-2.0-flash"))) {
                provider.rewrite("Shorter, please");
            }

            assertThat(service.requestBody().at("/generationConfig/temperature").isMissingNode())
                    .isTrue();
        }
    }

    private JsonNode entry(int index) {
        return service.requestBody().get("requests").get(index);
    }

    private String text(int index) {
        return entry(index).at("/content/parts/0/text").asText();
    }

    private static List<String> headerNames(LoggedRequest request) {
        List<String> names = new java.util.ArrayList<>(request.getAllHeaderKeys().stream()
                .map(name -> name.toLowerCase(Locale.ROOT))
                .toList());
        Collections.sort(names);
        return names;
    }
}
