package dev.evervec.resilience;

import org.jspecify.annotations.Nullable;

/**
 * The rate of a quota that nobody tells, found out from what the service refuses. Until the first refusal everything goes.
 * Guarded by the pacer's lock.
 */
final class LearnedRate {
    /*
     * From one refusal to the next a service has accepted what its quota gave in that time, whether it fills a bucket or counts
     * minutes: at both moments it had nothing left. So what was sent meanwhile, over that time with its pauses, is the rate. Only a
     * service that cannot save up even what is left unused between two tries gives less than its quota that way; so the next
     * estimate leans a little towards the rate at which it refused. Estimates of few calls are mixed with the one before.
     *
     * Where the quota has been raised meanwhile, or the estimate was far too low, most services cannot have saved up what was left
     * unused. They are taken to have accepted, from when the estimate was exceeded, what their quota gave and little more.
     *
     * The estimate is held until enough calls have been made that one refusal among them is no matter, then exceeded, slowly at
     * first, as the quota may be hardly larger, then doubled and doubled again, as it may have been raised. Time counts for this
     * only as far as the rate made calls wait: one that nobody uses, or that something else is scarcer than, proves nothing.
     *
     * What was sent together with a call that was refused, and is refused too, is taken out of the estimate. A pause of more than
     * a minute is for a quota of an hour or a day, and tells nothing of the rate.
     */
    private static final double HELD = 0.99;
    private static final double LEAST_HELD_SECONDS = 2.5;
    private static final double LEAST_HELD_CALLS = 50;
    /** However small the quota seems, it may have been raised. */
    private static final double MOST_HELD_SECONDS = 60;
    /** Little is known after few calls: it is not held for long. */
    private static final double HELD_PER_CALL_KNOWN = 1.7;

    private static final double SLOW_SECONDS = 1.5;
    private static final double SLOW_GROWTH = 0.1;
    private static final double DOUBLING_SECONDS = 0.6;
    private static final double MOST_DOUBLINGS = 30;
    /** Where calls are rare, the slow growth and each doubling take as long as so many of them. */
    private static final double FEWEST_CALLS = 4;
    /** But not for longer than this. */
    private static final double LONGEST_FEWEST_SECONDS = 20;

    private static final double WEIGHT_OF_THE_LAST = 5;
    private static final double LEAN = 0.15;
    private static final double MOST_LEANT_TO = 1.2;
    private static final double FEW_CALLS = 15;
    /** So much of the rate at which a service refused is kept if there were only few calls to judge by. */
    private static final double LEAST_KEPT = 0.8;
    /** And of the rate before, however long nothing at all was accepted: that may have been a quota of an hour or a day. */
    private static final double LEAST_KEPT_WHILE_REFUSED = 0.2;
    /** A first estimate is not below this: live calls are not to wait because one of the first was refused. */
    private static final double LEAST_CALLS_PER_SECOND = 1;
    /** A service that was never asked before may have saved up so much. */
    private static final double SECONDS_SAVED_UP = 0.7;
    /** And so much one that was asked for less than it gives. */
    private static final double SECONDS_LEFT_UNUSED = 0.6;

    private static final double NANOS_IN_BUCKET = 0.15e9;
    /** A longer time in which nobody had anything to send counts as no more than this. */
    private static final long LONGEST_GAP = 1_000_000_000L;

    /** What counts by the minute asks for no more than one, and perhaps rounds it up. */
    private static final long LONGEST_PAUSE_OF_RATE = 65_000_000_000L;

    private @Nullable Bucket bucket;
    private double perSecond = Double.POSITIVE_INFINITY;
    private double knownCalls;
    private double secondsOfFewestCalls;
    private double heldShare;
    private double heldSeconds;

    private long began;
    private long lastTake;
    private long sent;
    private long calls;
    private long allowedAt;
    private long nanosWaitedFor;
    private boolean isExceeded;
    private long exceededSince;
    private long sentBefore;

    private @Nullable Stretch last;

    /** From one refusal to the next, and what was thought of the rate then. */
    private final class Stretch {
        final double callCost = Math.max(1, (double) sent / Math.max(1, calls));
        final double refusedAt = bucket == null ? Double.POSITIVE_INFINITY : rate();
        final double before = perSecond;
        final double knownBefore = knownCalls;
        double accepted;
        double seconds;
        /** Of those accepted, and of that time, what came after the estimate was exceeded. */
        double exceeding;

        double exceedingSeconds;
        boolean stillRefused;

        /** What was sent since the last one and was accepted, but for a call of so many requests, and the time until then. */
        void add(long refused, long end) {
            double sinceBegan = (end - began) / 1e9;
            accepted += sent - refused;
            seconds += sinceBegan;
            if (exceedingSeconds > 0) {
                exceeding += sent - refused;
                exceedingSeconds += sinceBegan;
            } else if (isExceeded) {
                exceeding = sent - sentBefore - refused;
                exceedingSeconds = (end - exceededSince) / 1e9;
            }
        }
    }

    /** Whether the refusal of a call of so many requests tells anything of the rate. */
    boolean canTellWithout(long requests) {
        return bucket != null || sent > requests;
    }

    /** Nanoseconds until so many requests may be sent; 0: now. */
    long until(long requests, long now) {
        if (bucket == null) {
            return 0;
        }
        bucket.retune(rate() / 1e9, now);
        long wait = bucket.until(requests, now);
        if (wait > 0) {
            allowedAt = Math.max(now, began) + wait;
        }
        return wait;
    }

