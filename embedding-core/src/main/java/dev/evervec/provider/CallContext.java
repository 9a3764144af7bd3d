package dev.evervec.provider;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How one call is to be made.
 *
 * @param deadline when the caller stops waiting, further tries included, or null for no limit beyond the provider's own
 *     timeout per request
 * @param priority whether somebody waits for this call or it belongs to a build
 * @param retryBudget the further tries that this call may take; shared by the parts of a split request. Null: the
 *     provider's configured {@code max_retries}
 * @param cancelSignal cuts this call only
 */
public record CallContext(
        @Nullable Instant deadline,
        Priority priority,
        @Nullable RetryBudget retryBudget,
        CancelSignal cancelSignal) {
    /** Which calls go first when the quota is short. */
    public enum Priority {
        /** Somebody waits for the answer. */
        LIVE,
        /** Part of a build. */
        BUILD
    }

    public CallContext {
        Objects.requireNonNull(priority, "priority");
        Objects.requireNonNull(cancelSignal, "cancelSignal");
    }

    /** A live call without deadline and with the provider's configured retries. */
    public static CallContext live() {
        return new CallContext(null, Priority.LIVE, null, new CancelSignal());
    }

    /** A call of a build, which retries by itself. */
    public static CallContext build(CancelSignal cancelSignal) {
        return new CallContext(null, Priority.BUILD, RetryBudget.none(), cancelSignal);
    }

    /** The same with this deadline. */
    public CallContext withDeadline(Instant newDeadline) {
        return new CallContext(newDeadline, priority, retryBudget, cancelSignal);
    }

    /** The same with this retry budget. */
    public CallContext withRetryBudget(RetryBudget newBudget) {
        return new CallContext(deadline, priority, newBudget, cancelSignal);
    }
}
