package dev.evervec.pipeline.live;

import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.resilience.Backoff;
import java.time.Duration;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keeps something that fails waiting, longer each time, and says so once. Single-threaded. */
final class Troubles {
    private static final Logger log = LoggerFactory.getLogger(Troubles.class);
    private static final Backoff BACKOFF = new Backoff(Duration.ofSeconds(1), 2, Duration.ofMinutes(5));

    /** Their messages are our own, and say everything. */
    private static final Set<Class<?>> KNOWN =
            Set.of(Trouble.class, JobRefusedException.class, StoreException.class, SourceException.class);

    private final String what;
    private final Duration shortestPause;
    private final RandomGenerator random;
    private int inARow;
    private long pausedUntil;

    /**
     * @param what fails, for the log
     * @param shortestPause what a pause is at least
     */
    Troubles(String what, Duration shortestPause, RandomGenerator random) {
        this.what = what;
        this.shortestPause = shortestPause;
        this.random = random;
    }

    boolean isPaused(long now) {
        return inARow > 0 && now - pausedUntil < 0;
    }

    /** It failed. */
    void met(Throwable trouble, long now) {
        inARow++;
        Duration pause = BACKOFF.delay(inARow, random);
        pausedUntil = now + Math.max(shortestPause.toNanos(), pause.toNanos());
        if (inARow > 1) {
            log.debug("{} failed for the {}. time: {}", what, inARow, trouble.getMessage());
        } else if (KNOWN.contains(trouble.getClass())) {
            log.warn("{} cannot go on, and is tried again by itself: {}", what, trouble.getMessage());
        } else {
            log.warn("{} cannot go on, and is tried again by itself", what, trouble);
        }
    }

    /** It succeeded. */
    void over() {
        if (inARow > 0) {
            log.info("{} goes on", what);
            inARow = 0;
        }
    }
}
