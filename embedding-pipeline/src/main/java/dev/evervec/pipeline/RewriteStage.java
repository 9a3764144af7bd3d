package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Backoff;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decides which texts are rewritten when, and what a failed rewrite means. Part of the state machine.
 *
 * @param <T> what a text belongs to
 */
final class RewriteStage<T> extends CallStage<RewriteCall<T>> {
    /** Where a text ends up that cannot be rewritten. */
    interface Results<T> {
        void notRewritten(T item, Reason reason, String detail);
    }

    private final Results<T> results;
    private final Deque<T> ready = new ArrayDeque<>();

    RewriteStage(CallPolicy policy, Gate gate, Backoff backoff, RandomGenerator random, Results<T> results) {
        super(policy, gate, backoff, random);
        this.results = results;
    }

    void offer(T item) {
        ready.addLast(item);
    }

    /** A timeout is tried again at least once, so the budget is never empty. */
    @Override
    @Nullable
    RewriteCall<T> nextFresh() {
        T item = ready.pollFirst();
        return item == null ? null : new RewriteCall<>(item, new Call.Budget(Math.max(1, policy.maxRetries())));
    }

    @Override
    void refused(RewriteCall<T> call, PermanentProviderException failure) {
        results.notRewritten(call.item, Reason.REWRITE_ERROR, failure.getMessage());
    }

    @Override
    void shapeRefused(RewriteCall<T> call, PermanentProviderException failure) {
        refused(call, failure);
    }

    @Override
    void exhausted(RewriteCall<T> call, TransientProviderException failure) {
        if (failure.failure() == Failure.NO_ANSWER) {
            results.notRewritten(
                    call.item,
                    Reason.REWRITE_TIMEOUT,
                    "no answer within the limit of " + policy.timeout().toMillis() / 1000.0 + " s, tried "
                            + call.failures + " times: " + failure.getMessage());
        } else {
            results.notRewritten(call.item, Reason.REWRITE_ERROR, failure.getMessage());
        }
    }

    /** Whether it has nothing to send, nothing in flight and nothing waiting. */
    boolean isEmpty() {
        return ready.isEmpty() && waiting() == 0 && inFlight() == 0;
    }

    /** Removes and hands out every text that is not in flight. */
    List<T> drain() {
        List<T> left = new ArrayList<>(ready);
        ready.clear();
        drainWaiting(call -> left.add(call.item));
        return left;
    }
}
