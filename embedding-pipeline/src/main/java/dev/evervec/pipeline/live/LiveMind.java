package dev.evervec.pipeline.live;

import dev.evervec.pipeline.live.Change.Kind;
import dev.evervec.pipeline.source.RecordKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Decides which noted changes are looked at now. It makes of many rows one task: of each record only the newest row counts,
 * because it only says where to look. A record that was embedded just now rests for a while, and one that could not be
 * looked at is tried again.
 *
 * <p>A look goes: {@link #beginLook}, {@link #note} for each page, {@link #decide}; and after the task was carried out,
 * {@link #settle}. Single-threaded; time is that of {@link System#nanoTime} and comes with the calls.
 */
final class LiveMind {
    private final Pace pace;
    /** The newest row of each record, the record with the oldest row first. */
    private final Map<RecordKey, NotedChange> noted = new LinkedHashMap<>();

    private final Map<RecordKey, Wait> waits;

    /** Why a record is not looked at before a certain time. */
    private enum Cause {
        /** It was embedded just now. */
        REST,
        /** Its source did not have it. */
        MISSING,
        /** Another worker had claimed it. */
        BUSY
    }

    /**
     * A record that waits, or rested not long ago.
     *
     * @param since when it was first found missing or busy, or was embedded
     * @param until when it is looked at again
     * @param length how long that is
     * @param wanted whether it was noted meanwhile
     */
    private record Wait(Cause cause, long since, long until, Duration length, boolean wanted) {
        boolean isOver(long now) {
            return now - until >= 0;
        }

        /** A rest is remembered until the record was quiet once more for as long as it lasted. */
        boolean isForgotten(long now) {
            return cause == Cause.REST && !wanted && now - until >= length.toNanos();
        }

        Wait whileWanted() {
            return new Wait(cause, since, until, length, true);
        }

        Wait endedAt(long now) {
            return cause == Cause.REST && !isOver(now) ? new Wait(cause, since, now, length, wanted) : this;
        }
    }

    LiveMind(Pace pace) {
        this.pace = pace;
        this.waits = new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<RecordKey, Wait> eldest) {
                return size() > pace.keysInMind();
            }
        };
    }

    /** Forgets the rows of the look before. */
    void beginLook() {
        noted.clear();
    }

    /**
     * Takes in a page of rows, in their order.
     *
     * @return rows that a newer one of the same record makes superfluous
     */
    List<Long> note(List<NotedChange> page) {
        List<Long> superfluous = new ArrayList<>();
        for (NotedChange row : page) {
            NotedChange earlier = noted.put(row.change().key(), row);
            if (earlier != null) {
                superfluous.add(earlier.seq());
            }
        }
        return superfluous;
    }

    /** Whether further pages would not change the next task, or would be too many. */
    boolean hasEnough(long now) {
        return noted.size() >= pace.keysInMind()
                || noted.values().stream().filter(row -> isDue(row, now)).count() >= pace.keysPerRun();
    }

    /** Whether nothing is left that was noted. */
    boolean isIdle() {
        return noted.isEmpty();
    }

    /** Ends all rests: somebody waits for what is noted. */
    void endRests(long now) {
        waits.replaceAll((key, wait) -> wait.endedAt(now));
    }

    /**
     * What is to be looked at now; may be nothing.
     *
     * @param sawAll whether every visible row was noted in this look
     */
    Task decide(long now, boolean sawAll) {
        forget(now, sawAll);
        Map<RecordKey, Long> rows = new HashMap<>();
        Set<RecordKey> changed = new HashSet<>();
        Set<RecordKey> removable = new HashSet<>();
        boolean more = !sawAll;
        for (NotedChange row : noted.values()) {
            RecordKey key = row.change().key();
            waits.computeIfPresent(key, (k, wait) -> wait.whileWanted());
            if (!isDue(row, now)) {
                continue;
            }
            if (rows.size() == pace.keysPerRun()) {
                more = true;
            } else {
                rows.put(key, row.seq());
                (isRemovable(row, now) ? removable : changed).add(key);
            }
        }
        return new Task(rows, changed, removable, more && !rows.isEmpty());
    }

    private void forget(long now, boolean sawAll) {
        waits.values().removeIf(wait -> wait.isForgotten(now));
        if (sawAll) {
            // Its rows are gone: another worker was quicker.
            waits.entrySet().removeIf(wait -> wait.getValue().wanted() && !noted.containsKey(wait.getKey()));
        }
    }

    private boolean isDue(NotedChange row, long now) {
        Wait wait = waits.get(row.change().key());
        return wait == null || wait.isOver(now) || (wait.cause() == Cause.REST && isDeletion(row));
    }

    private boolean isRemovable(NotedChange row, long now) {
        Wait wait = waits.get(row.change().key());
        return isDeletion(row)
                || (wait != null
                        && wait.cause() == Cause.MISSING
                        && now - wait.since() >= pace.vanishedAfter().toNanos());
    }

    private static boolean isDeletion(NotedChange row) {
        return row.change().kind() == Kind.DELETE;
    }

    /**
     * Takes in what became of a task.
     *
     * @param missing those of its records that the source did not have and that were not removable
     * @param busy those that another worker had claimed
     * @return the rows that are done with
     */
    List<Long> settle(Task task, Set<RecordKey> missing, Set<RecordKey> busy, long now) {
        List<Long> done = new ArrayList<>();
        task.rows().forEach((key, seq) -> {
            if (missing.contains(key)) {
                retryLater(key, Cause.MISSING, now);
            } else if (busy.contains(key)) {
                retryLater(key, Cause.BUSY, now);
            } else {
                rest(key, now);
                noted.remove(key);
                done.add(seq);
            }
        });
        return done;
    }

    private void retryLater(RecordKey key, Cause cause, long now) {
        Wait before = waits.get(key);
        Duration length = pace.firstRetry();
        long since = now;
        if (before != null && before.cause() == cause) {
            length = doubled(before.length(), pace.longestRetry());
            since = before.since();
        }
        if (cause == Cause.MISSING) {
            Duration left = pace.vanishedAfter().minusNanos(now - since);
            length = left.compareTo(length) < 0 ? left : length;
        }
        put(key, new Wait(cause, since, now + length.toNanos(), length, true));
    }

    private void rest(RecordKey key, long now) {
        Wait before = waits.get(key);
        Duration length = pace.firstRest();
        if (before != null && before.cause() == Cause.REST && before.wanted()) {
            length = doubled(before.length(), pace.longestRest());
        }
        put(key, new Wait(Cause.REST, now, now + length.toNanos(), length, false));
    }

    /** Puts it last in the order in which waits are forgotten. */
    private void put(RecordKey key, Wait wait) {
        waits.remove(key);
        waits.put(key, wait);
    }

    private static Duration doubled(Duration length, Duration longest) {
        Duration twice = length.multipliedBy(2);
        return twice.compareTo(longest) < 0 ? twice : longest;
    }
}
