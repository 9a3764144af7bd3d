package dev.evervec.pipeline;

import dev.evervec.provider.PermanentProviderException;
import java.util.ArrayList;
import java.util.List;

/**
 * Refusals of which nobody knows yet whether the texts are to blame or the endpoint, because nothing has succeeded that was
 * sent with their requests or later. Owned by the thread of the state machine.
 *
 * <p>Such a success ends the doubt: the endpoint works, the texts are to blame. Until then only a few more requests are sent:
 * the parts of the first refused request, which is split on trial, and others if there is nothing to split. When all of those
 * are refused too, or there is nothing else to try, a probe decides. The more probes have found the endpoint working, the
 * more refusals in a row it takes to ask for the next one, so that a source full of bad texts does not pay for a probe with
 * every few of them.
 *
 * @param <C> the kind of call
 */
final class Doubt<C extends Call> {
    private static final int FEW = 4;
    private static final int MOST = 64;

    private List<Refusal<C>> refusals = new ArrayList<>();
    private boolean splitOnTrial;
    private long splitSentAt;
    private int sent;
    private int enough = FEW;

    /** A call that was refused, and why. */
    record Refusal<C extends Call>(C call, PermanentProviderException why) {}

    boolean exists() {
        return splitOnTrial || !refusals.isEmpty();
    }

    /** Whether the refused request is the first, so that it may be split to see whether its parts fare better. */
    boolean trySplitting(long sentAt) {
        if (exists()) {
            return false;
        }
        splitOnTrial = true;
        splitSentAt = sentAt;
        return true;
    }

    void add(C call, PermanentProviderException why) {
        refusals.add(new Refusal<>(call, why));
    }

    boolean maySend() {
        return !exists() || sent < enough;
    }

    void sent() {
        if (exists()) {
            sent++;
        }
    }

    boolean wantsProbe() {
        return refusals.size() >= enough;
    }

    /** A call succeeded; hands out the refusals of calls sent no later than it, whose texts are to blame. */
    List<Refusal<C>> endByCall(long sentAt) {
        List<Refusal<C>> judged = refusals.stream()
                .filter(refusal -> refusal.call().sentAt <= sentAt)
                .toList();
        refusals.removeAll(judged);
        splitOnTrial = splitOnTrial && splitSentAt > sentAt;
        if (!exists()) {
            sent = 0;
            enough = Math.max(FEW, enough / 2);
        }
        return judged;
    }

    /** The probe succeeded; hands out the refusals, whose texts are to blame. */
    List<Refusal<C>> endByProbe() {
        enough = Math.min(MOST, enough * 2);
        return end();
    }

    /** Hands out the refusals that were not judged. */
    List<Refusal<C>> end() {
        List<Refusal<C>> judged = refusals;
        refusals = new ArrayList<>();
        splitOnTrial = false;
        sent = 0;
        return judged;
    }

    /** Calls that wait for a judgement. */
    int waiting() {
        return refusals.size();
    }
}
