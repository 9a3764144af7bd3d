package dev.evervec.provider.gemini;

import static dev.evervec.provider.gemini.Loopback.provider;
import static dev.evervec.provider.gemini.Loopback.vectors;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.Normalization;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of a 200: vectors at their texts' places, or why not. */
class GeminiEmbeddingAnswersTest {
    private final Loopback service = new Loopback();

    @AfterEach
    void stop() {
        service.close();
    }

    private EmbedResponse embed(ProviderSettings.Builder settings, String answer, String... texts) {
        service.answersJson(answer);
        try (LLMProvider provider = provider(settings)) {
            return provider.embed(EmbedRequest.documents(List.of(texts)));
        }
    }

    private ProviderSettings.Builder plain(int dimension) {
        return service.embedding("gemini-embedding-001", dimension).normalization(Normalization.NEVER);
    }

    @Test
    void vectorsComeAtTheirTextsPlaces() {
        EmbedResponse response = embed(plain(2), vectors("1,0.5", "2,-0.25", "3.4028235e38,1e-45"), "a", "b", "c");

        assertThat(response.requireAll())
                .containsExactly(
                        Embedding.of(1f, 0.5f),
                        Embedding.of(2f, -0.25f),
                        Embedding.of(Float.MAX_VALUE, Float.MIN_VALUE));
    }

