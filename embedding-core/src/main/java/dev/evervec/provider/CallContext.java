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
 * @param recall takes this call back as long as it stands in line for quota; once it was sent, nothing happens to it. May be
 *     shared by many calls
 */
public record CallContext(
        @Nullable Instant deadline,
        Priority priority,
        @Nullable RetryBudget retryBudget,
        CancelSignal cancelSignal,
        CancelSignal recall) {
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
        Objects.requireNonNull(recall, "recall");
    }

    /** A call that nobody takes back while it stands in line. */
    public CallContext(
            @Nullable Instant deadline,
            Priority priority,
            @Nullable RetryBudget retryBudget,
            CancelSignal cancelSignal) {
        this(deadline, priority, retryBudget, cancelSignal, new CancelSignal());
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
        return new CallContext(newDeadline, priority, retryBudget, cancelSignal, recall);
    }

    /** The same with this retry budget. */
    public CallContext withRetryBudget(RetryBudget newBudget) {
        return new CallContext(deadline, priority, newBudget, cancelSignal, recall);
    }

    /** The same, taken back by this signal. */
    public CallContext withRecall(CancelSignal newRecall) {
        return new CallContext(deadline, priority, retryBudget, cancelSignal, newRecall);
    }
}
