package dev.evervec.pipeline.store;

import java.util.Locale;

/** The durable state of a record in the ledger. */
public enum RecordState {
    /** To be embedded: new, changed, or left over by a job. */
    PENDING,
    /** Its vector is that of its current text. */
    EMBEDDED,
    /** Left out for a reason. */
    SKIPPED,
    /** Failed for a reason. */
    FAILED;

    /** The word used in the store and in reports. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }
}
