package dev.evervec.store.jdbc;

/** The right to run a job on a store. Dies with the process that holds it. */
@FunctionalInterface
interface JobLock {
    /** Gives the right back. Doing so twice is harmless. */
    void release();
}
