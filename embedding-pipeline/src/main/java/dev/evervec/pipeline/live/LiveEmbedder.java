package dev.evervec.pipeline.live;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.live.LiveLoop.Left;
import dev.evervec.pipeline.live.LiveLoop.Urgency;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.StoreException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps embeddings current: looks into an {@link Outbox} every now and then, embeds what the host has noted there, and
 * deletes what is done.
 *
 * <pre>{@code
 * LiveEmbedder live = LiveEmbedder.builder()
 *         .pipeline(pipeline)
 *         .outbox(queue)
 *         .reconcileEvery(Duration.ofHours(24))
 *         .build();
 * live.start();
 * }</pre>
 *
 * <p>What a host may rely on:
 *
 * <ul>
 *   <li>A change is looked at within the poll interval (a second), and several changes of one record at once. The records are
 *       embedded beside a running build of the same store, and their calls go before its calls.
 *   <li>A record that changes again before it had a rest rests longer each time: 2 seconds, doubling to 5 minutes. Deletions
 *       do not wait.
 *   <li>A changed record that its source does not have is looked for again for 60 seconds. Then it counts as vanished, and its
 *       vector leaves the store. That of a deleted one does at once.
 *   <li>A row leaves the outbox when its record is embedded, skipped or failed by its own fault. Until then, whatever happens to
 *       the process, the provider or the store, it stays and is taken up again; a repetition costs no call for what was
 *       committed. While nothing gets through, it is tried again more and more seldom, up to every 5 minutes.
 *   <li>What failed for a reason that may pass is tried again when it is due.
 *   <li>Nothing of all that reaches the host: it is logged, and what it noted waits.
 * </ul>
 *
 * <p>One embedder works on a store at a time; others that are started on it, in other processes too, {@linkplain #isStandingBy
 * stand by} and take over when it is closed or dies.
 * Memory is bounded, whatever waits. Thread-safe; has one daemon thread of its own, {@code evervec-live-1}, besides those of the
 * jobs that it runs.
 */
