package dev.evervec.testkit;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenUsage;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** The contract must find providers that break it. */
final class LLMProviderContractTest {
    private static final String KEY = "sk-secret";

    @FunctionalInterface
    private interface Duty {
        void check(LLMProviderContract contract) throws Exception;
    }

    @Test
    void vectorsInTheWrongOrderAreFound() {
        assertFound(LLMProviderContract::vectorsComeInTheOrderOfTheTexts, answering(request -> {
            EmbedResponse.Builder answer = EmbedResponse.builder(request.texts().size(), 8);
            int last = request.texts().size() - 1;
            for (int i = 0; i <= last; i++) {
                answer.put(
                        last - i, VectorOracle.componentsOf("m", request.texts().get(i), 8));
            }
            return answer.build(TokenUsage.NONE);
        }));
    }

    @Test
    void vectorsThatDoNotDependOnTheTextAreFound() {
        LLMProvider constant = answering(request -> {
            EmbedResponse.Builder answer = EmbedResponse.builder(request.texts().size(), 8);
            for (int i = 0; i < request.texts().size(); i++) {
                answer.put(i, VectorOracle.componentsOf("m", "always this", 8));
            }
            return answer.build(TokenUsage.NONE);
        });
        assertFound(LLMProviderContract::vectorsComeInTheOrderOfTheTexts, constant);
    }

    @Test
    void anIgnoredCancelSignalAndAnIgnoredDeadlineAreFound() {
        LLMProvider deaf =
                answering(request -> ScriptedProvider.builder().build().embed(EmbedRequest.documents(request.texts())));
        assertFound(LLMProviderContract::aCallThatWasCancelledBeforeItBeganFailsAsCancelled, deaf);
        assertFound(LLMProviderContract::aCallWhoseDeadlineHasPassedFailsAsUnanswered, deaf);
    }

    @Test
    void aProviderThatAnswersAfterCloseIsFound() {
        LLMProvider open =
                answering(request -> ScriptedProvider.builder().build().embed(request));
        assertFound(LLMProviderContract::closingTwiceIsHarmlessAndCallsAfterItFail, open);
    }

    @Test
    void aKeyInToStringIsFound() {
        assertFound(
                LLMProviderContract::neitherKeyNorTextShowsInToString,
                new Broken(request -> ScriptedProvider.builder().build().embed(request), "Provider[" + KEY + "]"));
    }

    @Test
    void aProviderThatOneTextSpoilsForAllIsFound() {
        LLMProvider fragile = ScriptedProvider.builder()
                .faults(FaultScript.badTexts(text -> text.contains("\ud83d of")))
                .build();
        assertFound(LLMProviderContract::aLoneSurrogateHarmsNoOtherText, fragile);
    }

    @Test
    void aThreadThatOutlivesCloseIsFound() {
        CountDownLatch end = new CountDownLatch(1);
        LLMProvider leaking = answering(request -> {
            Thread thread = new Thread(() -> {
                try {
                    end.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            thread.setDaemon(false);
            thread.start();
            return ScriptedProvider.builder().build().embed(request);
        });
        try {
            assertFound(LLMProviderContract::closeLeavesNoThreadThatKeepsTheJvmAlive, leaking);
        } finally {
            end.countDown();
        }
    }

    @Test
    void limitsThatPromiseTooMuchAreFound() {
        LLMProvider boastful = ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(100))
                .faults(FaultScript.maxTexts(99))
                .build();
        assertFound(LLMProviderContract::aRequestWithAsManyTextsAsTheLimitsAllowIsAnsweredInFull, boastful);
    }

    private static void assertFound(Duty duty, LLMProvider broken) {
        assertThatThrownBy(() -> duty.check(contractOf(broken))).isNotInstanceOf(NullPointerException.class);
        assertThatCode(() -> duty.check(contractOf(ScriptedProvider.builder().build())))
                .doesNotThrowAnyException();
    }

    private static LLMProviderContract contractOf(LLMProvider provider) {
        return new LLMProviderContract() {
            @Override
            protected LLMProvider embedder() {
                return provider;
            }

            @Override
            protected String apiKey() {
                return KEY;
            }
        };
    }

    @FunctionalInterface
    private interface Answer {
        EmbedResponse to(EmbedRequest request);
    }

    private static LLMProvider answering(Answer answer) {
        return new Broken(answer, "Broken");
    }

    private record Broken(Answer answer, String shown) implements LLMProvider {
        @Override
        public ModelIdentity model() {
            return ModelIdentity.embedding("broken", "m", 8, "", "none");
        }

        @Override
        public ProviderLimits limits() {
            return ProviderLimits.ofTexts(100);
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            return answer.to(request);
        }

        @Override
        public void close() {}

        @Override
        public String toString() {
            return shown;
        }
    }
}
