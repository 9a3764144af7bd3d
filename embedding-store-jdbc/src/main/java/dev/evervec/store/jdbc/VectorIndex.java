package dev.evervec.store.jdbc;

/**
 * The index of a generation's vectors, and what was done about it.
 *
 * @param name of the index in the database
 * @param over what it is over: {@code vector}, or {@code halfvec} for vectors that it takes with half their precision only
 * @param outcome what was done
 */
public record VectorIndex(String name, String over, Outcome outcome) {
    /** What was done. */
    public enum Outcome {
        /** It was made. */
        CREATED,
        /** It was made in place of one whose making had been broken off. */
        REPLACED,
        /** It was there and nothing was done. */
        FOUND
    }
}
