package dev.evervec.pipeline.jobs;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A job was not begun, and nothing was changed. The message is for people and holds nothing that is secret. */
public final class TriggerRefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Refusal refusal;
    private final @Nullable String field;

    /** Why a job was not begun; a page answers 409 to all of them but {@link #INVALID}, which is a 400, and {@link #UNKNOWN_JOB}. */
    public enum Refusal {
        /** The request itself is wrong; {@link #field()} tells where. */
        INVALID,
        /** A job is running, here or in another process. */
        ALREADY_RUNNING,
        /** There is no job of this id. */
        UNKNOWN_JOB,
        /** The job cannot be carried on: it was not interrupted, or others came after it. */
        NOT_RESUMABLE,
        /** This {@code EmbeddingJobs} was closed. */
        CLOSED
    }

    TriggerRefusedException(Refusal refusal, String message) {
        this(refusal, null, message, null);
    }

    /** For what the cause says. */
    TriggerRefusedException(Refusal refusal, RuntimeException cause) {
        this(refusal, null, cause.getMessage(), cause);
    }

    private TriggerRefusedException(
            Refusal refusal, @Nullable String field, @Nullable String message, @Nullable Throwable cause) {
        super(Objects.requireNonNullElse(message, refusal.name()), cause);
        this.refusal = refusal;
        this.field = field;
    }

    static TriggerRefusedException running(String jobId) {
        return new TriggerRefusedException(
                Refusal.ALREADY_RUNNING, "job " + jobId + " is running: wait for its end or cancel it");
    }

    static TriggerRefusedException invalid(@Nullable String field, String message) {
        return new TriggerRefusedException(Refusal.INVALID, field, message, null);
    }

    /** For what the cause says of this key. */
    static TriggerRefusedException invalid(@Nullable String field, IllegalArgumentException cause) {
        return new TriggerRefusedException(Refusal.INVALID, field, cause.getMessage(), cause);
    }

    /** What is wrong, in words for people; never null. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Why. */
    public Refusal refusal() {
        return refusal;
    }

    /** The key of the request that is wrong, as it is spelled in JSON, such as {@code batch_size}; null if no single one is. */
    public @Nullable String field() {
        return field;
    }
}
