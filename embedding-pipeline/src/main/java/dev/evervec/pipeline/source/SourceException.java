package dev.evervec.pipeline.source;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A record source cannot be read. The message says what failed, where and what to do, and has no text of a record. */
public final class SourceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SourceException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }

    /** What failed, on what, and what to do; never null. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }
}
