package dev.evervec.pipeline.store;

import java.util.Locale;

/** How a job stands. */
public enum JobState {
    /** It was begun and not ended, and its worker lives. */
    RUNNING,
    /** It ended and no record failed. */
    COMPLETED,
    /** It ended and a record failed. */
    FAILED,
    /** It was cancelled. */
    CANCELLED,
    /** Its worker died before its end. */
    INTERRUPTED;

    /** The word used in the store and in reports. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }
}
