package dev.evervec.provider;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A call to a provider failed. Every such failure is {@linkplain TransientProviderException transient} or
 * {@linkplain PermanentProviderException permanent} and names its {@linkplain #owner() owner}.
 *
 * <p>Messages carry no text of a record and no key. Adapters pass no cause whose message could: an SDK's exception is
 * condensed to its type by {@link #withoutMessage(Throwable)}.
 */
public abstract sealed class ProviderException extends RuntimeException
        permits TransientProviderException, PermanentProviderException {
    private static final long serialVersionUID = 1L;

    private final FaultOwner owner;
    private final int httpStatus;
    private final @Nullable String requestId;

    ProviderException(
            FaultOwner owner, String message, int httpStatus, @Nullable String requestId, @Nullable Throwable cause) {
        super(Objects.requireNonNull(message, "message"), cause);
        this.owner = Objects.requireNonNull(owner, "owner");
        this.httpStatus = httpStatus;
        this.requestId = requestId;
    }

    /** What failed, on what, and what to do; never null. */
    @Override
    public String getMessage() {
        return Objects.requireNonNull(super.getMessage());
    }

    /** Who the failure is charged to. */
    public FaultOwner owner() {
        return owner;
    }

    /** The HTTP status of the answer, or the one that an error inside a 200 stands for; 0 if there was no answer. */
    public int httpStatus() {
        return httpStatus;
    }

    /**
     * The tokens that the failed call is billed for, if the service told; null if it did not, as with most failures. The
     * default is null.
     */
    public @Nullable TokenUsage usage() {
        return null;
    }

    /** The service's id of the request, for its support, or null if it sent none. */
    public @Nullable String requestId() {
        return requestId;
    }

    /**
     * A stand-in for an exception whose message must not travel: the same stack trace, type names as message, down the
     * whole chain of causes.
     */
    public static Throwable withoutMessage(Throwable original) {
        Throwable cause = original.getCause();
        Exception bare = new Exception(
                original.getClass().getName(), cause == null || cause == original ? null : withoutMessage(cause));
        bare.setStackTrace(original.getStackTrace());
        return bare;
    }
}
