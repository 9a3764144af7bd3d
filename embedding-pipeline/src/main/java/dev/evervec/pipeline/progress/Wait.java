package dev.evervec.pipeline.progress;

import java.util.Locale;

/** Why calls are kept back for a while. */
public enum Wait {
    /** The provider said that the quota is used up. */
    QUOTA,
    /** A call had failed and is tried again after a pause; the pauses of all calls together. */
    RETRY,
    /** Nothing succeeded, and only probes were sent. */
    OUTAGE;

    /** The word used in metrics. */
    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }
}
