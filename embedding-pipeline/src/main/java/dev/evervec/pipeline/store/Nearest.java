package dev.evervec.pipeline.store;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** The best of vectors that are offered one after the other; of equally near ones those that came first. */
final class Nearest {
    private static final Comparator<Candidate> BEST_FIRST = Comparator.comparingDouble(
                    (Candidate candidate) -> candidate.neighbour().similarity())
            .reversed()
            .thenComparingLong(Candidate::arrival);

    private final NearestQuery query;
    /** The worst of the kept ones is at its head. */
    private final PriorityQueue<Candidate> kept;

    private long arrivals;

    private record Candidate(Neighbour neighbour, long arrival) {}

    Nearest(NearestQuery query) {
        this.query = query;
        kept = new PriorityQueue<>(BEST_FIRST.reversed());
    }

    void offer(StoredVector stored) {
        // Rounding may carry the cosine of parallel vectors a little too far.
        double similarity = Math.max(-1, Math.min(1, query.vector().cosine(stored.embedding())));
        if (similarity < query.minSimilarity()) {
            return;
        }
        kept.add(new Candidate(new Neighbour(stored.key(), similarity), arrivals++));
        if (kept.size() > query.topK()) {
            kept.remove();
        }
    }

    List<Neighbour> bestFirst() {
        List<Candidate> candidates = new ArrayList<>(kept);
        candidates.sort(BEST_FIRST);
        return candidates.stream().map(Candidate::neighbour).toList();
    }
}
