package dev.evervec.pipeline.live;

import java.util.Objects;

/** A task was not carried out to its end: its rows stay. The message says why. */
final class Trouble extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Trouble(String message) {
        super(message);
    }

    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }
}
