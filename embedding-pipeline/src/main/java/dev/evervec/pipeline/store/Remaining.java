package dev.evervec.pipeline.store;

/** What a worker that found nothing to claim on its job's list has to expect of it. */
public enum Remaining {
    /** Nothing: whatever was on the list is done. */
    NOTHING,
    /** Other workers scan, or have claimed records that come back to the list if they die: ask again in a moment. */
    LATER,
    /** The worker that scanned is dead, and from now on this one does: from the source's beginning. */
    SCAN
}
