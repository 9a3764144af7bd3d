package dev.evervec.pipeline.store;

/** Which scanned records are put on the job's list. */
public enum MarkMode {
    /** What is new, changed, pending, or failed and may be repeated. */
    PENDING,
    /** Every record with content, whatever its state; stored vectors stay until new ones replace them. */
    REBUILD
}
