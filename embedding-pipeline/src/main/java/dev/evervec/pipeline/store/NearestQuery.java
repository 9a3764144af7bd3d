package dev.evervec.pipeline.store;

import dev.evervec.provider.Embedding;
import org.jspecify.annotations.Nullable;

/**
 * Which stored vectors to look for.
 *
 * @param vector what they should be near to
 * @param source only of this source, or null for all
 * @param topK how many at most, from 1 to {@value #MAX_TOP_K}
 * @param minSimilarity only those with this cosine or more, from -1 (whatever it is) to 1
 */
public record NearestQuery(Embedding vector, @Nullable String source, int topK, double minSimilarity) {
    /** More is not asked for at once. */
    public static final int MAX_TOP_K = 1000;

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public NearestQuery {
        if (topK < 1 || topK > MAX_TOP_K) {
            throw new IllegalArgumentException("topK must be from 1 to " + MAX_TOP_K + ", not " + topK);
        }
        if (!(minSimilarity >= -1 && minSimilarity <= 1)) {
            throw new IllegalArgumentException("minSimilarity must be from -1 to 1, not " + minSimilarity);
        }
    }

    /** A query over every source, whatever the similarity. */
    public NearestQuery(Embedding vector, int topK) {
        this(vector, null, topK, -1);
    }

    /**
     * Refuses a vector that cannot be compared with the stored ones.
     *
     * @throws IllegalArgumentException if it has another dimension than the generation
     */
    public void requireComparableTo(Fingerprint fingerprint) {
        int dimension = fingerprint.embedding().dimension();
        if (vector.dimension() != dimension) {
            throw new IllegalArgumentException("the query's vector has " + vector.dimension()
                    + " dimensions, those of generation " + fingerprint.generation() + " have " + dimension);
        }
    }
}
