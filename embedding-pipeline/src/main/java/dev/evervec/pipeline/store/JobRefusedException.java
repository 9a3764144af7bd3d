package dev.evervec.pipeline.store;

import java.util.Objects;

/** A job cannot begin: another one is running, or it cannot be what it asks to be. The message says which. */
public final class JobRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Kind kind;

    /** Why a job cannot begin. */
    public enum Kind {
        /** Another job of its kind is running on the store. */
        RUNNING,
        /** Its id was used before. */
        ID_USED,
        /** The job that it is to carry on is not there, was not interrupted, or another one came after it. */
        NOT_RESUMABLE
    }

    public JobRefusedException(Kind kind, String message) {
        super(message);
        this.kind = Objects.requireNonNull(kind, "kind");
    }

    /** Why. */
    public Kind kind() {
        return kind;
    }
}
