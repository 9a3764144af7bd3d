package dev.evervec.pipeline.live;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of several live embedders of a store works: the one that said so last, until it has not said so for a lease. The others
 * stand by, which is no failure, and ask every few seconds. Single-threaded, except {@link #standsBy}.
 */
final class Lead {
    static final Duration LEASE = Duration.ofSeconds(60);
    /** How often whoever works says that it does. */
    static final Duration RENEWAL = Duration.ofSeconds(15);
    /** How often whoever stands by asks whether it still has to. */
    static final Duration TRY = Duration.ofSeconds(5);

    private static final Logger log = LoggerFactory.getLogger(Lead.class);

    private final Jobs jobs;
    private boolean held;
    private long nextWord;
    private volatile boolean standsBy;

    /** @param now when the store is first asked */
    Lead(Jobs jobs, long now) {
        this.jobs = jobs;
        this.nextWord = now;
    }

    /** Whether this embedder may work. */
    boolean isHeld(long now) {
        if (now - nextWord >= 0) {
            held = jobs.lead(LEASE);
            nextWord = now + (held ? RENEWAL : TRY).toNanos();
            if (!held) {
                standBy();
            }
        }
        return held;
    }

    /** The store refused it all the same: another one, which was taken for dead, is still at work. */
    void refused(long now) {
        held = false;
        nextWord = now + TRY.toNanos();
        standBy();
    }

    private void standBy() {
        if (!standsBy) {
            standsBy = true;
            log.info("another live embedder works on this store: this one stands by");
        }
    }

    /** It works. */
    void works() {
        if (standsBy) {
            standsBy = false;
            log.info("the other live embedder has ended: this one works now");
        }
    }

    boolean standsBy() {
        return standsBy;
    }

    /** Another one may work. */
    void leave() {
        try {
            jobs.leave();
        } catch (RuntimeException e) {
            log.debug("the store was not told that this embedder has ended; it will see", e);
        }
    }
}
