package dev.evervec.pipeline.store;

/** A job cannot begin: another one is running, or its id was used before. The message says which. */
public final class JobRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public JobRefusedException(String message) {
        super(message);
    }
}
