package dev.evervec.pipeline;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.resilience.Backoff;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * The commands for the writer. One at a time is with the writer, and one that failed for a moment is tried again before any other.
 * Those that keep calls going, because they bring records or make room for answers, go before all the others, but of these one has its
 * turn after every few; within its kind none overtakes another. Part of the state machine.
 */
final class StoreQueue {
    /** A scan page takes as long as several commits of small requests, and is needed less often than they are. */
    private static final int MOST_OVERTAKEN = 4;

    private static final int MAX_TRIES = 6;
    /** Many failures are over before anybody could do anything about them. */
    private static final int TOLD_TRIES = 3;
    /** A database that is restarted or hands over to its stand-by comes back within about a minute. */
    static final Duration PATIENCE = Duration.ofMinutes(2);

    private final Backoff backoff;
    private final RandomGenerator random;
    private final Duration patience;
    private final Deque<Command.StoreCommand> urgent = new ArrayDeque<>();
    private final Deque<Command.StoreCommand> others = new ArrayDeque<>();
    private Command.@Nullable StoreCommand current; // with the writer, or to be tried again
    private int overtaken; // times that the first of the others had to let an urgent one pass
    private boolean writing;
    private long writingSince;
    private long notBefore;
    private int failures;
    private long failingSince;
    private @Nullable String trouble;

    StoreQueue(Backoff backoff, RandomGenerator random, Duration patience, long now) {
        this.backoff = backoff;
        this.random = random;
        this.patience = patience;
        this.notBefore = now;
    }

    void add(Command.StoreCommand command) {
        (keepsCallsGoing(command) ? urgent : others).addLast(command);
    }

    private static boolean keepsCallsGoing(Command.StoreCommand command) {
        return command instanceof Command.ClaimRecords
                || command instanceof Command.Commit
                || command instanceof Command.KeepRewrites
                || command instanceof Command.AskBudget;
    }

    /** What the writer is to do now, or null if nothing. */
    Command.@Nullable StoreCommand next(long now) {
        if (writing || now < notBefore) {
            return null;
        }
        if (current == null) {
            current = takeTurns();
        }
        if (current != null) {
            writing = true;
            writingSince = now;
        }
        return current;
    }

    private Command.@Nullable StoreCommand takeTurns() {
        boolean nextIsUrgent = others.isEmpty() || (overtaken < MOST_OVERTAKEN && !urgent.isEmpty());
        overtaken = nextIsUrgent && !others.isEmpty() ? overtaken + 1 : 0;
        return (nextIsUrgent ? urgent : others).pollFirst();
    }

    private boolean isEmpty() {
        return current == null && urgent.isEmpty() && others.isEmpty();
    }

    /** When the writer has something to do again without an event, or {@link Long#MAX_VALUE}. */
    long nextWake() {
        return writing || isEmpty() ? Long.MAX_VALUE : notBefore;
    }

    /** Since when the writer is busy with one command, or {@link Long#MAX_VALUE} if it is idle. */
    long busySince() {
        return writing ? writingSince : Long.MAX_VALUE;
    }

    /** The command that was with the writer is done. */
    void done() {
        current = null;
        writing = false;
        failures = 0;
        trouble = null;
    }

    /** What the command that is to be tried again failed at, or null. */
    @Nullable
    String trouble() {
        return trouble;
    }

    /**
     * The command that was with the writer failed; says whether it will be tried again.
     *
     * @param stopping whether somebody waits for the end of the job: then it is not tried for as long
     */
    boolean failed(StoreException failure, long now, boolean stopping) {
        writing = false;
        failures++;
        failingSince = failures == 1 ? now : failingSince;
        boolean patient = failures < MAX_TRIES || (!stopping && now - failingSince < patience.toNanos());
        if (failure.kind() != StoreException.Kind.TRANSIENT || !patient) {
            return false;
        }
        trouble = failures < TOLD_TRIES ? null : failure.getMessage();
        notBefore = now + backoff.delay(failures, random).toNanos();
        return true;
    }

    /** Removes and hands out everything that was not done. */
    List<Command.StoreCommand> drain() {
        List<Command.StoreCommand> left = new ArrayList<>();
        if (current != null) {
            left.add(current);
        }
        left.addAll(urgent);
        left.addAll(others);
        current = null;
        urgent.clear();
        others.clear();
        writing = false;
        return left;
    }
}
