package dev.evervec.provider.openai;

import static dev.evervec.provider.openai.Fixtures.answer;
import static dev.evervec.provider.openai.Fixtures.base64;
import static dev.evervec.provider.openai.Fixtures.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderSettings.Normalization;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpenAiEmbeddingAnswersTest {
    @Test
    void numbersAndBase64GiveTheSameVector() {
        EmbedResponse response = embed(
                answer(entry(0, "[0.1, -2.5e-3, 3]"), entry(1, "\"" + base64(0.1f, -2.5e-3f, 3f) + "\"")), "a", "b");

        assertThat(response.embedding(0)).isEqualTo(response.embedding(1));
        assertThat(response.embedding(0).toArray()).containsExactly(0.1f, -2.5e-3f, 3f);
        assertThat(response.usage()).isEqualTo(TokenUsage.reported(7, 0));
    }

    @Test
    void shuffledAnswersLandAtTheirTexts() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            int n = 1 + random.nextInt(40);
            List<String> texts = new ArrayList<>();
            List<String> entries = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                texts.add("text " + i);
                entries.add(
                        random.nextBoolean()
                                ? entry(i, "[" + i + ",1,0.5]")
                                : "{\"embedding\":\"" + base64(i, 1, 0.5f) + "\",\"index\":" + i + "}");
            }
            Collections.shuffle(entries, random);

            EmbedResponse response = embed(answer(entries.toArray(String[]::new)), texts.toArray(String[]::new));

            for (int i = 0; i < n; i++) {
                assertThat(response.embedding(i).toArray())
                        .as("seed %d, text %d", seed, i)
                        .containsExactly(i, 1, 0.5f);
            }
        }
    }

    @Test
    void aMissingVectorIsAHole() {
        EmbedResponse response = embed(answer(entry(0, "[1,2,3]"), entry(2, "[3,4,5]")), "a", "b", "c");

        assertThat(response.embedding(1)).isNull();
        assertThat(response.defect(1)).contains("no vector");
        assertThat(response.embedding(2).get(0)).isEqualTo(3f);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[1,null,3]",
                "[1,\"2\",3]",
                "[1,NaN,3]",
                "[1,1e400,3]",
                "[1,-1e999,3]",
                "[1,Infinity,3]",
                "[1,\"NaN\",3]",
                "[1,[2],3]",
                "[[1,2,3]]",
                "[1,{\"x\":2},3]",
                "[1,true,3]",
                "[0,0,0]",
                "[1,2]",
                "[1,2,3,4,5,6,7]",
                "[]",
                "\"\"",
                "\"not base64!\"",
                "\"AAAA\"",
                "\"AACAPwAAgD8AAMB/\"",
                "null",
                "7",
                "{\"values\":[1,2,3]}"
            })
    void aBadVectorCostsOnlyItsText(String vector) {
        EmbedResponse response = embed(answer(entry(1, vector), entry(0, "[1,2,3]")), "a", "b");

        assertThat(response.embedding(0).toArray()).containsExactly(1, 2, 3);
        assertThat(response.embedding(1)).isNull();
        assertThat(response.defect(1)).isNotBlank();
    }

    @Test
    void vectorsWithoutAnyIndexAreTakenByPosition() {
        EmbedResponse response =
                embed("{\"data\":[{\"embedding\":[1,0,0]},{\"index\":null,\"embedding\":[2,0,0]}]}", "a", "b");

        assertThat(response.embedding(0).get(0)).isEqualTo(1f);
        assertThat(response.embedding(1).get(0)).isEqualTo(2f);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"data\":[{\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"embedding\":[1,0,0]},{\"embedding\":[1,0,0]},{\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"embedding\":[1,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":1,\"embedding\":[1,0,0]},{\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":0,\"embedding\":[1,0,0]},{\"index\":0,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":0,\"embedding\":[1,0,0]},{\"index\":2,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":-1,\"embedding\":[1,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":\"0\",\"embedding\":[1,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":0.5,\"embedding\":[1,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":99999999999,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":0,\"embedding\":[1,0,0]}]}",
                "{\"data\":[{\"index\":0,\"index\":1,\"embedding\":[1,0,0]},{\"index\":1,\"index\":0,\"embedding\":[2,0,0]}]}",
                "{\"data\":[{\"index\":0,\"embedding\":[1,0,0],\"embedding\":[2,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}",
                "{\"data\":[],\"data\":[{\"index\":0,\"embedding\":[1,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}",
                "{\"data\":[]}",
                "{\"data\":null}",
                "{\"data\":{\"0\":[1,0,0]}}",
                "{\"data\":[[1,0,0],[1,0,0]]}",
                "{}",
                "null",
                "[]",
                "\"ok\"",
                "{\"data\":[{\"index\":0,\"embedding\":[1,0,0]},{\"index\":1,\"embedding\":[1,0,0]}]}{}"
            })
    void anAnswerThatCannotBeMatchedWithTheTextsIsMalformed(String body) {
        assertMalformed(body);
    }

    @Test
    void everyVectorOfAWrongDimensionIsAMatterOfConfiguration() {
        assertThatThrownBy(() -> embed(answer(entry(0, "[1,2]"), entry(1, "\"" + base64(1, 2) + "\"")), "a", "b"))
                .isInstanceOfSatisfying(
                        PermanentProviderException.class,
                        e -> assertThat(e.owner()).isEqualTo(FaultOwner.CONFIGURATION))
                .hasMessageContaining("expected dim=3, got 2");
    }

    /** Each a vector of two components that is no vector, which says no less about the dimension. */
    @ParameterizedTest
    @ValueSource(strings = {"[0,0]", "[1,1e400]", "\"AAAAAAAAAAA=\"", "\"AACAfwAAgH8=\""})
    void aWrongDimensionIsToldWhateverElseIsWrong(String vector) {
        for (String body : List.of(
                answer(entry(0, "[1,2]"), entry(1, vector)),
                answer(entry(0, vector), entry(1, vector)),
                "{\"data\":[{\"embedding\":" + vector + "},{\"embedding\":[1,2]}]}")) {
            assertThatThrownBy(() -> embed(body, "a", "b"))
                    .isInstanceOfSatisfying(
                            PermanentProviderException.class,
                            e -> assertThat(e.owner()).isEqualTo(FaultOwner.CONFIGURATION))
                    .hasMessageContaining("expected dim=3, got 2");
        }
    }

    @Test
    void farTooLargeVectorsAreStillToldAsWrongDimension() {
        // 40 texts of 20,000 components are more than the answer may have at 3.
        String vector = "[" + "0.123456789,".repeat(19_999) + "1]";
        List<String> entries = new ArrayList<>();
        entries.add(entry(0, "[" + "0,".repeat(19_999) + "0]"));
        for (int i = 1; i < 40; i++) {
            entries.add(entry(i, vector));
        }
        String[] texts = Collections.nCopies(40, "t").toArray(String[]::new);

        assertThatThrownBy(() -> embed(answer(entries.toArray(String[]::new)), texts))
                .isInstanceOf(PermanentProviderException.class)
                .hasMessageContaining("expected dim=3, got 20000");
    }

    @Test
    void anEndlessAnswerIsCutOff() {
        assertThatThrownBy(() -> embed("{\"padding\":\"" + "x".repeat(2_000_000) + "\"}", "a"))
                .isInstanceOfSatisfying(
                        TransientProviderException.class,
                        e -> assertThat(e.failure()).isEqualTo(Failure.MALFORMED_ANSWER))
                .hasMessageContaining("longer than any answer");
    }

    @Test
    void unknownFieldsAnywhereAreSkipped() {
        EmbedResponse response = embed(
                "{\"id\":\"x\",\"nested\":{\"data\":[1,{\"index\":9}]},\"data\":[{\"meta\":{\"embedding\":[9]},\"embedding\":[1,2,3],"
                        + "\"index\":0,\"truncated\":[false]}],\"usage\":{\"prompt_tokens_details\":{\"prompt_tokens\":1},"
                        + "\"prompt_tokens\":5},\"error\":null}",
                "a");

        assertThat(response.embedding(0).toArray()).containsExactly(1, 2, 3);
        assertThat(response.usage()).isEqualTo(TokenUsage.reported(5, 0));
    }

    @Test
    void missingUsageIsEstimatedAndVoyagesTotalIsTaken() {
        assertThat(embed("{\"data\":[" + entry(0, "[1,2,3]") + "]}", "some words")
                        .usage())
                .isEqualTo(TokenUsage.estimated(TokenEstimate.of("some words"), 0));
        assertThat(embed("{\"data\":[" + entry(0, "[1,2,3]") + "],\"usage\":null}", "some words")
                        .usage())
                .isEqualTo(TokenUsage.estimated(TokenEstimate.of("some words"), 0));
        assertThat(embed("{\"data\":[" + entry(0, "[1,2,3]") + "],\"usage\":{\"total_tokens\":4}}", "some words")
                        .usage())
                .isEqualTo(TokenUsage.reported(4, 0));
        assertThat(embed(
                                "{\"data\":[" + entry(0, "[1,2,3]")
                                        + "],\"usage\":{\"prompt_tokens\":0,\"total_tokens\":4}}",
                                "some words")
                        .usage())
                .isEqualTo(TokenUsage.reported(4, 0));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-3",
                "1e300",
                "99999999999999999999999",
                "\"7\"",
                "null",
                "[7]",
                "{\"x\":7}",
                "0",
                "1000000001",
                "NaN"
            })
    void usageThatIsNoCountIsEstimated(String count) {
        assertThat(embed(
                                "{\"usage\":{\"prompt_tokens\":" + count + "},\"data\":[" + entry(0, "[1,2,3]") + "]}",
                                "some words")
                        .usage())
                .isEqualTo(TokenUsage.estimated(TokenEstimate.of("some words"), 0));
    }

    @Test
    void vectorsAreNormalisedOnlyWhenConfigured() {
        String body = answer(entry(0, "[3,0,4]"));
        try (RawServer server = RawServer.answering(body);
                OpenAiProvider always = OpenAiProvider.create(Fixtures.embedding(server.url())
                        .normalization(Normalization.ALWAYS)
                        .build());
                OpenAiProvider auto =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            assertThat(always.embed("a").toArray()).containsExactly(0.6f, 0f, 0.8f);
            assertThat(always.model().normalization()).isEqualTo("l2");
            assertThat(auto.embed("a").toArray()).containsExactly(3f, 0f, 4f);
            assertThat(auto.model().normalization()).isEqualTo("none");
        }
    }

    private static void assertMalformed(String body) {
        TransientProviderException failure = catchThrowableOfType(
                TransientProviderException.class, () -> embed(body, "a", "b").requireAll());
        assertThat(failure).as(body).isNotNull();
        assertThat(failure.failure()).isEqualTo(Failure.MALFORMED_ANSWER);
        assertThat(failure.owner()).isEqualTo(FaultOwner.PROVIDER);
    }

    private static EmbedResponse embed(String body, String... texts) {
        try (RawServer server = RawServer.answering(body);
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            return provider.embed(EmbedRequest.documents(List.of(texts)));
        }
    }
}
