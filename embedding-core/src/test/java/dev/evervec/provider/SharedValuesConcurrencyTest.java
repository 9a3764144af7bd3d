package dev.evervec.provider;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.Lincheck;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.junit.jupiter.api.Test;

/** Interleavings of the values that threads share, explored by a model checker. */
class SharedValuesConcurrencyTest {
    private static ModelCheckingOptions options() {
        return new ModelCheckingOptions()
                .iterations(4)
                .invocationsPerIteration(150)
                .threads(3)
                .actorsPerThread(2)
                .actorsBefore(1)
                .actorsAfter(1);
    }

    /** Its methods are operations that must appear to happen one after the other. */
    public static class Budget {
        private final RetryBudget budget = RetryBudget.of(3);

        @Operation
        public boolean tryTake() {
            return budget.tryTake();
        }

        @Operation
        public int left() {
            return budget.left();
        }
    }

    /** The same of a cancel signal. */
    public static class Signal {
        private final CancelSignal signal = new CancelSignal();

        @Operation
        public void cancel() {
            signal.cancel();
        }

        @Operation
        public boolean isCancelled() {
            return signal.isCancelled();
        }

        /** True if it was too late to cut anything later: then the action has run already. */
        @Operation
        public boolean wouldRunAtOnce() {
            boolean[] ran = new boolean[1];
            signal.onCancel(() -> ran[0] = true).close();
            return ran[0];
        }
    }

    @Test
    void partsOfARequestNeverTakeMoreTriesThanTheirBudgetHas() {
        options().check(Budget.class);
    }

    @Test
    void aSignalIsCancelledForAllOrForNobody() {
        options().check(Signal.class);
    }

    @Test
    void whatIsRegisteredWhileACallIsCutRunsExactlyOnce() {
        Lincheck.runConcurrentTest(100, () -> {
            CancelSignal signal = new CancelSignal();
            AtomicInteger early = new AtomicInteger();
            AtomicInteger late = new AtomicInteger();
            signal.onCancel(early::incrementAndGet);
            Thread first = new Thread(signal::cancel);
            Thread second = new Thread(signal::cancel);
            Thread registering = new Thread(() -> signal.onCancel(late::incrementAndGet));
            run(first, second, registering);

            check(early.get() == 1 && late.get() == 1, early.get() + " and " + late.get() + " runs");
        });
    }

    @Test
    void anActionThatIsTakenBackRunsAtMostOnceAndNeverAfterASignalThatCameLater() {
        Lincheck.runConcurrentTest(100, () -> {
            CancelSignal signal = new CancelSignal();
            AtomicInteger ran = new AtomicInteger();
            AtomicBoolean takenBack = new AtomicBoolean();
            CancelSignal.Registration registration = signal.onCancel(ran::incrementAndGet);
            Thread closing = new Thread(() -> {
                registration.close();
                takenBack.set(!signal.isCancelled());
            });
            Thread cancelling = new Thread(signal::cancel);
            run(closing, cancelling);

            check(ran.get() <= (takenBack.get() ? 0 : 1), ran.get() + " runs, taken back: " + takenBack.get());
        });
    }

    /** The checker can look into no assertion library. */
    private static void check(boolean holds, String found) {
        if (!holds) {
            throw new AssertionError(found);
        }
    }

    private static void run(Thread... threads) {
        for (Thread thread : threads) {
            thread.start();
        }
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
