package dev.evervec.pipeline;

import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.TransientProviderException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Drives one {@link CallStage} without a job around it: the calling thread decides, threads of the loop make the calls.
 *
 * @param <C> the kind of call
 */
final class CallLoop<C extends Call> {
    /** What a call came to, to be applied on the deciding thread. */
    interface Answer {
        void apply(long now);
    }

    private final CallStage<C> stage;
    private final BooleanSupplier done;
    private final Function<C, Answer> call;
    private final Function<CancelSignal, Answer> probe;
    private final BlockingQueue<Answer> inbox = new LinkedBlockingQueue<>();

    /** {@code call} and {@code probe} run on threads of the loop, their answers on the calling thread. */
    CallLoop(CallStage<C> stage, BooleanSupplier done, Function<C, Answer> call, Function<CancelSignal, Answer> probe) {
        this.stage = stage;
        this.done = done;
        this.call = call;
        this.probe = probe;
    }

    /**
     * Runs until the stage is done or has stopped and nothing is in flight.
     *
     * @throws TransientProviderException if the calling thread is interrupted: calls in flight are cut, the flag is set
     */
    void run() {
        ExecutorService callers = Executors.newCachedThreadPool(Threads.named("call"));
        try {
            while (stage.stopCause() == null ? !done.getAsBoolean() : stage.inFlight() > 0) {
                stage.pump(
                        System.nanoTime(),
                        next -> callers.execute(() -> inbox.add(call.apply(next))),
                        signal -> callers.execute(() -> inbox.add(probe.apply(signal))));
                Answer answer = nextAnswer();
                if (answer != null) {
                    answer.apply(System.nanoTime());
                }
            }
        } catch (InterruptedException e) {
            stage.halt();
            stage.callsInFlight().forEach(cut -> cut.cancelSignal().cancel());
            Thread.currentThread().interrupt();
            throw TransientProviderException.cancelled();
        } finally {
            CancelSignal unanswered = stage.probeInFlight();
            if (unanswered != null) {
                unanswered.cancel();
            }
            callers.shutdown();
        }
    }

    private @Nullable Answer nextAnswer() throws InterruptedException {
        long now = System.nanoTime();
        long wake = stage.nextWake(now);
        return wake == Long.MAX_VALUE ? inbox.take() : inbox.poll(Math.max(0, wake - now), TimeUnit.NANOSECONDS);
    }
}
