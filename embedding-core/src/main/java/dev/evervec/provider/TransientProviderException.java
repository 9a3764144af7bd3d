package dev.evervec.provider;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** A failure that may pass: the same request can succeed later. */
public final class TransientProviderException extends ProviderException {
    private static final long serialVersionUID = 1L;

    private final Failure failure;
    private final boolean sent;
    private final @Nullable Duration retryAfter;
    private final transient @Nullable RateLimits rateLimits;

    /** What went wrong, as far as it decides between trying again and splitting. */
    public enum Failure {
        /** The quota of the key is used up for now. */
        RATE_LIMITED,
        /** No answer: refused, reset, unknown host, timeout. Sending less at once would not have helped. */
        NO_ANSWER,
        /** The service answered that it failed (5xx and the like). */
        SERVER_ERROR,
        /** An answer came, but not the promised one: broken, cut off, or for other texts than asked. */
        MALFORMED_ANSWER,
        /** The call was cut by its {@link CancelSignal}. */
        CANCELLED
    }

    private TransientProviderException(
            FaultOwner owner,
            Failure failure,
            String message,
            int httpStatus,
            @Nullable String requestId,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause) {
        this(owner, failure, message, httpStatus, requestId, retryAfter, cause, true, null);
    }

    private TransientProviderException(
            FaultOwner owner,
            Failure failure,
            String message,
            int httpStatus,
            @Nullable String requestId,
            @Nullable Duration retryAfter,
            @Nullable Throwable cause,
            boolean sent,
            @Nullable RateLimits rateLimits) {
        super(owner, message, httpStatus, requestId, cause);
        this.failure = failure;
        this.sent = sent;
        this.retryAfter = retryAfter;
        this.rateLimits = rateLimits;
    }

    /**
     * The quota is used up for now; owner {@link FaultOwner#QUOTA}.
     *
     * @param retryAfter how long the service asked to wait, or null if it did not say
     */
    public static TransientProviderException rateLimited(
            String message, int httpStatus, @Nullable String requestId, @Nullable Duration retryAfter) {
        return rateLimited(message, httpStatus, requestId, retryAfter, RateLimits.NONE);
    }

    /**
     * The same, with what else the service told.
     *
     * @param rateLimits how the quota stands
     */
    public static TransientProviderException rateLimited(
            String message,
            int httpStatus,
            @Nullable String requestId,
            @Nullable Duration retryAfter,
            RateLimits rateLimits) {
        return new TransientProviderException(
                FaultOwner.QUOTA,
                Failure.RATE_LIMITED,
                message,
                httpStatus,
                requestId,
                retryAfter,
                null,
                true,
                rateLimits);
    }

    /** No answer came; owner {@link FaultOwner#PROVIDER}. */
    public static TransientProviderException noAnswer(String message, @Nullable Throwable cause) {
        return new TransientProviderException(FaultOwner.PROVIDER, Failure.NO_ANSWER, message, 0, null, null, cause);
    }

    /** No connection came about, so nothing was sent; owner {@link FaultOwner#PROVIDER}. */
    public static TransientProviderException notSent(String message, @Nullable Throwable cause) {
        return new TransientProviderException(
                FaultOwner.PROVIDER, Failure.NO_ANSWER, message, 0, null, null, cause, false, null);
    }

    /**
     * The service answered that it failed; owner {@link FaultOwner#PROVIDER}.
     *
     * @param retryAfter how long the service asked to wait, or null if it did not say
     */
    public static TransientProviderException serverError(
            String message, int httpStatus, @Nullable String requestId, @Nullable Duration retryAfter) {
        return new TransientProviderException(
                FaultOwner.PROVIDER, Failure.SERVER_ERROR, message, httpStatus, requestId, retryAfter, null);
    }

    /** An answer came, but not the promised one; owner {@link FaultOwner#PROVIDER}. */
    public static TransientProviderException malformedAnswer(
            String message, int httpStatus, @Nullable String requestId, @Nullable Throwable cause) {
        return new TransientProviderException(
                FaultOwner.PROVIDER, Failure.MALFORMED_ANSWER, message, httpStatus, requestId, null, cause);
    }

    /** The caller cut the call; nobody is to blame and the request may be sent again. */
    public static TransientProviderException cancelled() {
        return new TransientProviderException(
                FaultOwner.PROVIDER, Failure.CANCELLED, "the call was cancelled", 0, null, null, null);
    }

    /** What went wrong. */
    public Failure failure() {
        return failure;
    }

    /** How long the service asked to wait before the next request, or null if it did not say. */
    public @Nullable Duration retryAfter() {
        return retryAfter;
    }

    /** How the quota stood, as far as the service told. */
    public RateLimits rateLimits() {
        return rateLimits == null ? RateLimits.NONE : rateLimits;
    }

    /**
     * Whether the service may have done its work, and bill it, although the answer was lost: it was sent and no answer came, or
     * one that could not be used.
     */
    public boolean mayBeBilled() {
        return switch (failure) {
            case NO_ANSWER, CANCELLED -> sent;
            case MALFORMED_ANSWER -> true;
            case RATE_LIMITED, SERVER_ERROR -> false;
        };
    }
}
