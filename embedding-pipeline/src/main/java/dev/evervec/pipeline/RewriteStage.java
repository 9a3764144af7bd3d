package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Backoff;
import java.math.BigDecimal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decides which texts are rewritten when, and what a failed rewrite means. Equal texts share one call and its outcome. Part of
 * the state machine.
 *
 * @param <T> what a text belongs to
 */
final class RewriteStage<T> extends CallStage<RewriteCall<T>> {
    /** Where a text ends up that cannot be rewritten. */
    interface Results<T> {
        void notRewritten(T item, Reason reason, String detail);
    }

    /** What calls may cost at most, in USD. */
    @FunctionalInterface
    interface Ceiling<T> {
        /** For a rewrite of the item, or, for null, a probe. */
        BigDecimal mostCostOf(@Nullable T item);
    }

    private final Ceiling<T> ceiling;
    private final Results<T> results;
    private final Deque<RewriteCall<T>> ready = new ArrayDeque<>();
    private final Map<Object, RewriteCall<T>> open = new HashMap<>();
    private int unkept;

    /** {@code ceiling}: what the rewrite of an item may cost at most. */
    RewriteStage(
            Ceiling<T> ceiling,
            CallPolicy policy,
            Gate gate,
            Purse purse,
            Backoff backoff,
            RandomGenerator random,
            Results<T> results) {
        super(policy, gate, purse, backoff, random);
        this.ceiling = ceiling;
        this.results = results;
    }

    @Override
    BigDecimal mostCostOf(RewriteCall<T> call) {
        return ceiling.mostCostOf(call.item);
    }

    @Override
    BigDecimal mostCostOfProbe() {
        return ceiling.mostCostOf(null);
    }

    /**
     * Takes an item; while a call with an equal text is open, the item waits for its answer.
     *
     * @param key equal for equal texts
     */
    void offer(Object key, T item) {
        RewriteCall<T> twin = open.get(key);
        if (twin != null) {
            twin.join(item);
            return;
        }
        // A timeout is tried again at least once, so the budget is never empty.
        RewriteCall<T> call = new RewriteCall<>(key, item, budget(Math.max(1, policy.maxRetries())));
        open.put(key, call);
        ready.addLast(call);
    }

    /** So many answers are not kept yet: calls in flight and those together are bounded, because a kill loses both. */
    void unkept(int answers) {
        unkept = answers;
    }

    @Override
    boolean roomForAnswer() {
        return inFlight() + unkept < 2 * mostInFlight();
    }

    @Override
    @Nullable
    RewriteCall<T> nextFresh() {
        return ready.pollFirst();
    }

    /** The call was answered; hands out everything that has its text. */
    List<T> rewritten(RewriteCall<T> call, long now) {
        answered(call, now);
        return close(call);
    }

    /** The call was not sent, because its rewrite was found or cannot be looked up; hands out everything that has its text. */
    List<T> withdrawn(RewriteCall<T> call, long now) {
        noLongerInFlight(call, now);
        return close(call);
    }

    private List<T> close(RewriteCall<T> call) {
        open.remove(call.key);
        return call.items();
    }

    @Override
    void refused(RewriteCall<T> call, PermanentProviderException refusal) {
        notRewritten(call, Reason.REWRITE_ERROR, refusal.getMessage());
    }

    @Override
    void shapeRefused(RewriteCall<T> call, PermanentProviderException refusal, RequestLimit limit) {
        refused(call, refusal);
    }

    private void notRewritten(RewriteCall<T> call, Reason reason, String detail) {
        close(call).forEach(item -> results.notRewritten(item, reason, detail));
    }

    @Override
    void exhausted(RewriteCall<T> call, TransientProviderException failure) {
        if (failure.failure() == Failure.NO_ANSWER) {
            notRewritten(
                    call,
                    Reason.REWRITE_TIMEOUT,
                    "no answer within the limit of " + policy.timeout().toMillis() / 1000.0 + " s, tried "
                            + call.failures + " times: " + failure.getMessage());
        } else {
            notRewritten(call, Reason.REWRITE_ERROR, failure.getMessage());
        }
    }

    @Override
    boolean isEmpty() {
        return ready.isEmpty() && waiting() == 0 && inFlight() == 0;
    }

    /** Removes and hands out every text that is not in flight. */
    List<T> drain() {
        List<T> left = new ArrayList<>();
        ready.forEach(call -> left.addAll(close(call)));
        ready.clear();
        drainWaiting(call -> left.addAll(close(call)));
        return left;
    }
}
