package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
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
import java.util.stream.Collectors;
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
    private int probesAnswered;
    private long now = -5 * SECOND; // a monotonic clock may be negative
    private EmbedStage<Slot> stage = stage(2048, 3, 4);

    private EmbedStage<Slot> stage(int maxTexts, int retries, int inFlight) {
        return stage(ProviderLimits.ofTexts(maxTexts), retries, inFlight);
    }

    private EmbedStage<Slot> stage(ProviderLimits limits, int retries, int inFlight) {
        SplittableRandom random = new SplittableRandom(7);
        return new EmbedStage<>(
                new PricedModel(ModelIdentity.embedding("scripted", "model", DIMENSION, "", "none"), null, false),
                limits,
                new CallPolicy(retries, Duration.ofSeconds(60), inFlight),
                new Gate(BuildSettings.DEFAULT, Backoff.DEFAULT, random),
                Purse.unlimited(),
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
            if (probes > probesAnswered) {
                probesAnswered++;
                stage.probeSucceeded(now);
                continue;
            }
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
        void theFirstRequestOfARunMayHoldTheBadText() {
            offer(2048);

            int rounds = serveInRounds(index -> index == 1500);

            assertThat(notEmbedded).isEqualTo(Map.of(1500, Reason.EMBED_PERMANENT));
            assertThat(requests).isLessThanOrEqualTo(23);
            assertThat(rounds).isLessThanOrEqualTo(7);
            assertThat(probes).isZero();
        }

        @Test
        void twentyBadTextsAmong2048AreFoundInAtMost285Requests() {
            warmUp();
            offer(2048);

            serve(batch -> has(batch, index -> index % 103 == 50 && index < 2048) ? BAD_TEXT : null);

            assertThat(notEmbedded).hasSize(20).containsValue(Reason.EMBED_PERMANENT);
            assertThat(embedded).hasSize(2028);
            assertThat(requests).isLessThanOrEqualTo(285);
            assertThat(probes).isLessThanOrEqualTo(3);
        }

        @Test
        void badTextsSpreadAtRandomAreFoundWithinTheBound() {
            StringBuilder figures = new StringBuilder("requests for 2,048 texts, 100 random spreads each:");
            Map<Integer, Integer> bounds = Map.of(1, 23, 5, 91, 20, 285);
            for (int bad : List.of(1, 5, 20)) {
                int most = 0;
                int sum = 0;
                for (int seed = 0; seed < 100; seed++) {
                    Set<Integer> positions = new SplittableRandom(seed)
                            .ints(0, 2048)
                            .distinct()
                            .limit(bad)
                            .boxed()
                            .collect(Collectors.toSet());
                    embedded.clear();
                    notEmbedded.clear();
                    probes = 0;
                    probesAnswered = 0;
                    stage = stage(2048, 3, 8);
                    warmUp();
                    now += SECOND;
                    offer(2048);

                    serve(batch -> has(batch, positions::contains) ? BAD_TEXT : null);

                    assertThat(notEmbedded.keySet()).as("seed " + seed).isEqualTo(positions);
                    assertThat(requests).isLessThanOrEqualTo(bounds.get(bad));
                    assertThat(probes).isLessThanOrEqualTo(2);
                    most = Math.max(most, requests + probes);
                    sum += requests + probes;
                }
                figures.append(" %d bad: %.1f on average, %d at most;".formatted(bad, sum / 100.0, most));
            }
            System.out.println(figures);
        }

        /** Sends all that may be sent, then answers all of it, and so on; says how often. */
        private int serveInRounds(Predicate<Integer> bad) {
            stage = stage(2048, 3, 64);
            offer(2048);
            for (int rounds = 0; ; rounds++) {
                pump();
                if (sent.isEmpty()) {
                    assertThat(stage.isEmpty()).isTrue();
                    return rounds;
                }
                List<RequestBatch<Slot>> round = List.copyOf(sent);
                sent.clear();
                round.forEach(batch -> {
                    if (has(batch, bad)) {
                        fail(batch, BAD_TEXT);
                    } else {
                        answer(batch);
                    }
                });
            }
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

    /** Nothing has succeeded since the refused requests were sent. */
    @Nested
    class Doubts {
        private static final ProviderException WRONG_KEY =
                PermanentProviderException.configuration("check api_key", 401, null);

        /** Refuses everything until a probe is sent; says how many requests were started after the first refusal. */
        private int refuseEverything() {
            pump();
            int before = requests;
            while (probes == 0) {
                fail(sent.removeFirst(), BAD_TEXT);
                pump();
            }
            return requests - before;
        }

        @Test
        void whenAllPartsOfTheFirstSplitAreRefusedAProbeDecides() {
            offer(2048);

            assertThat(refuseEverything()).isEqualTo(4);
            assertThat(notEmbedded).isEmpty();
            stage.probeSucceeded(now);
            probesAnswered++;
            serve(batch -> BAD_TEXT);

            assertThat(notEmbedded).hasSize(2048).containsValue(Reason.EMBED_PERMANENT);
        }

        @Test
        void aProbeThatIsRefusedAlikeBlamesTheConfiguration() {
            offer(2048);
            refuseEverything();

            stage.probeFailed(BAD_TEXT, now);
            pump();

            assertThat(stage.stopCause()).contains("constant short text");
            assertThat(notEmbedded).isEmpty();
            assertThat(sent).isEmpty();
            assertThat(stage.drain()).hasSize(2048);
        }

        @Test
        void noMoreThanFourRequestsAreStartedWhileManyAreRefused() {
            for (int inFlight : new int[] {1, 2, 8, 64}) {
                stage = stage(16, 3, inFlight);
                sent.clear();
                probes = 0;
                warmUp();
                now += SECOND;
                offer(16 * 200);

                assertThat(refuseEverything()).isLessThanOrEqualTo(4);
                stage.probeFailed(BAD_TEXT, now);

                assertThat(notEmbedded).isEmpty();
                assertThat(stage.drain().size()
                                + sent.stream().mapToInt(RequestBatch::size).sum())
                        .isEqualTo(16 * 200);
            }
        }

        @Test
        void textsSentOneByOneAreNotChargedBeforeTheEndpointIsKnownToWork() {
            stage = stage(1, 3, 1);
            warmUp();
            now += SECOND;
            offer(10);

            assertThat(refuseEverything()).isEqualTo(3);
            assertThat(notEmbedded).isEmpty();
            stage.probeSucceeded(now);
            assertThat(notEmbedded).hasSize(4);
        }

        @Test
        void anySuccessTellsWhoIsToBlame() {
            stage = stage(1, 3, 4);
            warmUp();
            now += SECOND;
            offer(3);
            pump();
            fail(sent.removeFirst(), BAD_TEXT);
            now += SECOND;
            assertThat(notEmbedded).isEmpty();

            answer(sent.removeFirst());

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.EMBED_PERMANENT));
            assertThat(probes).isZero();
        }

        @Test
        void aSuccessOfWhatWasSentBeforeTellsNothing() {
            stage = stage(1, 3, 2);
            warmUp();
            now += SECOND;
            offer(10);
            RequestBatch<Slot> before = next();
            fail(sent.removeFirst(), RESET); // its place is taken by one that is sent later
            now += 60 * SECOND;
            RequestBatch<Slot> after = next();

            fail(after, BAD_TEXT); // the key has been revoked meanwhile
            answer(before);

            assertThat(notEmbedded).isEmpty();
            refuseEverything();
            stage.probeFailed(BAD_TEXT, now);
            assertThat(notEmbedded).isEmpty();
        }

        @Test
        void theLastTextOfAllIsNotLeftInDoubt() {
            stage = stage(1, 3, 4);
            warmUp();
            now += SECOND;
            offer(1);

            serve(batch -> BAD_TEXT);

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.EMBED_PERMANENT));
            assertThat(probes).isEqualTo(1);
        }

        @Test
        void aSourceFullOfBadTextsPaysForFewProbes() {
            stage = stage(1, 3, 8);
            offer(2000);

            serve(batch -> BAD_TEXT);

            assertThat(notEmbedded).hasSize(2000);
            assertThat(probes).isLessThan(50);
        }

        @Test
        void aRequestInDoubtOutlivesAnOutage() {
            stage = stage(4, 1, 1);
            offer(4);
            fail(next(), BAD_TEXT);
            for (int tries = 0; tries < 2; tries++) {
                now += SECOND;
                fail(next(), RESET);
            }

            serve(batch -> has(batch, index -> index == 3) ? BAD_TEXT : null);

            assertThat(notEmbedded).isEqualTo(Map.of(3, Reason.EMBED_PERMANENT));
            assertThat(embedded).hasSize(3);
        }

        @Test
        void aWrongKeyIsMetByFourRequestsAtFirstAndNoneAfterItsSign() {
            stage = stage(1, 3, 32);
            offer(100);
            pump();

            assertThat(requests).isEqualTo(4);
            fail(sent.removeFirst(), WRONG_KEY);
            pump();
            assertThat(requests).isEqualTo(4);
            assertThat(stage.stopCause()).contains("api_key");
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
        void aServiceThatDoesNotSayWhatIsTooMuchTeachesByWhatItAccepts() {
            stage = stage(2048, 3, 4);
            offer(20_000);

            serve(batch -> batch.size() > 500 ? BAD_TEXT : null);

            assertThat(embedded).hasSize(20_000);
            assertThat(stage.learnedLimits().maxTextsPerRequest()).isBetween(125, 500);
            assertThat(requests).isLessThan(20_000 / 125 + 50);
        }

        @Test
        void aSizeThatWasAcceptedBeforeIsNotUnlearnedByAWhim() {
            stage = stage(100, 3, 4);
            offer(2000);
            int[] calls = {0};

            serve(batch -> ++calls[0] % 7 == 0 ? BAD_TEXT : null);

            assertThat(stage.learnedLimits().maxTextsPerRequest()).isEqualTo(100);
        }

        @Test
        void aBadTextTeachesNothing() {
            offer(2048);

            serve(batch -> has(batch, index -> index == 77) ? BAD_TEXT : null);

            assertThat(stage.learnedLimits().maxTextsPerRequest()).isEqualTo(2048);
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
                stage.gate.callSucceeded(now, now);
                return has(batch, index -> index == 5) ? SERVER_ERROR : null;
            });

            assertThat(notEmbedded).isEqualTo(Map.of(5, Reason.EMBED_TRANSIENT));
            assertThat(embedded).hasSize(15);
            // Four tries of the whole, then the parts of two splits, each once.
            assertThat(requests).isEqualTo(4 + 4 + 4);
            assertThat(probes).isZero();
        }

        @Test
        void aSplitTreeHasOneBudgetOfTime() {
            stage = stage(16, 1000, 4);
            warmUp();
            offer(1);
            long began = now;

            serve(batch -> {
                stage.gate.callSucceeded(now, now);
                return SERVER_ERROR;
            });

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.EMBED_TRANSIENT));
            assertThat(now - began).isBetween(200 * SECOND, 300 * SECOND);
        }

        @Test
        void requestsUnderWayTogetherAreOneRefusalForQuota() {
            stage = stage(1, 3, 8);
            warmUp();
            now += SECOND;
            offer(8);
            pump();

            for (RequestBatch<Slot> batch : List.copyOf(sent)) {
                fail(batch, TransientProviderException.rateLimited("slow down", 429, null, null));
            }

            assertThat(stage.nextWake(now) - now)
                    .isLessThanOrEqualTo(Backoff.DEFAULT.ceiling(1).toNanos());
        }

        @Test
        void aToldWaitIsKeptToTheSecondHoweverLong() {
            warmUp();
            offer(1);
            fail(next(), TransientProviderException.rateLimited("later", 429, null, Duration.ofMinutes(59)));

            assertThat(stage.stopCause()).isNull();
            assertThat(stage.nextWake(now))
                    .isEqualTo(now + Duration.ofMinutes(59).toNanos());
            pump();
            assertThat(sent).isEmpty();
            now = stage.nextWake(now);
            pump();
            assertThat(sent).hasSize(1);
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
            assertThat(notEmbedded).isEmpty();
            pump();
            assertThat(probes).isEqualTo(2);
            stage.probeSucceeded(now);

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.EMBED_TRANSIENT));
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
        void nobodyAsksForAServiceThatNothingWaitsFor() {
            stage = stage(4, 0, 2);
            offer(1);
            fail(next(), RESET);
            pump();
            assertThat(probes).isEqualTo(1);
            stage.probeSucceeded(now);
            fail(next(), RESET);
            pump();
            assertThat(probes).isEqualTo(2);
            stage.probeSucceeded(now); // so it is the text, which is given up
            stage.gate.openCircuit(now);

            now += 60 * SECOND;
            pump();

            assertThat(notEmbedded).isEqualTo(Map.of(0, Reason.EMBED_TRANSIENT));
            assertThat(probes).isEqualTo(2);
        }

        @Test
        void aServiceThatIsBackForAMomentOnlyChargesNobody() {
            stage = stage(100, 3, 4);
            warmUp();
            now += SECOND;
            offer(400);
            for (int probe = 1; probe <= 5; probe++) {
                int steps = 0;
                while (probes < probe) {
                    assertThat(steps++).isLessThan(1_000);
                    pump();
                    if (!sent.isEmpty()) {
                        fail(sent.removeFirst(), SERVER_ERROR);
                    } else if (probes < probe) {
                        now = stage.nextWake(now);
                    }
                }
                if (probe % 2 == 1) {
                    stage.probeSucceeded(now);
                    if (probe == 1) {
                        continue;
                    }
                    break;
                }
                stage.probeFailed(SERVER_ERROR, now);
                assertThat(notEmbedded).isEmpty();
            }
            serve(batch -> null);

            assertThat(notEmbedded).isEmpty();
            assertThat(embedded).hasSize(400);
            assertThat(requests).isLessThan(100);
        }

        @Test
        void theTimeThatAQuotaIsWaitedForIsNobodysFailure() {
            stage = stage(10, 3, 4);
            warmUp();
            now += SECOND;
            offer(10);
            fail(next(), RESET);
            now += 10 * SECOND;
            fail(next(), TransientProviderException.rateLimited("later", 429, null, Duration.ofSeconds(400)));
            now = stage.nextWake(now);
            stage.gate.callSucceeded(now, now); // others succeed

            fail(next(), RESET);

            assertThat(notEmbedded).isEmpty();
            serve(batch -> null);
            assertThat(embedded).hasSize(10);
        }

        @Test
        void waitingForAQuotaDoesNotUseUpThePatienceWithAnOutage() {
            stage = stage(10, 1, 4);
            warmUp();
            now += SECOND;
            offer(10);
            fail(next(), RESET);
            now += 10 * SECOND;
            fail(next(), TransientProviderException.rateLimited("later", 429, null, Duration.ofSeconds(400)));
            now = stage.nextWake(now);
            fail(next(), RESET);
            pump();
            assertThat(probes).isEqualTo(1);

            stage.probeFailed(RESET, now);

            assertThat(stage.stopCause()).isNull();
        }

        @Test
        void anOutageGivesBackWhatItTookFromCallsThatWaitToBeSentAgain() {
            stage = stage(10, 1, 2);
            warmUp();
            now += SECOND;
            offer(20);
            RequestBatch<Slot> a = next();
            RequestBatch<Slot> b = next();
            fail(a, RESET);
            fail(b, RESET); // both wait for their last try
            now = stage.nextWake(now);
            fail(next(), RESET); // the first of them: the circuit opens
            pump();
            assertThat(probes).isEqualTo(1);
            now += 60 * SECOND;
            stage.probeSucceeded(now);

            fail(next(), RESET);
            fail(next(), RESET);

            assertThat(notEmbedded).isEmpty();
            serve(batch -> null);
            assertThat(embedded).hasSize(20);
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
