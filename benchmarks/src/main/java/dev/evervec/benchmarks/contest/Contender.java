package dev.evervec.benchmarks.contest;

import java.io.IOException;

/**
 * One who gets vectors for texts and is compared with others. Made by a public constructor that takes a {@link Task}; used by one
 * thread, which may start others.
 */
public interface Contender extends AutoCloseable {
    /** Gets everything ready for that many texts; this is not measured. */
    default void prepare(int texts) throws Exception {}

    /** Gets a vector for each of that many texts, and fails if one is missing. */
    void run(int texts) throws Exception;

    /** Ends everything that was started. */
    @Override
    default void close() throws IOException {}
}
