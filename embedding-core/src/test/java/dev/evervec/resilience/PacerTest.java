package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Pacer.Permit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class PacerTest {
    private static final OptionalInt NONE = OptionalInt.empty();

    private final ManualTiming timing = new ManualTiming();

    private Pacer pacer(OptionalInt requestsPerMinute, OptionalInt tokensPerMinute) {
        return heardOf(newPacer(requestsPerMinute, tokensPerMinute));
    }

    /** A call of it has come back. */
    private static Pacer heardOf(Pacer pacer) {
        pacer.ended(pacer.acquire(0, 0, live()));
        return pacer;
    }

    private Pacer newPacer(OptionalInt requestsPerMinute, OptionalInt tokensPerMinute) {
        return new Pacer(new Account("toy", requestsPerMinute, tokensPerMinute), timing, new Random(7));
    }

    private static CallContext live() {
        return CallContext.live();
    }

    private static Duration seconds(double seconds) {
        return Duration.ofNanos(Math.round(seconds * 1e9));
    }

    /** A quota is used at a little less than its whole rate. */
    private static double atTheRateOf(double seconds) {
        return seconds / Buckets.SHARE;
    }

    private static void assertAbout(Duration actual, double seconds) {
        assertThat(actual).isBetween(seconds(seconds - 0.001), seconds(seconds + 0.001));
    }

    @Nested
    final class Quotas {
        @Test
        void withoutAQuotaNothingWaits() {
            Pacer pacer = pacer(NONE, NONE);

            for (int i = 0; i < 10_000; i++) {
                pacer.acquire(1, 1_000_000, live());
            }

            assertThat(timing.elapsed()).isZero();
        }

        @Test
        void nothingComesInBeforeACallHasComeBack() {
            Pacer pacer = newPacer(OptionalInt.of(600), NONE);
            Permit first = pacer.acquire(1, 0, live());
            timing.advance(seconds(4));
            pacer.ended(first);

            for (int i = 0; i < 3; i++) {
                pacer.acquire(1, 0, live());
            }
            assertThat(timing.elapsed()).as("half a second's worth").isEqualTo(seconds(4));

            pacer.acquire(1, 0, live());
            assertAbout(timing.elapsed(), 4 + atTheRateOf(0.0075));
        }

        @Test
        void aFirstCallThatTakesLongIsNotWaitedFor() {
            Pacer pacer = newPacer(OptionalInt.of(60), NONE);
            pacer.acquire(1, 0, live());

            pacer.acquire(1, 0, live());

            assertAbout(timing.elapsed(), Pacer.LONGEST_START.toSeconds() + atTheRateOf(1));
        }

        @Test
        void requestsAreSpreadOverTheMinute() {
            Pacer pacer = pacer(OptionalInt.of(60), NONE);

            for (int i = 0; i < 61; i++) {
                pacer.acquire(1, 0, live());
            }

            assertAbout(timing.elapsed(), atTheRateOf(60));
        }

        @Test
        void whatWasNotUsedForAnHourIsNoMoreThanHalfASecondsWorth() {
            Pacer pacer = pacer(OptionalInt.of(600), NONE);
            pacer.acquire(1, 0, live());
            timing.advance(Duration.ofHours(1));
            Duration start = timing.elapsed();

            for (int i = 0; i < 4; i++) {
                pacer.acquire(1, 0, live());
            }
            assertThat(timing.elapsed()).isEqualTo(start);

            pacer.acquire(1, 0, live());
            pacer.acquire(1, 0, live());
            assertThat(timing.elapsed().minus(start)).isBetween(seconds(0.1), seconds(0.2));
        }

        @Test
        void aCallOverTheBurstGoesAtOnceAndLaterOnesWaitItsDebtOut() {
            Pacer pacer = pacer(OptionalInt.of(100), NONE);

            pacer.acquire(100, 0, live());
            assertThat(timing.elapsed()).isZero();

            pacer.acquire(100, 0, live());
            assertAbout(timing.elapsed(), atTheRateOf(60));
        }

        @Test
        void aCallWaitsForTheScarcerOfBothQuotasAndTakesNeitherBefore() {
            Pacer pacer = pacer(OptionalInt.of(6000), OptionalInt.of(60));
            pacer.acquire(1, 31, live());
            Instant soon = timing.now().plusSeconds(1);

            // it would have to wait for tokens beyond its deadline, and must not keep a request for that
            for (int i = 0; i < 200; i++) {
                assertThatThrownBy(() -> pacer.acquire(1, 1, live().withDeadline(soon)))
                        .isInstanceOf(TransientProviderException.class);
            }
            pacer.acquire(1, 1, live());

            assertAbout(timing.elapsed(), atTheRateOf(31));
        }

        @Test
        void tokensAreSettledByWhatTheServiceCounted() {
            Pacer pacer = pacer(NONE, OptionalInt.of(6000));

            pacer.succeeded(pacer.acquire(1, 50, live()), 1050, RateLimits.NONE);
            Permit second = pacer.acquire(1, 50, live());
            assertAbout(timing.elapsed(), atTheRateOf(10.5));

            pacer.succeeded(second, 0, RateLimits.NONE);
            pacer.acquire(1, 49, live());
            assertAbout(timing.elapsed(), atTheRateOf(10.5));
        }

        @Test
        void aCallThatWouldWaitBeyondItsDeadlineFailsAtOnceAndSaysWhenToComeBack() {
            Pacer pacer = pacer(OptionalInt.of(6), NONE);
            pacer.acquire(1, 0, live());
            Instant deadline = timing.now().plusSeconds(9);

            TransientProviderException thrown = (TransientProviderException)
                    catchThrowable(() -> pacer.acquire(1, 0, live().withDeadline(deadline)));

            assertThat(thrown.owner()).isEqualTo(FaultOwner.QUOTA);
            assertAbout(thrown.retryAfter(), atTheRateOf(10));
            assertThat(timing.elapsed()).isZero();
        }

        /** For any quotas and any calls: no window carries more than quota and burst, and the quota is used up. */
        @Test
        void noWindowCarriesMoreThanQuotaPlusBurstAndNothingIsWasted() {
            long seed = System.nanoTime();
            Random random = new Random(seed);
            for (int round = 0; round < 60; round++) {
                String where = "seed " + seed + ", round " + round;
                ManualTiming clock = new ManualTiming();
                int perMinute = 1 + random.nextInt(random.nextBoolean() ? 100 : 100_000);
                int largest = 1 + random.nextInt(200);
                boolean tokens = random.nextBoolean();
                boolean idle = random.nextBoolean();
                OptionalInt quota = OptionalInt.of(perMinute);
                Pacer pacer =
                        new Pacer(new Account("toy", tokens ? NONE : quota, tokens ? quota : NONE), clock, random);
                List<long[]> granted = new ArrayList<>(); // nanoseconds, cost
                long total = 0;
                for (int i = 0; i < 150; i++) {
                    int cost = 1 + random.nextInt(largest);
                    int estimate = tokens ? 1 + random.nextInt(largest) : cost;
                    if (idle && random.nextInt(10) == 0) {
                        clock.advance(seconds(random.nextInt(120)));
                    }
                    Permit permit;
                    try {
                        permit = pacer.acquire(tokens ? 1 : cost, tokens ? estimate : 0, live());
                    } catch (TransientProviderException e) {
                        // an hour's debt: the quota is far too small for such calls
                        clock.advance(e.retryAfter() == null ? Duration.ofHours(1) : e.retryAfter());
                        continue;
                    }
                    pacer.succeeded(permit, tokens ? cost : 0, RateLimits.NONE);
                    granted.add(new long[] {clock.elapsed().toNanos(), cost});
                    total += cost;
                }

                double burst = Math.max(1, perMinute / 60.0) + largest;
                for (int from = 0; from < granted.size(); from++) {
                    long sum = 0;
                    for (int to = from; to < granted.size(); to++) {
                        sum += granted.get(to)[1];
                        double window = (granted.get(to)[0] - granted.get(from)[0]) / 60e9;
                        assertThat((double) sum).as(where).isLessThanOrEqualTo(perMinute * window + burst + 1e-3);
                    }
                }
                if (!idle && granted.size() == 150) {
                    double needed = atTheRateOf(total * 60.0 / perMinute);
                    double waited = clock.elapsed().toNanos() / 1e9;
                    double oneCall = 2.0 * largest * 60.0 / perMinute;
                    assertThat(waited).as(where).isLessThanOrEqualTo(needed + oneCall + 0.01);
                }
            }
        }
    }

    @Nested
    final class Refusals {
        @Test
        void pauseEverybodyAsLongAsTheServiceAsked() {
            Pacer pacer = pacer(NONE, NONE);
            Permit sent = pacer.acquire(1, 0, live());
            Permit too = pacer.acquire(1, 0, live());
            pacer.refused(sent, Duration.ofSeconds(20), RateLimits.NONE);
            pacer.refused(too, Duration.ofSeconds(5), RateLimits.NONE);

            pacer.acquire(1, 0, live());

            assertAbout(timing.elapsed(), 20);
        }

        @Test
        void withoutAnAskedWaitPauseForTheBackoff() {
            Pacer pacer = pacer(NONE, NONE);
            for (int i = 0; i < 12; i++) {
                timing.advance(Duration.ofNanos(1));
                Duration before = timing.elapsed();
                Permit sent = pacer.acquire(1, 0, live());
                assertThat(timing.elapsed().minus(before)).isLessThanOrEqualTo(Duration.ofSeconds(20));
                pacer.refused(sent, null, RateLimits.NONE);
            }
            assertThat(timing.elapsed()).isGreaterThan(Duration.ofSeconds(20));
        }

        @Test
        void ofCallsSentTogetherCountOnce() {
            Pacer pacer = pacer(NONE, NONE);
            List<Permit> sent = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                sent.add(pacer.acquire(1, 0, live()));
            }
            timing.advance(Duration.ofSeconds(1));
            Duration refused = timing.elapsed();
            sent.forEach(call -> pacer.refused(call, null, RateLimits.NONE));

            pacer.acquire(1, 0, live());

            assertThat(timing.elapsed().minus(refused)).isLessThanOrEqualTo(Backoff.DEFAULT.ceiling(1));
        }

        @Test
        void areFollowedByNoBurst() {
            Pacer pacer = pacer(OptionalInt.of(6_000), NONE);
            List<Permit> sent = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                sent.add(pacer.acquire(1, 0, live()));
            }
            sent.forEach(call -> pacer.refused(call, Duration.ofSeconds(20), RateLimits.NONE));

            for (int i = 0; i < 11; i++) {
                pacer.acquire(1, 0, live());
            }

            assertThat(timing.elapsed()).isGreaterThan(Duration.ofMillis(20_100));
        }

        @Test
        void inARowAreMetByOneCallAtATime() {
            Pacer pacer = pacer(NONE, NONE);
            pacer.refused(pacer.acquire(1, 0, live()), null, RateLimits.NONE);
            pacer.refused(pacer.acquire(1, 0, live()), null, RateLimits.NONE);
            Permit ahead = pacer.acquire(1, 0, live());
            Instant soon = timing.now().plusSeconds(5);
            assertThatThrownBy(() -> pacer.acquire(1, 0, live().withDeadline(soon)))
                    .isInstanceOf(TransientProviderException.class);

            pacer.succeeded(ahead, 0, RateLimits.NONE);

            Duration before = timing.elapsed();
            pacer.acquire(1, 0, live());
            pacer.acquire(1, 0, live());
            assertThat(timing.elapsed()).isEqualTo(before);
        }

        @Test
        void forADayAreNotWaitedFor() {
            Pacer pacer = pacer(NONE, NONE);
            pacer.refused(pacer.acquire(1, 0, live()), Duration.ofDays(1), RateLimits.NONE);

            TransientProviderException thrown =
                    (TransientProviderException) catchThrowable(() -> pacer.acquire(1, 0, live()));

            assertAbout(thrown.retryAfter(), 86_400);
            assertThat(timing.elapsed()).isZero();
        }

        @Test
        void areWaitedForToTheSecondByACallerWithADeadlineAfterThem() {
            Pacer pacer = pacer(NONE, NONE);
            pacer.refused(pacer.acquire(1, 0, live()), Duration.ofHours(2), RateLimits.NONE);

            pacer.acquire(1, 0, live().withDeadline(timing.now().plus(Duration.ofHours(3))));

            assertThat(timing.elapsed()).isEqualTo(Duration.ofHours(2));
        }

        @Test
        void withAnAbsurdWaitDoNotOverflow() {
            Pacer pacer = pacer(NONE, NONE);
            pacer.refused(pacer.acquire(1, 0, live()), Duration.ofSeconds(Long.MAX_VALUE), RateLimits.NONE);

            assertThatThrownBy(() -> pacer.acquire(1, 0, live())).isInstanceOf(TransientProviderException.class);
            assertThatThrownBy(() ->
                            pacer.acquire(1, 0, live().withDeadline(timing.now().plusSeconds(1))))
                    .isInstanceOf(TransientProviderException.class);
        }

        @Test
        void withADeadlineBeyondAllTimeDoNotOverflow() {
            Pacer pacer = pacer(NONE, NONE);
            pacer.refused(pacer.acquire(1, 0, live()), Duration.ofHours(2), RateLimits.NONE);

            pacer.acquire(1, 0, live().withDeadline(Instant.MAX));

            assertThat(timing.elapsed()).isEqualTo(Duration.ofHours(2));
        }
    }

    @Nested
    final class Decorator {
        private EmbedRequest request(int texts) {
            return new EmbedRequest(Collections.nCopies(texts, "text"), InputKind.DOCUMENT, live());
        }

        @Test
        void countsRequestsOrTextsAsTheServiceDoes() {
            try (PacingProvider requests = new PacingProvider(
                            new ScriptedProvider(), pacer(OptionalInt.of(60), NONE), QuotaUnit.REQUESTS);
                    PacingProvider texts = new PacingProvider(
                            new ScriptedProvider(), pacer(OptionalInt.of(60), NONE), QuotaUnit.TEXTS)) {
                requests.embed(request(5));
                requests.embed(request(5));
                assertAbout(timing.elapsed(), atTheRateOf(1));

                texts.embed(request(5));
                texts.embed(request(5));
                assertAbout(timing.elapsed(), atTheRateOf(6));
            }
        }

        @Test
        void settlesTokensByTheAnswer() {
            ScriptedProvider provider = new ScriptedProvider();
            provider.tokensReported = 34;
            try (PacingProvider paced =
                    new PacingProvider(provider, pacer(NONE, OptionalInt.of(60)), QuotaUnit.REQUESTS)) {
                paced.embed(request(1));
                paced.embed(request(1));
            }
            assertAbout(timing.elapsed(), atTheRateOf(34));
        }

        @Test
        void countsWhatARewriteGeneratesToo() {
            try (PacingProvider paced =
                    new PacingProvider(new ScriptedProvider(), pacer(NONE, OptionalInt.of(60)), QuotaUnit.TEXTS)) {
                paced.rewrite(new RewriteRequest("p", live()));
                paced.rewrite(new RewriteRequest("p", live()));
            }
            assertAbout(timing.elapsed(), atTheRateOf(10));
        }

        @Test
        void pausesAfterARefusalAndOnlyThen() {
            ScriptedProvider provider = ScriptedProvider.failing(
                    TransientProviderException.serverError("500", 500, null, Duration.ofSeconds(9)),
                    TransientProviderException.rateLimited("429", 429, null, Duration.ofSeconds(3)));
            try (PacingProvider paced = new PacingProvider(provider, pacer(NONE, NONE), QuotaUnit.REQUESTS)) {
                assertThatThrownBy(() -> paced.embed(request(1))).hasMessage("500");
                assertThatThrownBy(() -> paced.embed(request(1))).hasMessage("429");
                assertThat(timing.elapsed()).isZero();
                paced.embed(request(1));
            }
            assertAbout(timing.elapsed(), 3);
        }
    }

    /** Real threads; the clock is moved by the test. */
    @Nested
    @Timeout(30)
    final class Lines {
        private final ManualTiming clock = new ManualTiming() {
            @Override
            public void await(Condition condition, long nanos) throws InterruptedException {
                // looks at the clock of the test every now and then
                condition.await(1, TimeUnit.MILLISECONDS);
            }
        };
        /** At a little less than its whole rate that is one a second. */
        private final Pacer pacer =
                heardOf(new Pacer(new Account("toy", OptionalInt.of(61), NONE), clock, new Random(7)));

        private final List<String> sent = Collections.synchronizedList(new ArrayList<>());
        private final List<Thread> threads = new ArrayList<>();

        private Thread queue(String name, CallContext context) {
            int before = pacer.waiting();
            Thread thread = new Thread(() -> {
                try {
                    pacer.acquire(1, 0, context);
                    sent.add(name);
                } catch (TransientProviderException e) {
                    sent.add(name + " " + e.failure() + (Thread.currentThread().isInterrupted() ? " interrupted" : ""));
                }
            });
            threads.add(thread);
            thread.start();
            until(() -> pacer.waiting() == before + 1);
            return thread;
        }

        private CallContext context(Priority priority) {
            return new CallContext(null, priority, null, new CancelSignal());
        }

        private void until(BooleanSupplier condition) {
            while (!condition.getAsBoolean()) {
                Thread.yield();
            }
        }

        private void sendNext() {
            int before = sent.size();
            clock.advance(Duration.ofSeconds(1));
            until(() -> sent.size() == before + 1);
        }

        @Test
        void liveCallsGoBeforeABuildOtherwiseFirstComeFirstServed() throws InterruptedException {
            pacer.acquire(1, 0, live());
            queue("build 1", context(Priority.BUILD));
            queue("build 2", context(Priority.BUILD));
            queue("live 1", context(Priority.LIVE));
            queue("live 2", context(Priority.LIVE));

            sendNext();
            queue("live 3", context(Priority.LIVE));
            for (int i = 0; i < 4; i++) {
                sendNext();
            }

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent).containsExactly("live 1", "live 2", "live 3", "build 1", "build 2");
            assertThat(pacer.waiting()).isZero();
        }

        /** A quota is one for both: what a build has taken is gone for live calls too, what it still wants is not. */
        @Test
        void aLiveCallWaitsOutTheDebtOfOneCallOfABuildAndNoMore() throws InterruptedException {
            pacer.acquire(10, 0, context(Priority.BUILD));
            queue("build", context(Priority.BUILD));
            queue("live", context(Priority.LIVE));

            clock.advance(Duration.ofMillis(9_900));
            assertThat(sent).isEmpty();
            sendNext();
            assertThat(sent).containsExactly("live");
            sendNext();

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent).containsExactly("live", "build");
        }

        @Test
        void aBuildWaitsWhileLiveCallsUseTheQuotaUpAndGoesInTheFirstGap() throws InterruptedException {
            pacer.acquire(1, 0, live());
            queue("build", context(Priority.BUILD));
            for (int i = 0; i < 100; i++) {
                queue("live", context(Priority.LIVE));
                sendNext();
            }
            sendNext();

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent).hasSize(101).endsWith("live", "build").containsOnlyOnce("build");
        }

        @Test
        void aCancelledOrInterruptedCallLeavesTheLineAndTheNextOneMovesUp() throws InterruptedException {
            pacer.acquire(1, 0, live());
            CallContext cancelled = context(Priority.LIVE);
            queue("a", cancelled);
            Thread interrupted = queue("b", context(Priority.LIVE));
            queue("c", context(Priority.LIVE));

            cancelled.cancelSignal().cancel();
            until(() -> sent.size() == 1);
            interrupted.interrupt();
            until(() -> sent.size() == 2);
            sendNext();

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent).containsExactly("a " + Failure.CANCELLED, "b " + Failure.CANCELLED + " interrupted", "c");
        }

        @Test
        void callsThatStandInLineCanBeTakenBackTogether() throws InterruptedException {
            CancelSignal recall = new CancelSignal();
            CallContext recalled = context(Priority.BUILD).withRecall(recall);
            pacer.acquire(1, 0, recalled);
            queue("a", recalled);
            queue("b", context(Priority.BUILD).withRecall(recall));
            queue("c", context(Priority.BUILD));

            recall.cancel();
            until(() -> sent.size() == 2);
            sendNext();

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent)
                    .containsExactlyInAnyOrder("a " + Failure.CANCELLED, "b " + Failure.CANCELLED, "c")
                    .endsWith("c");
            assertThat(recalled.cancelSignal().isCancelled()).isFalse();
        }

        @Test
        void aCallThatIsNotNextStillEndsAtItsDeadline() throws InterruptedException {
            pacer.refused(pacer.acquire(1, 0, live()), Duration.ofSeconds(50), RateLimits.NONE);
            queue("first", context(Priority.LIVE));
            Thread second = queue(
                    "second", context(Priority.LIVE).withDeadline(clock.now().plusSeconds(10)));

            clock.advance(Duration.ofSeconds(11));
            second.join();
            assertThat(sent).containsExactly("second " + Failure.RATE_LIMITED);

            clock.advance(Duration.ofSeconds(40));
            threads.get(0).join();
            assertThat(sent).contains("first");
        }

        @Test
        void aCallThatStoodInLineWhileTheKeyWasRefusedIsNotSent() throws InterruptedException {
            CountDownLatch answering = new CountDownLatch(1);
            ScriptedProvider service =
                    ScriptedProvider.failing(PermanentProviderException.configuration("check api_key", 401, null));
            LLMProvider slow = new DelegatingProvider(service) {
                @Override
                public EmbedResponse embed(EmbedRequest request) {
                    awaitUninterruptibly(answering);
                    return delegate().embed(request);
                }
            };
            List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
            try (PacingProvider paced = new PacingProvider(slow, pacer, QuotaUnit.REQUESTS)) {
                Runnable call = () -> failures.add(catchThrowable(() -> paced.embed("text")));
                Thread refused = new Thread(call);
                refused.start();
                until(() -> refused.getState() == Thread.State.WAITING);
                Thread inLine = new Thread(call);
                inLine.start();
                until(() -> pacer.waiting() == 1);

                answering.countDown();
                refused.join();
                clock.advance(Duration.ofSeconds(1));
                inLine.join();

                assertThat(service.requests).hasSize(1);
                assertThat(failures)
                        .hasSize(2)
                        .allSatisfy(failure -> assertThat(failure)
                                .isInstanceOf(PermanentProviderException.class)
                                .hasMessage("check api_key"));
                clock.advance(Duration.ofSeconds(1));
                assertThat(paced.embed("text").dimension())
                        .as("whoever comes later is sent")
                        .isEqualTo(1);
            }
        }

        private static void awaitUninterruptibly(CountDownLatch latch) {
            try {
                latch.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        @Test
        void aCallThatIsCancelledAlreadyIsNotSent() {
            CallContext context = context(Priority.LIVE);
            context.cancelSignal().cancel();

            @Nullable Throwable thrown = catchThrowable(() -> pacer.acquire(1, 0, context));

            assertThat(thrown)
                    .isInstanceOfSatisfying(
                            TransientProviderException.class,
                            e -> assertThat(e.failure()).isEqualTo(Failure.CANCELLED));
        }
    }

    @Test
    @Timeout(30)
    void onTheRealClockACallIsWokenByItsSignal() throws InterruptedException {
        Pacer pacer = new Pacer(new Account("toy", OptionalInt.of(1), NONE), SystemTiming.INSTANCE, new Random(7));
        pacer.acquire(1, 0, live());
        CallContext context = live();
        List<Throwable> thrown = Collections.synchronizedList(new ArrayList<>());
        Thread thread = new Thread(() -> thrown.add(catchThrowable(() -> pacer.acquire(1, 0, context))));
        thread.start();
        while (pacer.waiting() == 0) {
            Thread.yield();
        }

        context.cancelSignal().cancel();
        thread.join();

        assertThat(thrown).singleElement().isInstanceOf(TransientProviderException.class);
    }
}
