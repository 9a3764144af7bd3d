package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.resilience.Backoff;
import java.time.Duration;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Whether calls to one endpoint may be sent now. Closed for a while when the quota is used up; in an outage (nothing
 * succeeds) open only for one probe at a time. Times are nanoseconds of the run's own clock. Owned by the thread of the
 * state machine.
 */
final class Gate {
    private static final long NEVER = Long.MIN_VALUE;

    private final Backoff backoff;
    private final RandomGenerator random;
    private final long firstContactPatience;
    private final long outagePatience;
    private final long quotaPatience;

    private long lastSuccess = NEVER;
    private long lastCallSuccess = NEVER;
    private long lastSuccessSentAt = NEVER;
    private long pausedUntil = NEVER;
    private long pausedInAll;
    private long refusedSince = NEVER;
    private int refusals;
    private long lastRefusal = NEVER;
    private long failingSince = NEVER;
    private boolean outage;
    private boolean probing;
    private long nextProbe;
    private int failedProbes;
    private long outageSince;
    private long outagesInAll;

    Gate(BuildSettings settings, Backoff backoff, RandomGenerator random) {
        this.backoff = backoff;
        this.random = random;
        this.firstContactPatience = settings.firstContactPatience().toNanos();
        this.outagePatience = settings.outagePatience().toNanos();
        this.quotaPatience = settings.quotaPatience().toNanos();
    }

    boolean mayCall(long now) {
        return !outage && !probing && now >= pausedUntil;
    }

    boolean mayProbe(long now) {
        return outage && !probing && now >= nextProbe && now >= pausedUntil;
    }

    boolean everSucceeded() {
        return lastSuccess != NEVER;
    }

    boolean inOutage() {
        return outage;
    }

    boolean callSucceededSince(long time) {
        return lastCallSuccess != NEVER && lastCallSuccess >= time;
    }

    /** When waiting ends by itself, or {@link Long#MAX_VALUE}. */
    long nextChange(long now) {
        long next = Long.MAX_VALUE;
        if (pausedUntil > now) {
            next = pausedUntil;
        }
        if (outage && !probing && nextProbe > now) {
            next = Math.max(next == Long.MAX_VALUE ? NEVER : next, nextProbe);
        }
        return next;
    }

    /** Whether a call succeeded that was sent then or later. */
    boolean succeededSentSince(long time) {
        return lastSuccessSentAt != NEVER && lastSuccessSentAt >= time;
    }

    /** A call succeeded: whatever was wrong is over. */
    void callSucceeded(long sentAt, long now) {
        lastCallSuccess = now;
        succeeded(sentAt, now);
    }

    /** A call or a probe succeeded: the endpoint works. */
    void succeeded(long sentAt, long now) {
        lastSuccess = now;
        lastSuccessSentAt = Math.max(lastSuccessSentAt, sentAt);
        refusedSince = NEVER;
        refusals = 0;
        failingSince = NEVER;
        if (outage) {
            outagesInAll += now - outageSince;
        }
        outage = false;
        failedProbes = 0;
    }

    /**
     * A call was refused for quota. Of calls that were under way together only the first to be refused makes the wait longer:
     * the others tell nothing new.
     *
     * @param sentAt when the call was sent
     * @param told how long the service asked to wait, or null if it did not say
     * @return whether the patience has run out
     */
    boolean refusedForQuota(long sentAt, long now, @Nullable Duration told) {
        if (refusedSince == NEVER) {
            refusedSince = now;
        }
        boolean news = sentAt > lastRefusal;
        if (news) {
            refusals++;
            lastRefusal = now;
        }
        if (told != null) {
            pauseFor(nanos(told, quotaPatience + 1), now); // longer than anybody waits is not waited for
        } else if (news) {
            pauseFor(backoff.delay(refusals, random).toNanos(), now);
        }
        return pausedUntil - refusedSince > quotaPatience;
    }

    /** How long nothing has succeeded and nothing may be sent for the quota's sake, together. */
    Duration refusedUntilNextCall(long now) {
        return refusedSince == NEVER ? Duration.ZERO : Duration.ofNanos(Math.max(now, pausedUntil) - refusedSince);
    }

    private void pauseFor(long wait, long now) {
        long until = Math.max(pausedUntil, now + wait);
        pausedInAll += until - Math.max(pausedUntil, now);
        pausedUntil = until;
    }

    /** A clock that stands still while the quota is waited for: that time is nobody's failure. */
    long unpaused(long now) {
        return now - (pausedInAll - Math.max(0, pausedUntil == NEVER ? 0 : pausedUntil - now));
    }

    /** How long calls have been kept back for the quota's sake by now. */
    Duration waitedForQuota(long now) {
        return Duration.ofNanos(now - unpaused(now));
    }

    /** How long calls have been kept back because nothing succeeded. */
    Duration waitedInOutages(long now) {
        return Duration.ofNanos(outagesInAll + (outage ? now - outageSince : 0));
    }

    /** Nanoseconds for which one request may go on failing while others succeed: as long as an outage is sat out. */
    long retryTime() {
        return outagePatience;
    }

    /** Nanoseconds to wait as a failing service asked, but no longer than an outage is sat out; 0 if it did not ask. */
    long toldWait(@Nullable Duration told) {
        return told == null ? 0 : nanos(told, outagePatience);
    }

    /** A service may ask for more than fits into nanoseconds. */
    private static long nanos(Duration told, long most) {
        return told.compareTo(Duration.ofNanos(most)) >= 0 ? most : Math.max(0, told.toNanos());
    }

    /** A call failed for the provider's sake. */
    void failed(long now) {
        if (failingSince == NEVER) {
            failingSince = unpaused(now);
        }
    }

    /** Nothing succeeds any more: from now on only probes go out. */
    void openCircuit(long now) {
        if (!outage) {
            outage = true;
            outageSince = now;
            failedProbes = 0;
            nextProbe = now;
        }
    }

    /** Keeps everything else back until {@link #probeEnded}. */
    void probeStarted() {
        probing = true;
    }

    void probeEnded() {
        probing = false;
    }

    /** A probe failed for the provider's sake; the next one waits longer, but not until after the end of all patience. */
    void probeFailed(long now) {
        failedProbes++;
        long lastProbe = now + Math.max(0, patience() - failingFor(now));
        nextProbe = Math.min(now + backoff.delay(failedProbes, random).toNanos(), lastProbe);
    }

    /** Whether the outage has lasted longer than anybody should wait. */
    boolean outOfPatience(long now) {
        return outage && failingSince != NEVER && failingFor(now) >= patience();
    }

    private long patience() {
        return everSucceeded() ? outagePatience : firstContactPatience;
    }

    long failingFor(long now) {
        return failingSince == NEVER ? 0 : unpaused(now) - failingSince;
    }
}
