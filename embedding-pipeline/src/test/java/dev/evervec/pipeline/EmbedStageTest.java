package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Backoff;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** What one endpoint is asked and when, with time in the test's hands. */
class EmbedStageTest {
    private static final int DIMENSION = 2;
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private static final ProviderException SERVER_ERROR =
            TransientProviderException.serverError("broken", 500, null, null);
    private static final ProviderException RESET = TransientProviderException.noAnswer("reset", null);
    private static final ProviderException BAD_TEXT = PermanentProviderException.item("refused", 400, null);

    private record Slot(int index, SizedText text) implements EmbedStage.Item {}

    private final Set<Integer> embedded = new HashSet<>();
    private final Map<Integer, Reason> notEmbedded = new TreeMap<>();
    private final Deque<RequestBatch<Slot>> sent = new ArrayDeque<>();
    private int requests;
    private int probes;
    private long now = -5 * SECOND; // a monotonic clock may be negative
    private EmbedStage<Slot> stage = stage(2048, 3, 4);

    private EmbedStage<Slot> stage(int maxTexts, int retries, int inFlight) {
        return stage(ProviderLimits.ofTexts(maxTexts), retries, inFlight);
    }

    private EmbedStage<Slot> stage(ProviderLimits limits, int retries, int inFlight) {
        SplittableRandom random = new SplittableRandom(7);
        return new EmbedStage<>(
                DIMENSION,
                limits,
                new CallPolicy(retries, Duration.ofSeconds(60), inFlight),
                new Gate(BuildSettings.DEFAULT, Backoff.DEFAULT, random),
                Backoff.DEFAULT,
                random,
                new EmbedStage.Results<>() {
                    @Override
                    public void embedded(Slot slot, Embedding embedding) {
                        assertThat(embedded.add(slot.index())).isTrue();
                        assertThat(embedding.toArray()).containsExactly(slot.index() + 1, 1);
                    }

                    @Override
                    public void notEmbedded(Slot slot, Reason reason, String detail) {
                        assertThat(notEmbedded.put(slot.index(), reason)).isNull();
                    }
                });
    }

    private void offer(int count) {
        offer(count, 10);
    }

    private void offer(int count, int tokens) {
        stage.moreToCome(false);
        for (int i = 0; i < count; i++) {
            stage.offer(new Slot(i, new SizedText("text " + i, Sha256.ofText("text " + i), 10, tokens)));
        }
    }

    private void pump() {
        stage.pump(
                now,
                batch -> {
                    requests++;
                    sent.addLast(batch);
                },
                signal -> probes++);
    }

    /** Sends what may be sent and hands out the oldest request. */
    private RequestBatch<Slot> next() {
        pump();
        return sent.removeFirst();
    }

    private void answer(RequestBatch<Slot> batch) {
        EmbedResponse.Builder response = EmbedResponse.builder(batch.size(), DIMENSION);
        for (int i = 0; i < batch.size(); i++) {
            response.put(i, new float[] {batch.items.get(i).index() + 1, 1});
        }
        stage.answered(batch, response.build(TokenUsage.NONE), now);
    }

    private void fail(RequestBatch<Slot> batch, ProviderException failure) {
        stage.batchFailed(batch, failure, now);
    }

    /** Answers everything, refusing requests for which the script has a failure, until nothing is left to do. */
    private void serve(Function<RequestBatch<Slot>, @Nullable ProviderException> script) {
        for (int steps = 0; !stage.isEmpty(); steps++) {
            assertThat(steps).as("steps").isLessThan(10_000);
            pump();
            if (sent.isEmpty()) {
                now = Math.max(now + 1, stage.nextWake(now) == Long.MAX_VALUE ? now + SECOND : stage.nextWake(now));
                continue;
            }
            RequestBatch<Slot> batch = sent.removeFirst();
            ProviderException failure = script.apply(batch);
            if (failure == null) {
                answer(batch);
            } else {
                fail(batch, failure);
            }
        }
    }

    private void warmUp() {
        stage.moreToCome(false);
        stage.offer(new Slot(1_000_000, new SizedText("warm", Sha256.ofText("warm"), 4, 4)));
        answer(next());
        embedded.clear();
        requests = 0;
    }

    private static boolean has(RequestBatch<Slot> batch, Predicate<Integer> index) {
        return batch.items.stream().anyMatch(slot -> index.test(slot.index()));
    }

    @Nested
    class Splitting {
        @Test
        void oneBadTextAmong2048IsFoundInAtMost23Requests() {
            for (int bad : new int[] {0, 1, 777, 1024, 2047}) {
                embedded.clear();
                notEmbedded.clear();
                stage = stage(2048, 3, 4);
                warmUp();
                offer(2048);

                serve(batch -> has(batch, index -> index == bad) ? BAD_TEXT : null);

                assertThat(notEmbedded).isEqualTo(Map.of(bad, Reason.EMBED_PERMANENT));
                assertThat(embedded).hasSize(2047);
                assertThat(requests).isLessThanOrEqualTo(23);
            }
        }

