package dev.evervec.pipeline;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CallPolicy.Concurrency;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Backoff;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Decides which calls go to one endpoint and when: in the first place, again after a failure, or never. Part of the state
 * machine: single-threaded, never blocks.
 *
 * <p>What belongs to the provider, the quota and the configuration is decided here, the same for embeddings and rewrites.
 * What belongs to the texts is left to the subclass. A failing provider costs a call its budget only while other calls
 * succeed. When a budget is spent and nothing else has succeeded, the circuit opens: calls are held and one probe with a
 * constant text at a time asks whether the endpoint is back. A call that fails on between two probes that succeed is itself
 * to blame.
 *
 * @param <C> the kind of call
 */
abstract class CallStage<C extends Call> {
    private static final Duration LONG_PAUSE = Duration.ofSeconds(30);
    /** Requests under way until the first one has succeeded: a mistake in the configuration is met by no more. */
    private static final int FIRST_CONTACT = 4;

    final CallPolicy policy;
    final Gate gate;
    final Purse purse;

    private final Backoff backoff;
    private final RandomGenerator random;
    private final PriorityQueue<C> delayed = new PriorityQueue<>(Comparator.comparingLong((C call) -> call.notBefore));
    private final Deque<Held<C>> held = new ArrayDeque<>();
    private final Set<C> inFlight = new HashSet<>();
    private final Doubt<C> doubt = new Doubt<>();
    private final @Nullable Autopilot autopilot;
    private @Nullable String stopCause;
    private @Nullable String heldUpBy;
    private boolean halted;
    private @Nullable CancelSignal probe;
    private long probeSentAt;
    private BigDecimal probeReserved = BigDecimal.ZERO;
    private @Nullable BigDecimal lacking;
    private long retryWaits;

    /** A call that waits for the end of an outage, and why. */
    private record Held<C>(C call, TransientProviderException failure) {}

    CallStage(CallPolicy policy, Gate gate, Purse purse, Backoff backoff, RandomGenerator random) {
        this.policy = policy;
        this.autopilot = policy.concurrency() == Concurrency.AUTO ? new Autopilot(policy.maxInFlight()) : null;
        this.gate = gate;
        this.purse = purse;
        this.backoff = backoff;
        this.random = random;
    }

    // ---- sending ----

    /** Hands out everything that may be sent now: a probe, or calls as long as there is room. */
    final void pump(long now, Consumer<C> send, Consumer<CancelSignal> sendProbe) {
        lacking = null;
        if (halted || stopCause != null || isEmpty()) {
            return;
        }
        if (!gate.mayProbe(now) && !(doubt.wantsProbe() && gate.mayCall(now))) {
            sendCalls(now, send);
            boolean nothingElseToTry = doubt.exists() && inFlight.isEmpty() && delayed.isEmpty() && roomForAnswer();
            if (!nothingElseToTry || !gate.mayCall(now)) {
                return;
            }
        }
        BigDecimal most = mostCostOfProbe();
        if (!purse.tryReserve(most)) {
            lack(most);
            return;
        }
        probeReserved = most;
        gate.probeStarted();
        probe = new CancelSignal();
        probeSentAt = now;
        sendProbe.accept(probe);
    }

    private void sendCalls(long now, Consumer<C> send) {
        int most = gate.everSucceeded() ? mostInFlight() : Math.min(FIRST_CONTACT, mostInFlight());
        while (gate.mayCall(now) && inFlight.size() < most && roomForAnswer()) {
            C call = next(now);
            if (call == null) {
                return;
            }
            BigDecimal mostCost = mostCostOf(call);
            if (!purse.tryReserve(mostCost)) {
                lack(mostCost);
                sendAgainAt(call, call.notBefore);
                return;
            }
            call.reserved = mostCost;
            call.renewCancelSignal();
            call.sentAt = now;
            if (call.failures == 0) {
                call.tryBegan = now;
            }
            doubt.sent();
            inFlight.add(call);
            countInFlight(now);
            send.accept(call);
        }
    }

    private @Nullable C next(long now) {
        C due = delayed.peek();
        if (due != null && due.notBefore <= now) {
            return delayed.poll();
        }
        return doubt.maySend() ? nextFresh() : null;
    }

    /**
     * Most that the next call can cost, if the budget does not pay for that unless calls under way turn out cheaper than they
     * might; else null.
     */
    final @Nullable BigDecimal lacking() {
        return lacking;
    }

    final void lack(BigDecimal most) {
        lacking = most;
    }

    /** Most that a call can cost in USD. */
    abstract BigDecimal mostCostOf(C call);

    /** Most that a probe can cost in USD. */
    abstract BigDecimal mostCostOfProbe();

    /** The call's sending is over: what was reserved for it and not spent is free again. */
    final void settle(Call call, BigDecimal cost) {
        purse.settle(call.reserved, cost);
        call.reserved = BigDecimal.ZERO;
    }

