package dev.evervec.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.provider.TokenUsage.Source;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        void base64IsReadFromWhereverItIs() {
            byte[] text = "??AACAPwAAAEA=??".getBytes(StandardCharsets.US_ASCII);
            ByteBuffer slice = ByteBuffer.wrap(text, 2, 12);
            ByteBuffer direct = ByteBuffer.allocateDirect(12);
            direct.put(text, 2, 12).flip();

            assertThat(Embedding.fromBase64(slice.asReadOnlyBuffer())).isEqualTo(Embedding.of(1, 2));
            assertThat(Embedding.fromBase64(direct)).isEqualTo(Embedding.of(1, 2));
            assertThat(Embedding.fromBase64(slice)).isEqualTo(Embedding.of(1, 2));
            assertThat(base64("AACAPwAAAEA")).as("without padding").isEqualTo(Embedding.of(1, 2));
        }

        @Test
        void base64ThatIsNoVectorIsRefused() {
            assertThatThrownBy(() -> base64("")).hasMessage("the vector is empty");
            assertThatThrownBy(() -> base64("AACA PwAA")).hasMessage("the vector is broken base64");
            assertThatThrownBy(() -> base64("AACA")).hasMessageContaining("3 bytes");
            assertThatThrownBy(() -> base64("AAAAAA==")).hasMessageContaining("all zero");
            assertThatThrownBy(() -> base64("AACAfw==")).hasMessageContaining("finite");
        }

        private static Embedding base64(String text) {
            return Embedding.fromBase64(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
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

    /** What a service tells of its tokens, and what becomes of it; -1 stands for what it does not tell. */
    @ParameterizedTest
    @CsvSource({
        "3, 4, 3, 4, REPORTED",
        "1, 0, 1, 20, ESTIMATED",
        "1000000000, 0, 1000000000, 20, ESTIMATED",
        "999999999, 1, 999999999, 1, REPORTED",
        "1000000000, 1, 10, 20, ESTIMATED",
        "1000000001, 4, 10, 20, ESTIMATED",
        "3, 1000000001, 10, 20, ESTIMATED",
        "9223372036854775807, 9223372036854775807, 10, 20, ESTIMATED",
        "-9223372036854775808, 4, 10, 4, ESTIMATED",
        "3, -9223372036854775808, 3, 20, ESTIMATED",
        "0, 4, 10, 4, ESTIMATED",
        "-1, -1, 10, 20, ESTIMATED"
    })
    void countsThatCannotBeTrueAreEstimated(long input, long output, long usedInput, long usedOutput, Source source) {
        assertThat(TokenUsage.reportedOrEstimated(input, output, () -> 10, () -> 20))
                .isEqualTo(new TokenUsage(usedInput, usedOutput, source));
    }

    @Test
    void nothingWrittenMayHaveCostNothing() {
        assertThat(TokenUsage.reportedOrEstimated(3, 0, () -> 10, () -> 0)).isEqualTo(TokenUsage.reported(3, 0));
    }

    @Nested
    class Prices {
        @Test
        void costsAreExactToTheTwelfthDecimal() {
            TokenPrice price = new TokenPrice(new BigDecimal("0.000001"), new BigDecimal("2.5"));

            assertThat(price.costOf(1, 0)).isEqualByComparingTo("0.000000000001");
            assertThat(price.costOf(TokenUsage.reported(3, 2))).isEqualByComparingTo("0.000005000003");
            assertThat(price.costOf(TokenUsage.NONE)).isEqualTo(BigDecimal.ZERO);
        }

        @Test
        void theDearestCallIsAWholeNumberOfTheSmallestUnitThatFitsALong() {
            TokenPrice dearest = new TokenPrice(TokenPrice.MAX_USD_PER_MILLION, TokenPrice.MAX_USD_PER_MILLION);

            assertThat(dearest.costOf(TokenUsage.MOST_PER_CALL - 1, 1)
                            .movePointRight(12)
                            .longValueExact())
                    .isPositive();
        }

        @Test
        void wholeDollarsAreWrittenOut() {
            TokenPrice price = TokenPrice.ofInput(new BigDecimal("1e3"));

            assertThat(price.inputUsdPerMillion()).hasToString("1000");
            assertThat(price.costOf(20_000, 0)).hasToString("20");
        }

        @Test
        void zeroIsZeroHoweverItIsWritten() {
            assertThat(TokenPrice.ofInput(new BigDecimal("0.000"))).isEqualTo(TokenPrice.FREE);
            assertThat(TokenPrice.ofInput(new BigDecimal("-0.0"))).isEqualTo(TokenPrice.FREE);
            assertThat(TokenPrice.ofInput(new BigDecimal("0.0200")))
                    .isEqualTo(TokenPrice.ofInput(new BigDecimal("0.02")));
        }

        @ParameterizedTest
        @ValueSource(strings = {"-0.000001", "9000.000001", "1e300", "0.0000001"})
        void whatCannotBeAPriceIsRefused(String usd) {
            assertThatThrownBy(() -> TokenPrice.ofInput(new BigDecimal(usd)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(
                            new BigDecimal(usd).stripTrailingZeros().toPlainString());
        }

        @Test
        void aModelThatWritesHasBothPricesOrNeither() {
            ProviderSettings.Builder rewriting = ProviderSettings.builder(Capability.REWRITE, "p", "m");
            assertThat(rewriting.build().price()).isNull();
            assertThatThrownBy(
                            () -> rewriting.usdPerMillionTokens(BigDecimal.ONE).build())
                    .hasMessageContaining("input and of output tokens, or neither");
            assertThat(rewriting
                            .usdPerMillionOutputTokens(BigDecimal.TEN)
                            .build()
                            .price())
                    .isEqualTo(new TokenPrice(BigDecimal.ONE, BigDecimal.TEN));
        }

        @Test
        void settingsThatCannotBeAreRefusedWithTheirName() {
            ProviderSettings.Builder embedding =
                    ProviderSettings.builder(Capability.EMBEDDING, "p", "m").dimension(3);
            assertThatThrownBy(
                            () -> embedding.maxOutputTokens(OptionalInt.of(0)).build())
                    .hasMessageContaining("maxOutputTokens must be positive");
            embedding.maxOutputTokens(OptionalInt.empty());
            assertThatThrownBy(() -> embedding
                            .usdPerMillionTokens(BigDecimal.valueOf(-1))
                            .build())
                    .hasMessageContaining("from 0 to 9000: -1");
            assertThatThrownBy(() -> embedding
                            .usdPerMillionTokens(null)
                            .usdPerMillionOutputTokens(BigDecimal.ONE)
                            .build())
                    .hasMessageContaining("no output tokens");
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