        @Test
        void theFirstRequestThatIsRefusedWaitsForAProbe() {
            offer(8);

            fail(next(), BAD_TEXT);
            pump();
            assertThat(probes).isEqualTo(1);
            assertThat(requests).isEqualTo(1);
            stage.probeSucceeded(now);
            pump();

            assertThat(requests).isEqualTo(5);
        }

        @Test
        void aProbeThatIsRefusedAlikeStopsTheStage() {
            offer(8);

            fail(next(), BAD_TEXT);
            pump();
            stage.probeFailed(BAD_TEXT, now);

            assertThat(stage.stopCause()).contains("constant short text");
            assertThat(stage.drain()).hasSize(8);
        }

        @Test
        void aNamedTextIsChargedOnlyAfterItFailedAlone() {
            offer(10);

            serve(batch -> batch.size() == 10 ? PermanentProviderException.itemAt(4, "input 4", 400, null) : null);

            assertThat(notEmbedded).isEmpty();
            assertThat(embedded).hasSize(10);
            assertThat(requests).isEqualTo(3);
        }

        @Test
        void aNameIsBelievedThreeTimesAndNoMore() {
            warmUp();
            offer(100);
            List<Integer> sizes = new ArrayList<>();

            serve(batch -> {
                sizes.add(batch.size());
                return batch.size() > 40 ? PermanentProviderException.itemAt(0, "input 0", 400, null) : null;
            });

            assertThat(sizes).contains(99, 98, 97).doesNotContain(96);
            assertThat(embedded).hasSize(100);
        }

        @Test
        void aTextWithoutAUsableVectorIsAskedForOnceMoreAlone() {
            offer(3);
            for (int round = 0; round < 2; round++) {
                RequestBatch<Slot> batch = next();
                EmbedResponse.Builder response = EmbedResponse.builder(batch.size(), DIMENSION);
                for (int i = 0; i < batch.size(); i++) {
                    int index = batch.items.get(i).index();
                    response.put(i, new float[] {index == 1 ? Float.NaN : index + 1, 1});
                }
                stage.answered(batch, response.build(TokenUsage.NONE), now);
            }

            assertThat(embedded).containsExactlyInAnyOrder(0, 2);
            assertThat(notEmbedded).isEqualTo(Map.of(1, Reason.EMBED_PERMANENT));
            assertThat(requests).isEqualTo(2);
        }
    }

    @Nested
    class LearnedLimits {
        @Test
        void requestsThatWereCutBeforeTheLoweringDoNotLowerTheLimitAgain() {
            stage = stage(100, 3, 4);
            offer(400);
            pump();
            ProviderException refusal =
                    PermanentProviderException.requestShape(RequestLimit.TEXTS, "too many", 400, null);

            List.copyOf(sent).forEach(batch -> fail(batch, refusal));

            assertThat(stage.learnedLimits().maxTextsPerRequest()).isEqualTo(50);
            sent.clear();
            serve(batch -> null);
            assertThat(embedded).hasSize(400);
        }

        @Test
        void limitsAreLoweredForWhatTheRefusalNames() {
            stage = stage(new ProviderLimits(100, 8000, 4000, 100_000), 3, 4);
            offer(100);

            fail(next(), PermanentProviderException.requestShape(RequestLimit.TOKENS, "too many", 400, null));
            assertThat(stage.learnedLimits()).isEqualTo(new ProviderLimits(100, 8000, 500, 100_000));
            fail(next(), PermanentProviderException.requestShape(RequestLimit.BYTES, "too large", 413, null));
            assertThat(stage.learnedLimits()).isEqualTo(new ProviderLimits(100, 8000, 500, 250));
        }