    /** So many are sent. */
    void take(long requests, long now) {
        if (bucket != null) {
            bucket.take(requests);
        }
        long before = Math.max(began, lastTake);
        long waited = Math.max(0, Math.min(now, allowedAt) - before);
        long unused = Math.max(0, now - before - waited - LONGEST_GAP);
        nanosWaitedFor += waited;
        began += unused;
        exceededSince += unused;
        allowedAt = now;
        if (!isExceeded && secondsBeyond() > 0) {
            isExceeded = true;
            exceededSince = now;
            sentBefore = sent;
        }
        lastTake = now;
        sent += requests;
        calls++;
    }

    private void begin(long now) {
        began = now;
        sent = 0;
        calls = 0;
        nanosWaitedFor = 0;
        allowedAt = now;
        isExceeded = false;
    }

    /** For so long the estimate has been exceeded. */
    private double secondsBeyond() {
        return nanosWaitedFor / 1e9 - heldSeconds;
    }

    private double rate() {
        double beyond = secondsBeyond();
        if (beyond <= 0) {
            return perSecond * heldShare;
        }
        double slowSeconds = Math.max(SLOW_SECONDS, secondsOfFewestCalls);
        double slowly = heldShare + SLOW_GROWTH * Math.min(1, beyond / slowSeconds);
        double doublings = Math.max(0, beyond - slowSeconds) / Math.max(DOUBLING_SECONDS, secondsOfFewestCalls);
        return perSecond * slowly * Math.pow(2, Math.min(MOST_DOUBLINGS, doublings));
    }

    /**
     * A call was refused, and nothing is sent before the pause is over.
     *
     * @param acceptedSince whether a call that was sent after the refusal before this one was answered
     */
    void refused(long requests, long now, long pausedUntil, boolean acceptedSince) {
        long end = Math.max(now, pausedUntil);
        if (last == null || acceptedSince) {
            last = new Stretch();
        } else {
            last.stillRefused = true;
        }
        last.add(requests, tellsOfRate(end, now) ? end : now);
        begin(end);
        learn(last, now);
    }

    /** So was one that had been sent together with it, which may make the pause longer. */
    void refusedToo(long requests, long now, long pausedUntil) {
        if (last == null) {
            return;
        }
        last.accepted -= requests;
        last.exceeding -= requests;
        if (calls == 0 && pausedUntil > began) {
            last.add(0, tellsOfRate(pausedUntil, now) ? pausedUntil : began);
            begin(pausedUntil);
        }
        learn(last, now);
    }

    private static boolean tellsOfRate(long pausedUntil, long now) {
        return pausedUntil - now <= LONGEST_PAUSE_OF_RATE;
    }

    private void learn(Stretch stretch, long now) {
        double accepted = Math.max(0, stretch.accepted);
        if (Double.isInfinite(stretch.before)) {
            if (accepted == 0) {
                forget();
                return;
            }
            perSecond = Math.max(
                    accepted / (stretch.seconds + SECONDS_SAVED_UP), LEAST_CALLS_PER_SECOND * stretch.callCost);
            knownCalls = 1;
        } else {
            double weight = Math.min(WEIGHT_OF_THE_LAST, stretch.knownBefore);
            double mixedIn = weight * stretch.callCost;
            knownCalls = weight + accepted / stretch.callCost;
            perSecond = (accepted + mixedIn) / (stretch.seconds + mixedIn / stretch.before);
            double leftUnused = Math.max(SECONDS_LEFT_UNUSED, FEWEST_CALLS * stretch.callCost / stretch.before);
            perSecond = Math.max(perSecond, stretch.exceeding / (stretch.exceedingSeconds + leftUnused));
            if (stretch.stillRefused) {
                perSecond = Math.max(perSecond, LEAST_KEPT_WHILE_REFUSED * stretch.before);
            } else if (stretch.refusedAt > perSecond) {
                perSecond += LEAN * (Math.min(stretch.refusedAt, MOST_LEANT_TO * perSecond) - perSecond);
                if (knownCalls < FEW_CALLS) {
                    perSecond = Math.max(perSecond, LEAST_KEPT * stretch.refusedAt);
                }
            }
        }
        double callsPerSecond = perSecond / stretch.callCost;
        secondsOfFewestCalls = Math.min(LONGEST_FEWEST_SECONDS, FEWEST_CALLS / callsPerSecond);
        heldShare = HELD - 1 / (knownCalls + 2);
        double enough = Math.max(LEAST_HELD_SECONDS, LEAST_HELD_CALLS / callsPerSecond);
        heldSeconds = Math.min(Math.min(enough, MOST_HELD_SECONDS), HELD_PER_CALL_KNOWN * knownCalls / callsPerSecond);
        Bucket filling = bucket == null ? new Bucket(rate() / 1e9, NANOS_IN_BUCKET) : bucket;
        filling.retune(rate() / 1e9, now);
        filling.emptyUntil(began, now);
        if (began > now && knownCalls < FEW_CALLS) {
            filling.giveBack((long) stretch.callCost, now); // a pause is enough to wait for the first one
        }
        bucket = filling;
    }

    private void forget() {
        bucket = null;
        perSecond = Double.POSITIVE_INFINITY;
    }
}