public final class LiveEmbedder implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(LiveEmbedder.class);

    private final Outbox outbox;
    private final Jobs jobs;
    private final LiveLoop loop; // owned by the thread, but for whether it stands by
    private final Duration pollInterval;
    private final BuildPipeline pipeline;
    private final double maxVanishedShare;
    private final Thread thread = new Thread(this::live, "evervec-live-1");

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private State state = State.NEW; // guarded by lock
    private boolean awake; // guarded by lock
    private final List<Drain> drains = new ArrayList<>(); // guarded by lock

    private enum State {
        NEW,
        STARTED,
        CLOSED
    }

    /** Somebody who waits until the outbox is empty. */
    private static final class Drain {
        boolean done; // guarded by lock
    }

    private LiveEmbedder(Builder builder) {
        this.pipeline = Objects.requireNonNull(builder.pipeline, "pipeline: give the embedder a BuildPipeline");
        this.outbox = Objects.requireNonNull(builder.outbox, "outbox: give the embedder an Outbox");
        this.pollInterval = builder.pollInterval;
        this.maxVanishedShare = builder.maxVanishedShare;
        this.jobs = new PipelineJobs(pipeline, maxVanishedShare);
        this.loop = new LiveLoop(
                outbox,
                jobs,
                new Lead(jobs, System.nanoTime()),
                new LiveMind(Pace.DEFAULT),
                new Chores(jobs, builder.reconcileInterval, ThreadLocalRandom.current(), System.nanoTime()),
                new Troubles("live embedding", pollInterval, ThreadLocalRandom.current()),
                System::nanoTime);
        thread.setDaemon(true);
    }

    /** Starts the description of an embedder. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Begins to look into the outbox.
     *
     * @throws IllegalStateException if it was started or closed before
     */
    public void start() {
        lock.lock();
        try {
            if (state != State.NEW) {
                throw new IllegalStateException("a live embedder is started once; make another one");
            }
            state = State.STARTED;
            thread.start();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Looks into the outbox now instead of at the end of the poll interval; for hosts that have just noted something. An
     * outbox on PostgreSQL does it by itself.
     */
    public void wake() {
        lock.lock();
        try {
            awake = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Whether another live embedder, in this process or another one, works on the store, and this one waits to take over: when
     * that one is closed, or has not been heard of for a minute. That is no failure. False if it is not running.
     */
    public boolean isStandingBy() {
        return isOpen() && loop.standsBy();
    }

    /**
     * Waits until nothing is left in the outbox. Meanwhile neither rests nor pauses after a failure hold anything up; a record
     * that is missing is still looked for until its time is over.
     *
     * @return whether the outbox was found empty within the limit; false if the embedder was closed or this thread interrupted
     * @throws IllegalStateException if the embedder is not running
     */
    public boolean drain(Duration limit) {
        long left = limit.toNanos();
        Drain drain = new Drain();
        lock.lock();
        try {
            if (state != State.STARTED) {
                throw new IllegalStateException("the live embedder is not running; start it first");
            }
            drains.add(drain);
            changed.signalAll();
            while (!drain.done && state == State.STARTED && left > 0) {
                left = changed.awaitNanos(left);
            }
            return drain.done;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            drains.remove(drain);
            lock.unlock();
        }
    }

    /**
     * Compares everything with its source, on this thread: embeds changes whose events were lost, and removes vectors of
     * vanished records, unless they are more than the configured share of a source. A build like any other: live embedding
     * goes on beside it.
     *
     * @return the report, whose notes tell of sources that were left as they are because too much had vanished
     * @throws JobRefusedException if a build is running on the store
     * @throws SourceException if the records cannot be read at all
     * @throws StoreException if the store cannot be used
     */
    public BuildReport reconcile() {
        return reconcile(maxVanishedShare);
    }

    /**
     * Compares everything with its source, with consent to remove up to this share of a source.
     *
     * @param maxVanished from 0 to 1; 1 removes whatever is gone
     * @throws IllegalArgumentException if it is none
     */
    public BuildReport reconcile(double maxVanished) {
        return pipeline.run(BuildRequest.all().removeVanished(maxVanished));
    }

    /**
     * Ends it: what is being embedded is cancelled as {@link dev.evervec.pipeline.BuildRun#cancel} does, and its rows stay for
     * the next one. Returns when the thread has ended. Harmless if it was never started, or is closed already.
     */
    @Override
    public void close() {
        boolean running;
        lock.lock();
        try {
            running = state == State.STARTED;
            state = State.CLOSED;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        jobs.stop();
        if (running) {
            awaitEnd();
        }
    }

    private void awaitEnd() {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void live() {
        log.info("live embedding begins, looking every {} ms", pollInterval.toMillis());
        Outbox.Listening listening = outbox.listen(this::wake);
        try {
            List<Drain> waiting = List.of();
            while (isOpen()) {
                Left left = loop.look(waiting.isEmpty() ? Urgency.NONE : Urgency.DRAIN);
                waiting = rest(left, waiting);
            }
        } finally {
            listening.close();
            loop.leaveLead();
        }
        log.info("live embedding ends");
    }

    private boolean isOpen() {
        lock.lock();
        try {
            return state == State.STARTED;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits until the next look, and says now and then that this embedder is there.
     *
     * @param served for whom the last look was
     * @return for whom the next one is
     */
    private List<Drain> rest(Left left, List<Drain> served) {
        if (left == Left.NOTHING) {
            release(served);
        }
        long begun = System.nanoTime();
        long length = left == Left.MORE ? 0 : interval().toNanos();
        boolean looksNow = false;
        while (!looksNow) {
            long rest = length - (System.nanoTime() - begun);
            looksNow = pause(Math.min(rest, Lead.TRY.toNanos()), served) || rest <= 0 || loop.keepLead();
        }
        return waiting();
    }

    /** Whoever stands by waits for another one, which tells it nothing. */
    private Duration interval() {
        return loop.standsBy() && pollInterval.compareTo(Lead.TRY) > 0 ? Lead.TRY : pollInterval;
    }

    private void release(List<Drain> served) {
        lock.lock();
        try {
            served.forEach(drain -> drain.done = true);
            drains.removeAll(served);
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits so long; true if something happened before. */
    private boolean pause(long nanos, List<Drain> served) {
        lock.lock();
        try {
            long left = nanos;
            while (left > 0 && !isDisturbed(served)) {
                left = changed.awaitNanos(left);
            }
            return isDisturbed(served);
        } catch (InterruptedException e) {
            // Nobody has a reason to interrupt this thread; it goes on.
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Called with the lock. A word of the outbox is for whoever works. */
    private boolean isDisturbed(List<Drain> served) {
        return state != State.STARTED || (awake && !loop.standsBy()) || !served.containsAll(drains);
    }

    private List<Drain> waiting() {
        lock.lock();
        try {
            awake = false;
            return List.copyOf(drains);
        } finally {
            lock.unlock();
        }
    }

    /** Describes a live embedder. Not thread-safe. */
    public static final class Builder {
        private @Nullable BuildPipeline pipeline;
        private @Nullable Outbox outbox;
        private Duration pollInterval = Duration.ofSeconds(1);
        private @Nullable Duration reconcileInterval;
        private double maxVanishedShare = 0.10;

        private Builder() {}

        /** What embeds; builds of its store may run beside. Required. */
        public Builder pipeline(BuildPipeline buildPipeline) {
            pipeline = buildPipeline;
            return this;
        }

        /** Where the host notes what it changes. Required. */
        public Builder outbox(Outbox box) {
            outbox = box;
            return this;
        }

        /**
         * How often the outbox is looked at while there is nothing to do; a second otherwise.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder pollInterval(Duration interval) {
            pollInterval = positive("pollInterval", interval);
            return this;
        }

        /**
         * How often everything is compared with its source, as {@link LiveEmbedder#reconcile()} does; never otherwise. The first
         * time is one interval after the start; if a build is running then, after it.
         *
         * @throws IllegalArgumentException if it is not positive
         */
        public Builder reconcileEvery(Duration interval) {
            reconcileInterval = positive("reconcileEvery", interval);
            return this;
        }

        /**
         * Up to which share of a source's records one reconciliation may remove from the store because they are gone; 0.10
         * otherwise.
         *
         * @param share from 0 to 1
         * @throws IllegalArgumentException if it is not
         */
        public Builder maxVanishedShare(double share) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("maxVanishedShare must be from 0 to 1: " + share);
            }
            maxVanishedShare = share;
            return this;
        }

        /**
         * The embedder, not yet started.
         *
         * @throws NullPointerException if pipeline or outbox is missing
         */
        public LiveEmbedder build() {
            return new LiveEmbedder(this);
        }

        private static Duration positive(String name, Duration interval) {
            if (interval.isNegative() || interval.isZero()) {
                throw new IllegalArgumentException(name + " must be positive: " + interval);
            }
            return interval;
        }
    }
}