    @Test
    void tokensAreEstimated() {
        EmbedResponse response = embed(plain(1), vectors("1", "2"), "abc", "四字成語");

        assertThat(response.usage().source()).isEqualTo(TokenUsage.Source.ESTIMATED);
        assertThat(response.usage().inputTokens()).isBetween(5L, 8L);
        assertThat(response.usage().outputTokens()).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "{}",
                "null",
                "[]",
                "{\"embeddings\":[]}",
                "{\"embeddings\":null}",
                "{\"error\":\"SECRET\"}",
                "{\"error\":{\"code\":13,\"message\":\"SECRET\"}}",
                "{\"embeddings\":[{\"values\":\"AACAPwAAgD8=\"},{\"values\":[1,2]}]}",
                "{\"embedding\":{\"values\":[1,2]}}",
                "{\"embeddings\":{\"values\":[1,2]}}",
                "{\"embeddings\":\"SECRET\"}",
                "{\"embeddings\":[{\"values\":[1,2]}]}",
                "{\"embeddings\":[{\"values\":[1,2]},{\"values\":[1,2]},{\"values\":[1,2]}]}",
                "{\"embeddings\":[{\"values\":null},{\"values\":[1,2]}]}",
                "{\"embeddings\":[{\"values\":[NaN,2]},{\"values\":[1,2]}]}",
                "{\"embeddings\":[{\"values\":[\"SECRET\",2]},{\"values\":[1,2]}]}",
                "{\"embeddings\":[{\"values\":[[1,2]]},{\"values\":[1,2]}]}"
            })
    void anAnswerThatCannotBeMatchedWithTheTextsIsRefusedAsAWhole(String answer) {
        TransientProviderException failure =
                catchThrowableOfType(TransientProviderException.class, () -> embed(plain(2), answer, "a", "b"));

        assertThat(failure.failure()).isEqualTo(Failure.MALFORMED_ANSWER);
        assertThat(failure.httpStatus()).isEqualTo(200);
        assertThat(failure).hasMessageNotContaining("SECRET").hasStackTraceContaining("the answer");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                       | the vector is empty",
                "{\"values\":[]}          | the vector is empty",
                "{\"values\":[null,1.0]}  | component 0 of the vector is null",
                "{\"values\":[1e400,1.0]} | not a finite number",
                "{\"values\":[1,-1e999]}  | not a finite number",
                "{\"values\":[\"NaN\",1]}  | not a finite number",
                "{\"values\":[\"Infinity\",1]} | not a finite number",
                "{\"values\":[0,0.0]}     | all zero",
                "{\"values\":[1]}         | expected dim=2, got 1",
                "{\"values\":[1,2,3]}     | expected dim=2, got 3"
            })
    void aVectorWithADefectIsAHoleAndTheOthersAreKept(String defective, String why) {
        EmbedResponse response = embed(
                plain(2), "{\"embeddings\":[{\"values\":[1,2]}," + defective + ",{\"values\":[3,4]}]}", "a", "b", "c");

        assertThat(response.embedding(0)).isEqualTo(Embedding.of(1, 2));
        assertThat(response.embedding(1)).isNull();
        assertThat(response.defect(1)).contains(why);
        assertThat(response.embedding(2)).isEqualTo(Embedding.of(3, 4));
    }

    private record ErrorInside(String error, FaultOwner owner, int status) {}

    static Stream<ErrorInside> errorsInside() {
        return Stream.of(
                new ErrorInside("\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\"", FaultOwner.QUOTA, 429),
                new ErrorInside("\"code\":503,\"status\":\"UNAVAILABLE\"", FaultOwner.PROVIDER, 503),
                new ErrorInside("\"code\":401,\"status\":\"UNAUTHENTICATED\"", FaultOwner.CONFIGURATION, 401),
                new ErrorInside("\"code\":404,\"status\":\"NOT_FOUND\"", FaultOwner.CONFIGURATION, 404),
                new ErrorInside("\"code\":400,\"status\":\"INVALID_ARGUMENT\"", FaultOwner.ITEM, 400),
                new ErrorInside("\"code\":413", FaultOwner.REQUEST_SHAPE, 413));
    }

    @ParameterizedTest
    @MethodSource("errorsInside")
    void anErrorInsideA200IsTakenForWhatItIs(ErrorInside inside) {
        String error = "{\"error\":{\"message\":\"SECRET\"," + inside.error() + "}}";
        for (String answer : List.of(error, "[" + error + "]")) {
            ProviderException failure =
                    catchThrowableOfType(ProviderException.class, () -> embed(plain(2), answer, "a", "b"));

            assertThat(failure.owner()).isEqualTo(inside.owner());
            assertThat(failure.httpStatus()).isEqualTo(inside.status());
            assertThat(failure).hasMessageNotContaining("SECRET");
        }
    }

    @Test
    void numbersAsStringsAreNumbers() {
        assertThat(embed(plain(2), "{\"embeddings\":[{\"values\":[\"1.5\",\"-2e-3\"]}]}", "a")
                        .embedding(0))
                .isEqualTo(Embedding.of(1.5f, -2e-3f));
    }

    @Test
    void onlyHolesAreHolesAndNoWrongDimension() {
        EmbedResponse response = embed(plain(2), "{\"embeddings\":[{},{}]}", "a", "b");

        assertThat(List.of(response.defect(0), response.defect(1))).containsOnly("the vector is empty");
    }

    @Test
    void aModelWithAnotherDimensionIsAConfigurationError() {
        PermanentProviderException failure = catchThrowableOfType(
                PermanentProviderException.class,
                () -> embed(
                        plain(768).sendDimensions(SendDimensions.NEVER),
                        Loopback.numberedVectors(100, 3072),
                        IntStream.range(0, 100).mapToObj(i -> "text " + i).toArray(String[]::new)));

        assertThat(failure.owner()).isEqualTo(FaultOwner.CONFIGURATION);
        assertThat(failure).hasMessageContaining("expected dim=768, got 3072");
    }

    @Test
    void moreTextsThanFitAreRefusedWithoutACall() {
        try (LLMProvider provider = provider(plain(2))) {
            List<String> texts = IntStream.range(0, 101).mapToObj(i -> "t" + i).toList();

            assertThatThrownBy(() -> provider.embed(EmbedRequest.documents(texts)))
                    .isInstanceOfSatisfying(
                            ProviderException.class,
                            refused -> assertThat(refused.owner()).isEqualTo(FaultOwner.REQUEST_SHAPE));
        }
        assertThat(service.requests()).isEmpty();
    }

    @Test
    void anEmbeddingProviderDoesNotRewrite() {
        try (LLMProvider provider = provider(plain(2))) {
            assertThatThrownBy(() -> provider.rewrite("shorter"))
                    .isInstanceOf(PermanentProviderException.class)
                    .hasMessageContaining("does not rewrite");
        }
    }

    @Test
    void aFullRequestOfFullSizeVectorsIsWithinTheCap() {
        long seed = 20261121;
        Random random = new Random(seed);
        List<float[]> sent = IntStream.range(0, 100)
                .mapToObj(i -> {
                    float[] vector = new float[3072];
                    for (int c = 0; c < vector.length; c++) {
                        vector[c] = (float) random.nextGaussian();
                    }
                    return vector;
                })
                .toList();
        // As the service writes it: one component a line, indented.
        String[] written = sent.stream()
                .map(vector -> IntStream.range(0, vector.length)
                        .mapToObj(c -> "\n        " + vector[c])
                        .collect(Collectors.joining(",")))
                .toArray(String[]::new);

        EmbedResponse response = embed(
                plain(3072),
                vectors(written),
                IntStream.range(0, 100).mapToObj(i -> "t" + i).toArray(String[]::new));

        assertThat(response.requireAll())
                .as("seed %s", seed)
                .containsExactlyElementsOf(sent.stream().map(Embedding::of).toList());
    }

    @Nested
    class Lengths {
        private Embedding vector(ProviderSettings.Builder settings) {
            String full = "3,4" + ",0".repeat(settings.build().dimension() - 2);
            return Objects.requireNonNull(embed(settings, vectors(full), "a").embedding(0));
        }

        private String identity(ProviderSettings.Builder settings) {
            try (LLMProvider provider = provider(settings)) {
                return provider.model().normalization();
            }
        }

        @ParameterizedTest
        @CsvSource({
            "gemini-embedding-001, 768,  AUTO,   l2",
            "gemini-embedding-001, 3072, AUTO,   none",
            "gemini-embedding-2,   768,  AUTO,   none",
            "own-model,            768,  AUTO,   none",
            "gemini-embedding-001, 3072, ALWAYS, l2",
            "gemini-embedding-2,   768,  ALWAYS, l2",
            "gemini-embedding-001, 768,  NEVER,  none"
        })
        void lengthIsBroughtToOneWhereTheServiceLeavesItOrWhereConfigured(
                String model, int dimension, Normalization normalization, String expected) {
            ProviderSettings.Builder settings =
                    service.embedding(model, dimension).normalization(normalization);

            assertThat(identity(settings)).isEqualTo(expected);
            Embedding vector = vector(settings);
            assertThat(vector.get(0)).isEqualTo(expected.equals("l2") ? 0.6f : 3f);
            assertThat(vector.get(1)).isEqualTo(expected.equals("l2") ? 0.8f : 4f);
        }

        @Test
        void vectorsWithoutDirectionStayDefects() {
            EmbedResponse response = embed(
                    service.embedding("gemini-embedding-001", 2),
                    vectors("0,0", "1e400,1", "1e-45,0", "3.4e38,3.4e38"),
                    "a",
                    "b",
                    "c",
                    "d");

            assertThat(response.defect(0)).contains("all zero");
            assertThat(response.defect(1)).contains("not a finite number");
            assertThat(response.embedding(2)).isEqualTo(Embedding.of(1, 0));
            assertThat(Objects.requireNonNull(response.embedding(3)).cosine(Embedding.of(1, 1)))
                    .isGreaterThan(0.999999);
        }
    }
}
