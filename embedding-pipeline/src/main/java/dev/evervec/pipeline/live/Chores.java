package dev.evervec.pipeline.live;

import dev.evervec.pipeline.live.Jobs.Running;
import dev.evervec.pipeline.store.JobRefusedException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is done now and then beside live embedding, one thing at a time: trying again what failed and is due, and comparing
 * everything with its source. Both are builds, which take second place after what is embedded live. Single-threaded.
 */
final class Chores {
    private static final Logger log = LoggerFactory.getLogger(Chores.class);
    private static final Duration MINUTE = Duration.ofMinutes(1);
    /** A retry with nothing to do leaves a row in the store's list of jobs. */
    private static final Duration LONGEST_RETRY_INTERVAL = Duration.ofMinutes(15);

    private final Jobs jobs;
    private final @Nullable Duration reconcileInterval;
    private final Troubles troubles;
    private Duration retryInterval = MINUTE;
    private long nextRetry;
    private long nextReconcile;
    private @Nullable Running retrying;
    private @Nullable Running reconciling;

    /**
     * @param reconcileInterval how often everything is compared with its source, or null for never
     * @param now when the first interval begins
     */
    Chores(Jobs jobs, @Nullable Duration reconcileInterval, RandomGenerator random, long now) {
        this.jobs = jobs;
        this.reconcileInterval = reconcileInterval;
        this.troubles = new Troubles("the work beside live embedding", MINUTE, random);
        this.nextRetry = now + MINUTE.toNanos();
        this.nextReconcile = now + (reconcileInterval == null ? 0 : reconcileInterval.toNanos());
    }

    /** Looks whether something has ended or is due. */
    void look(long now) {
        noticeEnds(now);
        if (retrying != null || reconciling != null || troubles.isPaused(now)) {
            return;
        }
        try {
            beginWhatIsDue(now);
        } catch (CancellationException e) {
            throw e;
        } catch (JobRefusedException e) {
            log.debug("a build is running, the work beside live embedding waits for it: {}", e.getMessage());
            postpone(now);
        } catch (RuntimeException e) {
            troubles.met(e, now);
        }
    }

    private void noticeEnds(long now) {
        if (reconciling != null && reconciling.isDone()) {
            reconciling = null;
        }
        if (retrying != null && retrying.isDone()) {
            retryInterval = retrying.hadWork() ? MINUTE : longer(retryInterval);
            nextRetry = now + retryInterval.toNanos();
            retrying = null;
        }
    }

    private void beginWhatIsDue(long now) {
        if (reconcileInterval != null && now - nextReconcile >= 0) {
            reconciling = jobs.reconcile();
            nextReconcile = now + reconcileInterval.toNanos();
            troubles.over();
        } else if (now - nextRetry >= 0) {
            nextRetry = now + MINUTE.toNanos();
            retrying = jobs.anyFailedDue() ? jobs.retryFailed() : null;
            troubles.over();
        }
    }

    /** What is due stays due, but is not asked for every time. */
    private void postpone(long now) {
        long soon = now + MINUTE.toNanos();
        nextReconcile = later(nextReconcile, soon);
        nextRetry = later(nextRetry, soon);
    }

    private static long later(long one, long other) {
        return one - other > 0 ? one : other;
    }

    private static Duration longer(Duration interval) {
        Duration twice = interval.multipliedBy(2);
        return twice.compareTo(LONGEST_RETRY_INTERVAL) < 0 ? twice : LONGEST_RETRY_INTERVAL;
    }
}