        @Test
        void aTextRefusedAloneForItsLengthIsTooLong() {
            offer(1);
            fail(next(), PermanentProviderException.requestShape(RequestLimit.TOKENS, "too long", 400, null));

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.INPUT_TOO_LONG));
        }

        @Test
        void everyServiceLimitIsFoundWithoutLosingAText() {
            for (int most = 1; most <= 40; most += 3) {
                int limit = most;
                embedded.clear();
                stage = stage(64, 3, 4);
                offer(300);

                serve(batch -> batch.size() > limit
                        ? PermanentProviderException.requestShape(null, "too large", 413, null)
                        : null);

                assertThat(embedded).hasSize(300);
            }
        }
    }

    @Nested
    class FailingService {
        @Test
        void aSplitTreeHasOneBudget() {
            stage = stage(16, 3, 4);
            warmUp();
            offer(16);

            serve(batch -> {
                // Others go on succeeding.
                stage.gate.succeeded(now);
                return has(batch, index -> index == 5) ? SERVER_ERROR : null;
            });

            assertThat(notEmbedded).isEqualTo(Map.of(5, Reason.EMBED_TRANSIENT));
            assertThat(embedded).hasSize(15);
            // Four tries of the whole, then the parts of two splits, each once.
            assertThat(requests).isEqualTo(4 + 4 + 4);
            assertThat(probes).isZero();
        }

        @Test
        void successesBeforeAnOutageChargeNobody() {
            stage = stage(4, 2, 2);
            offer(8);
            RequestBatch<Slot> failing = next();
            RequestBatch<Slot> other = next();
            now += SECOND;
            fail(failing, RESET);
            now += 1;
            answer(other); // the last answer before the service went away

            for (int tries = 0; tries < 2; tries++) {
                now += 60 * SECOND;
                fail(next(), RESET);
            }

            assertThat(notEmbedded).isEmpty();
            now += 60 * SECOND;
            pump();
            assertThat(probes).isEqualTo(1);
            stage.probeSucceeded(now);
            answer(next());
            assertThat(embedded).hasSize(8);
        }

        @Test
        void aCallThatFailsOnAfterAProbeSucceededIsItselfToBlame() {
            stage = stage(4, 1, 2);
            offer(1);
            for (int tries = 0; tries < 2; tries++) {
                fail(next(), RESET);
                now += SECOND;
            }
            pump();
            assertThat(probes).isEqualTo(1);
            stage.probeSucceeded(now);

            for (int tries = 0; tries < 2; tries++) {
                assertThat(notEmbedded).isEmpty();
                fail(next(), RESET);
                now += SECOND;
            }

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.EMBED_TRANSIENT));
            assertThat(probes).isEqualTo(1);
        }

        private Duration timeUntilGivenUp() {
            long began = now;
            offer(4);
            for (int steps = 0; stage.stopCause() == null; steps++) {
                assertThat(steps).as("steps").isLessThan(10_000);
                int probesBefore = probes;
                pump();
                if (!sent.isEmpty()) {
                    fail(sent.removeFirst(), RESET);
                } else if (probes > probesBefore) {
                    stage.probeFailed(RESET, now);
                } else {
                    now = stage.nextWake(now);
                }
            }
            return Duration.ofNanos(now - began);
        }

        @Test
        void aServiceThatNeverAnsweredIsGivenUpSooner() {
            assertThat(timeUntilGivenUp()).isBetween(Duration.ofSeconds(30), Duration.ofSeconds(60));
        }

        @Test
        void aServiceThatHasAnsweredIsWaitedForLonger() {
            warmUp();

            assertThat(timeUntilGivenUp()).isBetween(Duration.ofSeconds(300), Duration.ofSeconds(330));
        }

        @Test
        void waitsGrowWithEveryFailure() {
            stage = stage(1, 8, 1);
            offer(1);
            long longest = 0;
            for (int failures = 1; failures <= 8; failures++) {
                fail(next(), SERVER_ERROR);
                long wait = stage.nextWake(now) - now;
                assertThat(wait).isBetween(0L, Backoff.DEFAULT.ceiling(failures).toNanos());
                longest = Math.max(longest, wait);
                now += wait;
            }

            assertThat(longest).isGreaterThan(5 * SECOND);
        }

        @Test
        void aCancelledCallThatNobodyCutIsAFailure() {
            stage = stage(4, 1, 2);
            offer(1);
            fail(next(), TransientProviderException.cancelled());

            assertThat(stage.nextWake(now)).isGreaterThan(now);
        }

        @Test
        void aServiceMayAskForAnyWait() {
            stage = stage(4, 1, 2);
            offer(1);
            Duration ages = Duration.ofSeconds(Long.MAX_VALUE);
            fail(next(), TransientProviderException.serverError("later", 503, null, ages));
            assertThat(stage.nextWake(now)).isEqualTo(now + 300 * SECOND);
            now += 300 * SECOND;

            fail(next(), TransientProviderException.rateLimited("much later", 429, null, ages));
            assertThat(stage.stopCause()).contains("quota");
        }
    }

    @Nested
    class Bounds {
        @Test
        void requestsSentAgainWaitForCommitsLikeOthers() {
            stage = stage(1, 3, 2);
            offer(4);
            RequestBatch<Slot> first = next();
            RequestBatch<Slot> second = next();
            fail(first, RESET);
            fail(second, RESET);
            stage.uncommitted(4);
            now += 60 * SECOND;

            pump();
            assertThat(sent).isEmpty();
            stage.uncommitted(3);
            pump();
            assertThat(sent).hasSize(1);
        }

        @Test
        void aHaltedStageIsQuietOnlyWhenItsProbeHasEnded() {
            offer(1);
            fail(next(), BAD_TEXT);
            pump();
            stage.halt();
            CancelSignal probe = stage.probeInFlight();

            assertThat(probe).isNotNull();
            assertThat(stage.nothingOut()).isFalse();
            stage.probeFailed(TransientProviderException.cancelled(), now);
            assertThat(stage.nothingOut()).isTrue();
            assertThat(stage.drain()).hasSize(1);
        }

        @Test
        void aRequestIsFilledWhileOthersAreUnderWayAndGoesAtOnceWhenIdle() {
            stage = stage(4, 3, 4);
            offer(3);
            stage.moreToCome(true);
            RequestBatch<Slot> idle = next();
            assertThat(idle.size()).isEqualTo(3);

            offer(3);
            stage.moreToCome(true);
            pump();
            assertThat(sent).isEmpty();
            stage.moreToCome(false);
            pump();
            assertThat(sent).hasSize(1);
        }
    }
}
