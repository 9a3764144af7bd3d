package dev.evervec.pipeline.live;

import dev.evervec.pipeline.store.JobRefusedException;
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
    private final Lead lead;
    private final LiveMind mind;
    private final Chores chores;
    private final Troubles troubles;
    private final LongSupplier nanoTime;

    LiveLoop(
            Outbox outbox,
            Jobs jobs,
            Lead lead,
            LiveMind mind,
            Chores chores,
            Troubles troubles,
            LongSupplier nanoTime) {
        this.outbox = outbox;
        this.jobs = jobs;
        this.lead = lead;
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
            if (!lead.isHeld(now())) {
                return standBy(urgency);
            }
            Left left = look();
            lead.works();
            chores.look(now());
            return left;
        } catch (JobRefusedException e) {
            return refused(e);
        } catch (CancellationException e) {
            // Closed: the rows stay for the next one.
            return Left.WAITING;
        } catch (RuntimeException | Error e) {
            troubles.met(e, now());
            return Left.WAITING;
        }
    }

    /**
     * Says now and then, between looks, that this embedder is there.
     *
     * @return whether there is a reason to look at once: it may work from now on
     */
    boolean keepLead() {
        try {
            return lead.isHeld(now()) && lead.standsBy();
        } catch (RuntimeException e) {
            // The next look meets it, too.
            return false;
        }
    }

    /** Whether another embedder works, and this one waits for its end. May be called from any thread. */
    boolean standsBy() {
        return lead.standsBy();
    }

    /** Another embedder may work. */
    void leaveLead() {
        lead.leave();
    }

    /** Whoever waits for an empty outbox does not mind who empties it. */
    private Left standBy(Urgency urgency) {
        return urgency == Urgency.DRAIN && outbox.read(0, 1).isEmpty() ? Left.NOTHING : Left.WAITING;
    }

    private Left refused(JobRefusedException e) {
        if (e.kind() == JobRefusedException.Kind.RUNNING) {
            lead.refused(now());
        } else {
            troubles.met(e, now());
        }
        return Left.WAITING;
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
