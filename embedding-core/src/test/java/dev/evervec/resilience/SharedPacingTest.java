package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.Secret;
import dev.evervec.provider.SharedQuota;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.SharedQuota.Amount;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Pacer.Permit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.function.BooleanSupplier;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class SharedPacingTest {
    private static final OptionalInt NONE = OptionalInt.empty();
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    private final ManualTiming timing = new ManualTiming();
    private final MemoryQuota quota = new MemoryQuota(() -> timing.elapsed().toNanos());

    private Pacer pacer(OptionalInt requestsPerMinute, OptionalInt tokensPerMinute, SharedQuota shared) {
        Pacer pacer = new Pacer(new Account("toy", requestsPerMinute, tokensPerMinute), timing, new Random(7));
        pacer.share(shared);
        return pacer;
    }

    private static CallContext live() {
        return CallContext.live();
    }

    private static CallContext build() {
        return CallContext.build(new CancelSignal());
    }

    private double seconds() {
        return timing.elapsed().toNanos() / 1e9;
    }

    private static Offset<Double> about() {
        return Offset.offset(0.01);
    }

    /** Several pacers, each with one thread, in virtual time; an ask takes a few milliseconds. */
    @Nested
    final class SeveralProcesses {
        private final Turns turns = new Turns();
        private final List<long[]> sent = new ArrayList<>(); // nanoseconds, cost; one thread runs at a time

        private final class Process {
            final Turns.Member member = turns.join();
            final Pacer pacer;

            Process(Account account, MemoryQuota shared, long latency, Random random) {
                this.pacer = new Pacer(account, member, random);
                pacer.share(new SharedQuota() {
                    @Override
                    public CompletionStage<Answer> ask(Ask ask) {
                        member.sleep(latency / 2);
                        Answer answer = shared.decide(ask);
                        member.sleep(latency / 2);
                        return CompletableFuture.completedStage(answer);
                    }

                    @Override
                    public void pause(String name, Duration pause) {
                        shared.pause(name, pause);
                    }
                });
            }

            void sendUntil(long end, int largest, QuotaKind kind, Random random) {
                while (member.nanoTime() < end) {
                    int cost = 1 + random.nextInt(largest);
                    Permit permit = pacer.acquire(
                            kind == QuotaKind.REQUESTS ? cost : 1, kind == QuotaKind.REQUESTS ? 0 : cost, build());
                    sent.add(new long[] {member.nanoTime(), cost});
                    pacer.succeeded(permit, kind == QuotaKind.REQUESTS ? 0 : cost, RateLimits.NONE);
                }
            }
        }

        private enum QuotaKind {
            REQUESTS,
            TOKENS
        }

        /** For any quota, any number of processes and any calls. */
        @Test
        void togetherNeverPassTheQuotaByMoreThanABurstAndUseItUp() throws Exception {
            long seed = System.nanoTime();
            System.out.println("SharedPacingTest seed " + seed);
            Random random = new Random(seed);
            for (int round = 0; round < 12; round++) {
                new SeveralProcesses().round(random, "seed " + seed + ", round " + round);
            }
        }

        private void round(Random random, String where) throws Exception {
            int perMinute = 30 + random.nextInt(random.nextBoolean() ? 300 : 20_000);
            int largest = 1 + random.nextInt(Math.max(1, perMinute / 20));
            QuotaKind kind = QuotaKind.values()[random.nextInt(2)];
            OptionalInt limit = OptionalInt.of(perMinute);
            Account account =
                    kind == QuotaKind.REQUESTS ? new Account("toy", limit, NONE) : new Account("toy", NONE, limit);
            MemoryQuota shared = new MemoryQuota(() -> turns.now());
            long latency = random.nextInt(4_000_000);
            int processes = 1 + random.nextInt(5);
            List<Runnable> lives = new ArrayList<>();
            long end = 180 * SECOND;
            for (int i = 0; i < processes; i++) {
                Random own = new Random(random.nextLong());
                Process process = new Process(account, shared, latency, own);
                lives.add(() -> process.sendUntil(end, largest, kind, own));
            }

            turns.run(lives);

            sent.sort(Comparator.comparingLong(call -> call[0]));
            assertNoWindowCarriesTooMuch(perMinute, largest, latency, where);
            long total = sent.stream()
                    .filter(call -> call[0] >= 60 * SECOND && call[0] < end)
                    .mapToLong(call -> call[1])
                    .sum();
            assertThat((double) total).as(where).isGreaterThanOrEqualTo(0.95 * (2.0 * perMinute - largest * processes));
        }

        private void assertNoWindowCarriesTooMuch(int perMinute, int largest, long latency, String where) {
            double burst = Math.max(1, perMinute / 60.0) + largest;
            double late = latency * (perMinute / 60e9);
            // the most that a window which ends now carries above the quota, for all windows at once
            double most = Double.NEGATIVE_INFINITY;
            double before = 0;
            double least = Double.POSITIVE_INFINITY;
            for (long[] call : sent) {
                double quotaUntilNow = call[0] * (perMinute / 60e9);
                least = Math.min(least, before - quotaUntilNow);
                before += call[1];
                most = Math.max(most, before - quotaUntilNow - least);
            }
            assertThat(most).as(where).isLessThanOrEqualTo(burst + late + 1e-3);
        }

        @Test
        void aLiveCallWaitsForTheDebtOfOneCallOfABuildElsewhereAndLittleMore() throws Exception {
            Account account = new Account("toy", OptionalInt.of(60), NONE);
            MemoryQuota shared = new MemoryQuota(() -> turns.now());
            List<Runnable> lives = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Process process = new Process(account, shared, 2_000_000, new Random(i));
                lives.add(() -> {
                    for (int call = 0; call < 10; call++) {
                        process.pacer.acquire(10, 0, build());
                    }
                });
            }
            List<Long> waits = new ArrayList<>();
            Process asker = new Process(account, shared, 2_000_000, new Random(9));
            lives.add(() -> {
                for (int call = 0; call < 10; call++) {
                    asker.member.sleep(7 * SECOND);
                    long start = turns.now();
                    asker.pacer.acquire(1, 0, live());
                    waits.add(turns.now() - start);
                }
            });

            turns.run(lives);

            assertThat(waits)
                    .hasSize(10)
                    .allSatisfy(waited ->
                            assertThat(waited).isLessThanOrEqualTo(10 * SECOND + Grants.REACH.toNanos() + SECOND / 10));
        }
    }

    @Nested
    final class OneProcess {
        @Test
        void isPacedAsByItsOwnClock() {
            Pacer pacer = pacer(OptionalInt.of(60), OptionalInt.of(6000), quota);

            for (int i = 0; i < 61; i++) {
                pacer.succeeded(pacer.acquire(1, 10, build()), 10, RateLimits.NONE);
            }

            assertThat(seconds()).isCloseTo(60, about());
        }

        @Test
        void settlesTokensWithTheNextAsk() {
            Pacer pacer = pacer(NONE, OptionalInt.of(6000), quota);

            pacer.succeeded(pacer.acquire(1, 100, build()), 1100, RateLimits.NONE);
            Permit second = pacer.acquire(1, 100, build());
            assertThat(seconds()).isCloseTo(11 / Buckets.SHARE, about());

            pacer.succeeded(second, 0, RateLimits.NONE);
            pacer.acquire(1, 100, build());
            assertThat(seconds()).isCloseTo(11 / Buckets.SHARE, about());
        }

        @Test
        void givesBackWhatItKeptForTooLong() {
            Pacer pacer = pacer(NONE, OptionalInt.of(6000), quota);
            pacer.succeeded(pacer.acquire(1, 100, build()), 40, RateLimits.NONE);
            timing.advance(Duration.ofSeconds(30));

            pacer.acquire(1, 10, build());

            assertThat(quota.heard).hasSize(2);
            assertThat(quota.heard.get(1).returned()).isEqualTo(new Amount(0, 60));
        }

        @Test
        void withoutAnyQuotaLooksForPausesOnceASecond() {
            Pacer pacer = pacer(NONE, NONE, quota);

            for (int i = 0; i < 1000; i++) {
                pacer.acquire(1, 1, build());
                timing.advance(Duration.ofMillis(10));
            }

            assertThat(quota.heard).hasSizeBetween(9, 11);
            assertThat(seconds()).isCloseTo(10, about());
        }

        @Test
        void aCallThatWouldWaitBeyondItsDeadlineFailsAtOnceAndTakesNothing() {
            Pacer pacer = pacer(OptionalInt.of(6), NONE, quota);
            pacer.acquire(1, 0, build());
            Instant deadline = timing.now().plusSeconds(9);

            for (CallContext context : List.of(live(), build())) {
                TransientProviderException thrown = (TransientProviderException)
                        catchThrowable(() -> pacer.acquire(1, 0, context.withDeadline(deadline)));
                assertThat(thrown.retryAfter()).isCloseTo(Duration.ofSeconds(10), Duration.ofMillis(1));
            }
            assertThat(seconds()).isZero();

            pacer.acquire(1, 0, live());
            assertThat(seconds()).isCloseTo(10, about());
        }
    }

    @Nested
    final class Pauses {
        @Test
        void ofOneProcessHoldForAllButForNoMoreThanAMinute() {
            Pacer refused = pacer(NONE, NONE, quota);
            Pacer other = pacer(NONE, NONE, quota);
            refused.refused(refused.acquire(1, 0, build()), Duration.ofSeconds(20), RateLimits.NONE);

            other.acquire(1, 0, build());
            assertThat(seconds()).isCloseTo(20, about());

            timing.advance(Duration.ofSeconds(5));
            refused.refused(refused.acquire(1, 0, build()), Duration.ofHours(20), RateLimits.NONE);
            other.acquire(1, 0, build());
            assertThat(seconds()).isCloseTo(85, about());
        }

        @Test
        void thatCannotBeToldHoldAtLeastHere() {
            Pacer pacer =
                    pacer(NONE, NONE, new MemoryQuota(() -> timing.elapsed().toNanos()) {
                        @Override
                        public synchronized void pause(String account, Duration pause) {
                            throw new IllegalStateException("no");
                        }
                    });
            pacer.refused(pacer.acquire(1, 0, build()), Duration.ofSeconds(20), RateLimits.NONE);

            pacer.acquire(1, 0, build());

            assertThat(seconds()).isCloseTo(20, about());
        }
    }

    @Nested
    final class Trouble {
        private boolean broken = true;
        private int asks;

        private final SharedQuota failing = new SharedQuota() {
            @Override
            public CompletionStage<Answer> ask(Ask ask) {
                asks++;
                return broken ? CompletableFuture.failedStage(new IllegalStateException("away")) : quota.ask(ask);
            }

            @Override
            public void pause(String account, Duration pause) {
                quota.pause(account, pause);
            }
        };

        @Test
        void aQuotaThatFailsLeavesThePaceToTheClockAndIsAskedNowAndThen() {
            Pacer pacer = pacer(OptionalInt.of(60), NONE, failing);

            for (int i = 0; i < 61; i++) {
                pacer.acquire(1, 0, build());
            }

            assertThat(seconds()).isCloseTo(60 / Buckets.SHARE, about());
            assertThat(asks).isBetween(5, 8);
        }

        @Test
        void aQuotaThatIsBackIsUsedAgain() {
            Pacer pacer = pacer(OptionalInt.of(60), NONE, failing);
            pacer.acquire(1, 0, build());
            broken = false;
            timing.advance(Grants.ALONE);
            quota.pause("toy", Duration.ofSeconds(30));

            pacer.acquire(1, 0, build());

            assertThat(seconds()).isCloseTo(40, about());
        }

        @Test
        void aQuotaThatThrowsIsOneThatFails() {
            Pacer pacer = pacer(OptionalInt.of(60), NONE, new MemoryQuota(() -> 0) {
                @Override
                public CompletionStage<Answer> ask(Ask ask) {
                    throw new IllegalStateException("no");
                }
            });

            pacer.acquire(1, 0, build());
            pacer.acquire(1, 0, build());

            assertThat(seconds()).isCloseTo(1 / Buckets.SHARE, about());
        }

        @Test
        void aQuotaThatDoesNotAnswerIsNotWaitedForAndHeardWhenItDoes() {
            CompletableFuture<SharedQuota.Answer> answer = new CompletableFuture<>();
            Pacer pacer = pacer(
                    OptionalInt.of(60),
                    NONE,
                    new MemoryQuota(() -> timing.elapsed().toNanos()) {
                        @Override
                        public CompletionStage<Answer> ask(Ask ask) {
                            asks++;
                            return asks == 1 ? answer : super.ask(ask);
                        }
                    });

            for (int i = 0; i < 31; i++) {
                pacer.acquire(1, 0, build());
            }
            assertThat(asks).isEqualTo(1);
            assertThat(seconds()).isCloseTo(Grants.PATIENCE.toSeconds() + 30 / Buckets.SHARE, about());

            answer.complete(new SharedQuota.Answer(true, Duration.ZERO, Duration.ZERO));
            pacer.acquire(1, 0, build());
            pacer.acquire(1, 0, build());
            assertThat(asks).as("the late grant is used first").isEqualTo(2);
            assertThat(seconds()).isCloseTo(Grants.PATIENCE.toSeconds() + 30 / Buckets.SHARE, about());
        }

        @Test
        void aCallWhoseTimeEndsWhileTheQuotaIsAskedFailsThen() {
            Pacer pacer = pacer(OptionalInt.of(60), NONE, new MemoryQuota(() -> 0) {
                @Override
                public CompletionStage<Answer> ask(Ask ask) {
                    return new CompletableFuture<>();
                }
            });

            TransientProviderException thrown = (TransientProviderException) catchThrowable(
                    () -> pacer.acquire(1, 0, live().withDeadline(timing.now().plusSeconds(3))));

            assertThat(thrown.failure()).isEqualTo(Failure.RATE_LIMITED);
            assertThat(thrown.retryAfter()).isNull();
            assertThat(seconds()).isCloseTo(3, about());
        }
    }

    /** Real threads; the clock stands still. */
    @Nested
    final class Lines {
        private final ManualTiming clock = new ManualTiming() {
            @Override
            public void await(Condition condition, long nanos) throws InterruptedException {
                condition.await(1, TimeUnit.MILLISECONDS);
            }
        };
        private final List<CompletableFuture<SharedQuota.Answer>> asked =
                Collections.synchronizedList(new ArrayList<>());
        private final SharedQuota slow = new SharedQuota() {
            @Override
            public CompletionStage<Answer> ask(Ask ask) {
                CompletableFuture<Answer> answer = new CompletableFuture<>();
                asked.add(answer);
                return answer;
            }

            @Override
            public void pause(String account, Duration pause) {}
        };
        private final Pacer pacer = new Pacer(new Account("toy", OptionalInt.of(60), NONE), clock, new Random(7));
        private final List<String> sent = Collections.synchronizedList(new ArrayList<>());
        private final List<Thread> threads = new ArrayList<>();

        private void queue(String name, CallContext context) {
            int before = pacer.waiting();
            Thread thread = new Thread(() -> {
                try {
                    pacer.acquire(1, 0, context);
                    sent.add(name);
                } catch (TransientProviderException e) {
                    sent.add(name + " " + e.failure());
                }
            });
            threads.add(thread);
            thread.start();
            until(() -> pacer.waiting() == before + 1);
        }

        private void until(BooleanSupplier condition) {
            while (!condition.getAsBoolean()) {
                Thread.yield();
            }
        }

        private void grantNext() {
            int before = sent.size();
            asked.get(asked.size() - 1).complete(new SharedQuota.Answer(true, Duration.ZERO, Duration.ZERO));
            until(() -> sent.size() == before + 1);
        }

        @Test
        void aCancelledCallComesBackWhileTheQuotaHangsAndTheNextOneGetsItsGrant() throws InterruptedException {
            pacer.share(slow);
            CallContext cancelled = new CallContext(null, Priority.BUILD, null, new CancelSignal());
            CancelSignal recall = new CancelSignal();
            queue("a", cancelled);
            until(() -> asked.size() == 1);
            queue("b", build().withRecall(recall));
            queue("c", build());

            cancelled.cancelSignal().cancel();
            until(() -> sent.size() == 1);
            recall.cancel();
            until(() -> sent.size() == 2);
            assertThat(sent).containsExactly("a CANCELLED", "b CANCELLED");
            grantNext();

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent).endsWith("c");
            assertThat(asked).hasSize(1);
        }

        @Test
        void aLiveCallTakesWhatWasAskedForABuild() throws InterruptedException {
            pacer.share(slow);
            queue("build", build());
            until(() -> asked.size() == 1);
            queue("live", live());

            grantNext();
            assertThat(sent).containsExactly("live");
            until(() -> asked.size() == 2);
            grantNext();

            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(sent).containsExactly("live", "build");
        }
    }

    @Nested
    final class Accounts {
        private ProviderSettings settings(String baseUrl) {
            return ProviderSettings.builder(Capability.EMBEDDING, "toy", "small")
                    .apiKey(Secret.of("s3cret"))
                    .baseUrl(baseUrl)
                    .dimension(1)
                    .callPolicy(CallPolicy.DEFAULT)
                    .requestsPerMinute(OptionalInt.of(60))
                    .build();
        }

        @Test
        void areNamedByProviderHostAndModelAndNothingSecret() {
            assertThat(Resilience.accountOf(settings(null)).name()).isEqualTo("toy/small");
            assertThat(Resilience.accountOf(settings("https://joe:pw@example.org:8443/v1?key=k"))
                            .name())
                    .isEqualTo("toy@example.org:8443/small");
            assertThat(Resilience.accountOf(settings("not a url at all")).name())
                    .isEqualTo("toy/small");
        }

        @Test
        void aDecoratedProviderDrawsOnTheQuotaThatItIsGiven() {
            MemoryQuota shared = new MemoryQuota(System::nanoTime);
            try (LLMProvider provider = Resilience.decorate(new ScriptedProvider(), settings(null), QuotaUnit.TEXTS)) {
                provider.shareQuota(shared);
                provider.embedBatch(List.of("a", "b", "c"));
            }
            assertThat(shared.heard)
                    .singleElement()
                    .satisfies(ask -> assertThat(ask.wanted().requests()).isEqualTo(3));
        }
    }
}
