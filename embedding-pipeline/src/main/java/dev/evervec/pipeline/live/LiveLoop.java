package dev.evervec.pipeline.live;

import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.LongSupplier;

/**
 * What a live embedder does again and again: it reads the outbox, has done what the mind decides, and deletes the rows that are
 * done with. Whatever goes wrong, nothing is deleted and it is tried again later. Single-threaded; never waits.
 */
final class LiveLoop {
    private static final int PAGE = 1_000;
    /** Keeps a look at a long backlog of a few records short. */
    private static final int PAGES_PER_LOOK = 100;

    private final Outbox outbox;
    private final Jobs jobs;
    private final LiveMind mind;
    private final Chores chores;
    private final Troubles troubles;
    private final LongSupplier nanoTime;

    LiveLoop(Outbox outbox, Jobs jobs, LiveMind mind, Chores chores, Troubles troubles, LongSupplier nanoTime) {
        this.outbox = outbox;
        this.jobs = jobs;
        this.mind = mind;
        this.chores = chores;
        this.troubles = troubles;
        this.nanoTime = nanoTime;
    }

    /** Whether somebody waits for what is noted. */
    enum Urgency {
        NONE,
        /** Neither rests nor pauses after a trouble hold it up. */
        DRAIN
    }

    /** What a look left behind. */
    enum Left {
        /** Nothing. */
        NOTHING,
        /** Something that cannot be looked at yet. */
        WAITING,
        /** Something that can be looked at now. */
        MORE
    }

    /** Looks at the outbox once, unless a trouble is not over yet. */
    Left look(Urgency urgency) {
        if (urgency == Urgency.DRAIN) {
            mind.endRests(now());
        } else if (troubles.isPaused(now())) {
            return Left.WAITING;
        }
        try {
            Left left = look();
            chores.look(now());
            return left;
        } catch (CancellationException e) {
            // Closed: the rows stay for the next one.
            return Left.WAITING;
        } catch (RuntimeException | Error e) {
            troubles.met(e, now());
            return Left.WAITING;
        }
    }

    private Left look() {
        mind.beginLook();
        boolean sawAll = read();
        Task task = mind.decide(now(), sawAll);
        if (!task.isEmpty()) {
            carryOut(task);
        }
        boolean nothingLeft = sawAll && mind.isIdle();
        if (nothingLeft || !task.isEmpty()) {
            troubles.over();
        }
        return nothingLeft ? Left.NOTHING : task.more() ? Left.MORE : Left.WAITING;
    }

    /** Notes what is visible; says whether that is all. */
    private boolean read() {
        long after = 0;
        for (int pages = 0; pages < PAGES_PER_LOOK && !mind.hasEnough(now()); pages++) {
            List<NotedChange> page = outbox.read(after, PAGE);
            List<Long> superfluous = mind.note(page);
            if (!superfluous.isEmpty()) {
                outbox.delete(superfluous);
            }
            if (page.size() < PAGE) {
                return true;
            }
            after = page.get(page.size() - 1).seq();
        }
        return false;
    }

    private void carryOut(Task task) {
        Jobs.Ended ended = jobs.embed(task.changed(), task.removable());
        if (ended.trouble() != null) {
            throw new Trouble(ended.trouble());
        }
        List<Long> done = mind.settle(task, ended.missing(), ended.busy(), now());
        if (!done.isEmpty()) {
            outbox.delete(done);
        }
    }

    private long now() {
        return nanoTime.getAsLong();
    }
}