    final void settleProbe(BigDecimal cost) {
        purse.settle(probeReserved, cost);
        probeReserved = BigDecimal.ZERO;
    }

    /** How long calls waited by now, all together, because they had failed before. */
    final Duration waitedForRetries() {
        return Duration.ofNanos(retryWaits);
    }

    final Call.Budget budget(int retries) {
        return new Call.Budget(retries, gate.retryTime());
    }

    /** Whether one more answer could be taken in. */
    boolean roomForAnswer() {
        return true;
    }

    /** Whether it has nothing to send, nothing in flight and nothing waiting. */
    abstract boolean isEmpty();

    /** The next call that has not been sent before, or null if there is none to be sent now. */
    abstract @Nullable C nextFresh();

    /** When something can be sent or given up that cannot now, or {@link Long#MAX_VALUE} if only an event can tell. */
    final long nextWake(long now) {
        long wake = gate.nextChange(now);
        C due = delayed.peek();
        if (due != null && !gate.inOutage() && due.notBefore > now) {
            wake = Math.min(wake, due.notBefore);
        }
        return wake;
    }

    // ---- answers ----

    /** The call was answered; the subclass goes on with what the answer says. */
    final void answered(C call, long now) {
        noLongerInFlight(call, now);
        boolean endsOutage = gate.inOutage();
        gate.callSucceeded(call.sentAt, now);
        if (autopilot != null) {
            autopilot.answered(call.sentAt, now);
        }
        succeeded(endsOutage, doubt.endByCall(call.sentAt), now);
    }

    private void succeeded(boolean endsOutage, List<Doubt.Refusal<C>> judged, long now) {
        heldUpBy = null;
        if (endsOutage) {
            releaseHeld(now);
        }
        judged.forEach(refusal -> refused(refusal.call(), refusal.why()));
    }

    /** What an outage used up is given back, also to calls that were waiting for another try. */
    private void releaseHeld(long now) {
        List<C> released = new ArrayList<>(delayed);
        delayed.clear();
        for (Held<C> next : held) {
            next.call().notBefore = now;
            released.add(next.call());
        }
        held.clear();
        for (C call : released) {
            call.budget.restore();
            call.failures = 0;
            delayed.add(call);
        }
    }

    /** The call was answered, has failed or was not sent after all. */
    final void noLongerInFlight(C call, long now) {
        inFlight.remove(call);
        countInFlight(now);
    }

    private void countInFlight(long now) {
        if (autopilot != null) {
            autopilot.underWay(inFlight.size(), now);
        }
    }

    /** How many calls may be in flight, by now. */
    final int mostInFlight() {
        return autopilot == null ? policy.maxInFlight() : autopilot.limit();
    }

    /** The call failed: decides by the owner of the fault. */
    final void failed(C call, ProviderException failure, long now) {
        noLongerInFlight(call, now);
        switch (failure.owner()) {
            case ITEM -> textRefused(call, (PermanentProviderException) failure);
            case REQUEST_SHAPE -> {
                PermanentProviderException refusal = (PermanentProviderException) failure;
                if (refusal.limit() == null) {
                    textRefused(call, refusal);
                } else {
                    shapeRefused(call, refusal, refusal.limit());
                }
            }
            case CONFIGURATION -> {
                sendAgainAt(call, now);
                stop(failure.getMessage());
            }
            case QUOTA -> refusedForQuota(call, (TransientProviderException) failure, now);
            case PROVIDER -> failedTransiently(call, (TransientProviderException) failure, now);
        }
    }

    private void textRefused(C call, PermanentProviderException refusal) {
        boolean named = refusal.textIndex() >= 0;
        if (named || gate.succeededSentSince(call.sentAt) || (call.isDivisible() && doubt.trySplitting(call.sentAt))) {
            refused(call, refusal);
        } else {
            doubt.add(call, refusal);
        }
    }

    /** The call was refused for what is in it. */
    abstract void refused(C call, PermanentProviderException refusal);

    /** The call passes this limit. */
    abstract void shapeRefused(C call, PermanentProviderException refusal, RequestLimit limit);

    /** The call's budget is spent while other calls succeed. */
    abstract void exhausted(C call, TransientProviderException failure);

    private void refusedForQuota(C call, TransientProviderException failure, long now) {
        waitForQuota(failure, call.sentAt, now);
        sendAgainAt(call, now);
    }

    private void waitForQuota(TransientProviderException failure, long sentAt, long now) {
        if (autopilot != null) {
            autopilot.disturbed(now);
        }
        if (gate.refusedForQuota(sentAt, now, failure.retryAfter())) {
            stop("the quota stayed used up for longer than quota_patience: " + failure.getMessage());
        }
        Duration pause = gate.refusedUntilNextCall(now);
        if (pause.compareTo(LONG_PAUSE) >= 0) {
            heldUpBy = "the quota is used up for " + pause.toSeconds() + " s: " + failure.getMessage();
        }
    }

