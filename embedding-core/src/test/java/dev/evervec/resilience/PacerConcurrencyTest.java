package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.SharedQuota.Account;
import dev.evervec.provider.TransientProviderException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Calls in line for their quota, on real threads, in many rounds. Time moves only where the head of the line waits for quota;
 * everybody else waits until it is woken, however long that takes, so that a wake-up that gets lost hangs a round. (A model
 * checker takes waiting on a condition for one step, and does not find that.)
 */
@Timeout(120)
class PacerConcurrencyTest {
    private static final int CALLS = 4;
    private static final int ROUNDS = 400;
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    /** Whoever waits for the head to leave shows it by waiting as long as patience lasts. */
    private static final class WokenOrNever implements Timing {
        private static final Duration LONGEST_WAIT_FOR_QUOTA = Duration.ofMinutes(5);
        private volatile long nanos; // written under the pacer's lock

        @Override
        public Instant now() {
            return Instant.EPOCH.plusNanos(nanos);
        }

        @Override
        public long nanoTime() {
            return nanos;
        }

        @Override
        public void sleep(Duration duration, CancelSignal cancelSignal) {
            throw new AssertionError("a pacer does not sleep");
        }

        @Override
        public void await(Condition condition, long wait) throws InterruptedException {
            if (wait > LONGEST_WAIT_FOR_QUOTA.toNanos()) {
                condition.await();
            } else {
                nanos = nanos + wait;
                condition.awaitNanos(1000); // a moment, in which others come in
            }
        }
    }

    /** One call a second: when the calls were sent, without those that were cut. */
    private static List<Long> round(ExecutorService callers, SplittableRandom random) throws Exception {
        Pacer pacer = new Pacer(
                new Account("toy", OptionalInt.of(60), OptionalInt.empty()), new WokenOrNever(), random.split());
        CyclicBarrier together = new CyclicBarrier(CALLS + 1);
        CancelSignal cut = new CancelSignal();
        List<Future<Long>> calls = new ArrayList<>();
        for (int i = 0; i < CALLS; i++) {
            CancelSignal signal = i == 0 ? cut : new CancelSignal();
            CallContext context = random.nextBoolean() ? CallContext.build(signal) : liveWith(signal);
            calls.add(callers.submit(() -> {
                together.await();
                return pacer.acquire(1, 0, context).sentAt();
            }));
        }
        together.await();
        if (random.nextBoolean()) {
            cut.cancel();
        }
        List<Long> sent = new ArrayList<>();
        for (Future<Long> call : calls) {
            try {
                sent.add(call.get());
            } catch (ExecutionException e) {
                assertThat(call).isSameAs(calls.get(0));
                assertThat(cut.isCancelled()).isTrue();
                assertThat(e).hasCauseInstanceOf(TransientProviderException.class);
            }
        }
        assertThat(pacer.waiting()).isZero();
        sent.sort(null);
        return sent;
    }

    private static CallContext liveWith(CancelSignal signal) {
        return new CallContext(
                CallContext.live().deadline(),
                CallContext.Priority.LIVE,
                CallContext.live().retryBudget(),
                signal);
    }

    @Test
    void callsGoAsFarApartAsTheQuotaAsksAndNobodyIsForgottenInLine() throws Exception {
        long seed = new SplittableRandom().nextLong();
        System.out.println("PacerConcurrencyTest seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        ExecutorService callers = Executors.newFixedThreadPool(CALLS);
        try {
            for (int round = 0; round < ROUNDS; round++) {
                List<Long> sent = round(callers, random);
                for (int i = 1; i < sent.size(); i++) {
                    assertThat(sent.get(i) - sent.get(i - 1)).isGreaterThanOrEqualTo(SECOND);
                }
            }
        } finally {
            callers.shutdownNow();
            assertThat(callers.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
        }
    }
}
