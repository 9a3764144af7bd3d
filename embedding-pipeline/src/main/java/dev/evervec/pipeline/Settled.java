package dev.evervec.pipeline;

import dev.evervec.pipeline.store.RecordResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Stream;

/** Results that wait for their commit, in the order in which they came, and the requests they came from. Part of the state machine. */
final class Settled {
    private final List<RecordResult> results = new ArrayList<>();
    private final Deque<Long> ends =
            new ArrayDeque<>(); // results until the end of each request, counted from the job's first
    private long taken;

    /**
     * Results for one commit.
     *
     * @param requests whose last results are among them
     */
    record Portion(List<RecordResult> results, int requests) {}

    void add(RecordResult result) {
        results.add(result);
    }

    /** All results of a request are here. */
    void requestEnds() {
        if (!results.isEmpty()) {
            ends.addLast(taken + results.size());
        }
    }

    boolean isEmpty() {
        return results.isEmpty();
    }

    Stream<RecordResult> stream() {
        return results.stream();
    }

    /** How many requests have results here. */
    int requests() {
        return ends.size();
    }

    /** Takes out the first of them, so many at most. */
    Portion take(int most) {
        int count = Math.min(results.size(), most);
        Portion portion = new Portion(new ArrayList<>(results.subList(0, count)), endsWithin(count));
        results.subList(0, count).clear();
        taken += count;
        return portion;
    }

    private int endsWithin(int count) {
        int requests = 0;
        while (!ends.isEmpty() && ends.getFirst() <= taken + count) {
            ends.removeFirst();
            requests++;
        }
        return requests;
    }
}