    final void failedTransiently(C call, TransientProviderException failure, long now) {
        if (failure.failure() == Failure.CANCELLED
                && (halted || call.cancelSignal().isCancelled())) {
            sendAgainAt(call, now);
            return;
        }
        gate.failed(now);
        boolean othersSucceed = gate.callSucceededSince(call.tryBegan);
        call.failures++;
        call.tryBegan = now;
        long wait = waitAfter(call, failure);
        if (call.budget.tryTake(wait, gate.unpaused(now))) {
            retryWaits += wait;
            sendAgainAt(call, now + wait);
        } else if (othersSucceed) {
            exhausted(call, failure);
        } else {
            hold(call, failure, now);
        }
    }

    private long waitAfter(C call, TransientProviderException failure) {
        return Math.max(backoff.delay(call.failures, random).toNanos(), gate.toldWait(failure.retryAfter()));
    }

    /** However long it took to fail: only a failed probe says that it is not this call alone. */
    private void hold(C call, TransientProviderException failure, long now) {
        openCircuit(failure, now);
        held.addLast(new Held<>(call, failure));
    }

    private void openCircuit(ProviderException failure, long now) {
        if (autopilot != null && !gate.inOutage()) {
            autopilot.collapsed(now);
        }
        gate.openCircuit(now);
        heldUpBy = "nothing succeeds, the last failure was: " + failure.getMessage();
    }

    private void stopIfOutOfPatience(ProviderException failure, long now) {
        if (gate.outOfPatience(now)) {
            stop("nothing has succeeded for "
                    + Duration.ofNanos(gate.failingFor(now)).toSeconds() + " s, the last failure was: "
                    + failure.getMessage());
        }
    }

    final void sendAgainAt(C call, long time) {
        call.notBefore = time;
        delayed.add(call);
    }

    // ---- probes ----

    final void probeSucceeded(long now) {
        probeEnded();
        List<Held<C>> failedOn =
                held.stream().filter(next -> next.call().suspect).toList();
        held.removeAll(failedOn);
        held.forEach(next -> next.call().suspect = true);
        boolean endsOutage = gate.inOutage();
        if (autopilot != null) {
            autopilot.disturbed(now);
        }
        gate.succeeded(probeSentAt, now);
        succeeded(endsOutage, doubt.endByProbe(), now);
        failedOn.forEach(next -> exhausted(next.call(), next.failure()));
    }

    private void probeEnded() {
        gate.probeEnded();
        probe = null;
    }

    final void probeFailed(ProviderException failure, long now) {
        probeEnded();
        switch (failure.owner()) {
            case PROVIDER -> {
                gate.failed(now);
                openCircuit(failure, now);
                gate.probeFailed(now);
                held.forEach(next -> next.call().suspect = false); // the service was only back for a moment
                stopIfOutOfPatience(failure, now);
            }
            case QUOTA -> waitForQuota((TransientProviderException) failure, probeSentAt, now);
            case ITEM, REQUEST_SHAPE, CONFIGURATION ->
                stop("even a constant short text is refused: " + failure.getMessage());
        }
    }

    // ---- the end ----

    /** The endpoint cannot be used: nothing more is sent; what is in flight may still be answered. */
    final void stop(String cause) {
        if (stopCause == null) {
            stopCause = cause;
        }
    }

    /** Why the stage stopped, or null if it did not. */
    final @Nullable String stopCause() {
        return stopCause;
    }

    /** Why nothing gets through at the moment, or null if nothing is known to be in the way. */
    final @Nullable String heldUpBy() {
        return heldUpBy;
    }

    /** Nothing more is to be sent, for a reason that is not the endpoint's. */
    final void halt() {
        halted = true;
    }

    /** Whoever has not answered by now is not waited for: the calls wait to be sent again, as far as anybody can tell. */
    final void letGo(long now) {
        inFlight.forEach(call -> sendAgainAt(call, now));
        inFlight.clear();
        countInFlight(now);
        probe = null;
    }

    /** Everything that is in flight. */
    final Set<C> callsInFlight() {
        return Set.copyOf(inFlight);
    }

    final int inFlight() {
        return inFlight.size();
    }

    /** What cuts the probe that is under way, or null if there is none. */
    final @Nullable CancelSignal probeInFlight() {
        return probe;
    }

    /** When the probe under way was sent. */
    final long probeSentAt() {
        return probeSentAt;
    }

    /** Whether no call and no probe is under way. */
    final boolean nothingOut() {
        return inFlight.isEmpty() && probe == null;
    }

    /** Removes and hands out every call that is waiting to be sent again. */
    final void drainWaiting(Consumer<C> consumer) {
        held.forEach(next -> consumer.accept(next.call()));
        held.clear();
        delayed.forEach(consumer);
        delayed.clear();
        doubt.end().forEach(refusal -> consumer.accept(refusal.call()));
    }

    /** Calls that wait to be sent again. */
    final int waiting() {
        return held.size() + delayed.size() + doubt.waiting();
    }
}
