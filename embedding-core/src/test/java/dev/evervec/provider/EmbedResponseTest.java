package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.TransientProviderException.Failure;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EmbedResponseTest {
    private static final TokenUsage USAGE = TokenUsage.reported(7, 0);

    private static float[] vector(float first) {
        return new float[] {first, 1f};
    }

    @Test
    void vectorsStandAtTheIndicesOfTheirTextsInWhateverOrderTheyCome() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            int size = 1 + random.nextInt(50);
            List<Integer> order = new ArrayList<>();
            for (int i = 0; i < size; i++) {
                order.add(i);
            }
            Collections.shuffle(order, random);
            EmbedResponse.Builder builder = EmbedResponse.builder(size, 2);
            order.forEach(index -> builder.put(index, vector(index)));

            EmbedResponse response = builder.build(USAGE);

            for (int i = 0; i < size; i++) {
                assertThat(response.requireAll().get(i).get(0))
                        .as("seed " + seed)
                        .isEqualTo(i);
            }
        }
    }

    @Test
    void anIndexGivenTwiceOrOutOfRangeMakesTheWholeAnswerWorthless() {
        assertThatThrownBy(() -> EmbedResponse.builder(2, 2).put(0, vector(1)).put(0, vector(2)))
                .isInstanceOfSatisfying(
                        TransientProviderException.class,
                        e -> assertThat(e.failure()).isEqualTo(Failure.MALFORMED_ANSWER))
                .hasMessageContaining("index 0 twice");
        assertThatThrownBy(() -> EmbedResponse.builder(2, 2).put(2, vector(1))).hasMessageContaining("index 2");
        assertThatThrownBy(() -> EmbedResponse.builder(2, 2).put(-1, vector(1))).hasMessageContaining("index -1");
    }

    @Test
    void aDefectLeavesAHoleAndTheOthersStand() {
        EmbedResponse response = EmbedResponse.builder(5, 2)
                .put(0, vector(1))
                .put(1, new float[] {Float.NaN, 1})
                .put(2, new float[] {0, 0})
                .put(3, new float[] {1, 2, 3})
                .build(USAGE);

        assertThat(response.embedding(0)).isEqualTo(Embedding.of(1, 1));
        assertThat(response.embedding(1)).isNull();
        assertThat(response.defect(1)).contains("not a finite number");
        assertThat(response.defect(2)).contains("all zero");
        assertThat(response.defect(3)).isEqualTo("expected dim=2, got 3");
        assertThat(response.defect(4)).contains("no vector");
        assertThatThrownBy(response::requireAll).hasMessageContaining("texts[1]");
        assertThat(response).hasToString("EmbedResponse[texts=5, defects=4, usage=" + USAGE + "]");
    }

    @Test
    void aWrongDimensionOfEveryVectorIsAMistakeInTheConfiguration() {
        EmbedResponse.Builder builder =
                EmbedResponse.builder(2, 768).put(0, new float[1536]).put(1, new float[1536]);

        assertThatThrownBy(() -> builder.build(USAGE))
                .isInstanceOfSatisfying(
                        PermanentProviderException.class,
                        e -> assertThat(e.owner()).isEqualTo(FaultOwner.CONFIGURATION))
                .hasMessageContaining("expected dim=768, got 1536");
    }

    @Test
    void aVectorThatWasReadAlreadyIsProvenLikeAnyOther() {
        EmbedResponse response = EmbedResponse.builder(2, 2)
                .put(1, Embedding.of(1, 2))
                .put(0, Embedding.of(1, 2, 3))
                .build(USAGE);

        assertThat(response.embedding(1)).isEqualTo(Embedding.of(1, 2));
        assertThat(response.defect(0)).isEqualTo("expected dim=2, got 3");
        EmbedResponse.Builder twice = EmbedResponse.builder(2, 2).put(1, Embedding.of(1, 2));
        assertThatThrownBy(() -> twice.put(1, Embedding.of(1, 2))).hasMessageContaining("twice");
        assertThatThrownBy(() -> twice.putWrongDimension(2, 3)).hasMessageContaining("index 2");
    }

    @Test
    void anAnswerWithoutAnyVectorIsNoAnswer() {
        assertThatThrownBy(() -> EmbedResponse.builder(3, 2).build(USAGE))
                .isInstanceOf(TransientProviderException.class)
                .hasMessageContaining("no vector for 3 texts");
    }

    @Test
    void oneVectorForAListIsNotTakenForTheFirstTexts() {
        assertThatThrownBy(() -> EmbedResponse.builder(2, 2).put(0, vector(1)).build(USAGE))
                .isInstanceOfSatisfying(
                        TransientProviderException.class,
                        e -> assertThat(e.failure()).isEqualTo(Failure.MALFORMED_ANSWER))
                .hasMessageContaining("one vector for 2 texts");

        EmbedResponse lastOnly = EmbedResponse.builder(2, 2).put(1, vector(1)).build(USAGE);

        assertThat(lastOnly.embedding(1)).isEqualTo(Embedding.of(vector(1)));
        assertThat(lastOnly.defect(0)).contains("no vector");
    }
}
