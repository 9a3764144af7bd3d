package dev.evervec.pipeline.store;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The store failed. The message says which statement on which store and its SQLState, in our own words; it never quotes the
 * driver, which may put bound values into messages.
 */
public final class StoreException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Kind kind;

    /** Whether trying again can help. */
    public enum Kind {
        /** Busy, locked, connection lost: may pass. */
        TRANSIENT,
        /** No space left, read-only, damaged, no permission, wrong schema: somebody must act. */
        PERMANENT
    }

    public StoreException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    /** What failed, on what, and what to do; never null. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Whether trying again can help. */
    public Kind kind() {
        return kind;
    }
}
