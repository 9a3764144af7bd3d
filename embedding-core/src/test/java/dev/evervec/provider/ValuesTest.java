package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.provider.TokenUsage.Source;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** The values of the SPI. */
class ValuesTest {
    @Nested
    class Embeddings {
        @Test
        void bytesComeBackAsTheSameVector() {
            Embedding embedding = Embedding.of(1.5f, -0f, Float.MIN_VALUE, 3e38f);

            assertThat(Embedding.fromLittleEndian(embedding.toLittleEndian())).isEqualTo(embedding);
            assertThat(Embedding.of(1f).toLittleEndian()).containsExactly(0, 0, 0x80, 0x3f);
        }

        @Test
        void arraysAreCopiedBothWays() {
            float[] components = {1, 2};
            Embedding embedding = Embedding.of(components);
            components[0] = 9;
            embedding.toArray()[1] = 9;

            assertThat(embedding).isEqualTo(Embedding.of(1, 2));
        }

        @Test
        void whatIsNoVectorIsRefused() {
            assertThatThrownBy(Embedding::of).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Embedding.of(0, -0f)).hasMessageContaining("all zero");
            assertThatThrownBy(() -> Embedding.of(1, Float.POSITIVE_INFINITY)).hasMessageContaining("finite");
            assertThatThrownBy(() -> Embedding.fromLittleEndian(new byte[5])).hasMessageContaining("5 bytes");
        }

        @Test
        void normalizedHasLengthOneAndTheSameDirection() {
            Embedding unit = Embedding.of(3, 4).normalized();

            assertThat(unit.get(0)).isEqualTo(0.6f);
            assertThat(unit.cosine(Embedding.of(30, 40))).isCloseTo(1, within(1e-6));
            assertThat(Embedding.of(1, 0).cosine(Embedding.of(0, 5))).isZero();
            assertThat(Embedding.of(1e-30f, 0).normalized()).isEqualTo(Embedding.of(1, 0));
        }

        @Test
        void componentsAreNotShown() {
            assertThat(Embedding.of(0.123f, 1)).hasToString("Embedding[dimension=2]");
        }
    }

    @Nested
    class Secrets {
        @Test
        void doNotShowThemselves() {
            Secret secret = Secret.of("  sk-123 \n");

            assertThat(secret.reveal()).isEqualTo("sk-123");
            assertThat(secret).hasToString("***").isEqualTo(Secret.of("sk-123"));
            assertThatThrownBy(() -> Secret.of("sk-1\nsk-2")).hasMessageNotContaining("sk-");
            assertThatThrownBy(() -> Secret.of(" ")).hasMessageContaining("empty");
        }
    }

    @Nested
    class Tokens {
        @Test
        void sumsAreEstimatesAsSoonAsAPartIs() {
            TokenUsage sum = TokenUsage.reported(1, 2).plus(TokenUsage.estimated(10, 20));

            assertThat(sum).isEqualTo(new TokenUsage(11, 22, Source.ESTIMATED));
            assertThat(sum.totalTokens()).isEqualTo(33);
            assertThatThrownBy(() -> TokenUsage.reported(Long.MAX_VALUE, 0).plus(TokenUsage.reported(1, 0)))
                    .isInstanceOf(ArithmeticException.class);
            assertThatThrownBy(() -> TokenUsage.reported(-1, 0)).isInstanceOf(IllegalArgumentException.class);
        }

        @Test
        void estimatesStayBetweenNothingAndTheNumberOfBytes() {
            long seed = new Random().nextLong();
            Random random = new Random(seed);
            for (int round = 0; round < 500; round++) {
                String text = random.ints(random.nextInt(60), 1, 0x1F700)
                        .filter(c -> c < 0xD800 || c > 0xDFFF)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
                int estimate = TokenEstimate.of(text);
                assertThat(estimate)
                        .as("seed " + seed)
                        .isBetween(text.isEmpty() ? 0 : 1, text.getBytes(StandardCharsets.UTF_8).length);
            }
            assertThat(TokenEstimate.of("")).isZero();
            assertThat(TokenEstimate.of("the quick brown fox")).isBetween(5, 8);
            assertThat(TokenEstimate.of("敏捷的狐狸")).isBetween(5, 6);
        }
    }

    @Nested
    class Calls {
        @Test
        void aBudgetIsSharedByAllThatDrawOnIt() {
            RetryBudget budget = RetryBudget.of(2);

            assertThat(List.of(budget.tryTake(), budget.tryTake(), budget.tryTake()))
                    .containsExactly(true, true, false);
            assertThat(budget.left()).isZero();
            assertThat(RetryBudget.none().tryTake()).isFalse();
        }

        @Test
        void aSignalCutsWhatIsRegisteredOnceAndWhatIsRegisteredLaterAtOnce() {
            List<String> cut = new ArrayList<>();
            CancelSignal signal = new CancelSignal();
            signal.onCancel(() -> cut.add("gone")).close();
            signal.onCancel(() -> cut.add("first"));

            signal.cancel();
            signal.cancel();
            signal.onCancel(() -> cut.add("late"));

            assertThat(cut).containsExactly("first", "late");
            assertThat(signal.isCancelled()).isTrue();
        }

        @Test
        void whatThrowsWhileACallIsCutKeepsNothingElseFromBeingCut() {
            CancelSignal signal = new CancelSignal();
            List<String> cut = new ArrayList<>();
            IllegalStateException first = new IllegalStateException("first");
            signal.onCancel(() -> {
                throw first;
            });
            signal.onCancel(() -> cut.add("second"));
            signal.onCancel(() -> {
                throw new IllegalStateException("third");
            });

            assertThatThrownBy(signal::cancel).isSameAs(first);

            assertThat(cut).containsExactly("second");
            assertThat(first.getSuppressed()).singleElement().hasToString("java.lang.IllegalStateException: third");
            assertThat(signal.isCancelled()).isTrue();
        }

        @Test
        void blankTextsAreRefusedByIndexAndTextsAreNotShown() {
            assertThatThrownBy(() -> EmbedRequest.documents(List.of("a", "\t"))).hasMessage("texts[1] is blank");
            assertThatThrownBy(() -> EmbedRequest.documents(List.of())).hasMessage("texts is empty");
            assertThat(EmbedRequest.query("a secret")).hasToString("EmbedRequest[texts=1, kind=QUERY]");
            assertThat(new RewriteRequest("a secret", CallContext.live())).hasToString("RewriteRequest[chars=8]");
        }

        @Test
        void exceptionsCanBeStrippedOfTheirWordsDownTheChain() {
            Exception original = new Exception("outer secret", new IllegalStateException("inner secret"));

            Throwable bare = ProviderException.withoutMessage(original);

            assertThat(bare).hasMessage("java.lang.Exception");
            assertThat(bare.getCause()).hasMessage("java.lang.IllegalStateException");
            assertThat(bare.getStackTrace()).isEqualTo(original.getStackTrace());
        }
    }
}
