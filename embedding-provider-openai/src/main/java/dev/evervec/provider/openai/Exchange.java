package dev.evervec.provider.openai;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.RateLimits;
import dev.evervec.provider.TransientProviderException;
import java.time.Clock;
import java.time.Duration;
import okhttp3.Call;
import okhttp3.Headers;
import org.jspecify.annotations.Nullable;

/** One call under way. Owned by the thread that makes it; only cutting it is for other threads. */
final class Exchange implements AutoCloseable {
    private static final Duration LONGEST = Duration.ofMillis(Integer.MAX_VALUE);

    final Duration limit;
    boolean connected;
    int httpStatus;
    Headers headers = Headers.of();

    @Nullable
    Refusal refusal;

    private final boolean byDeadline;
    private final CancelSignal signal;
    private @Nullable Call call;
    private CancelSignal.@Nullable Registration registration;

    private Exchange(CancelSignal signal, Duration limit, boolean byDeadline) {
        this.signal = signal;
        this.limit = limit;
        this.byDeadline = byDeadline;
    }

    /**
     * Starts a call that may take the timeout, or less if the caller's deadline comes first.
     *
     * @throws TransientProviderException if the call was cut or its deadline passed already
     */
    static Exchange start(CallContext context, Duration timeout, Clock clock) {
        if (context.cancelSignal().isCancelled()) {
            throw TransientProviderException.cancelled();
        }
        Duration longest = timeout.compareTo(LONGEST) > 0 ? LONGEST : timeout;
        if (context.deadline() == null) {
            return new Exchange(context.cancelSignal(), longest, false);
        }
        Duration left = Duration.between(clock.instant(), context.deadline());
        if (left.toMillis() <= 0) {
            throw TransientProviderException.notSent(
                    "the call's deadline " + context.deadline() + " had passed before it was sent", null);
        }
        boolean shorter = left.compareTo(longest) < 0;
        return new Exchange(context.cancelSignal(), shorter ? left : longest, shorter);
    }

    /** From now on the signal cuts this HTTP call; at once if it was given already. */
    void attach(Call httpCall) {
        call = httpCall;
        registration = signal.onCancel(httpCall::cancel);
    }

    /** Cuts the HTTP call, so that the rest of its answer is not read. */
    void cut() {
        if (call != null) {
            call.cancel();
        }
    }

    boolean isCancelled() {
        return signal.isCancelled();
    }

    /** The limit in words. */
    String limitInWords() {
        return byDeadline
                ? "the " + limit.toMillis() + " ms that were left to the call's deadline"
                : "the timeout of " + limit.toMillis() / 1000.0 + " s";
    }

    /** What the headers of the answer tell of the quota. */
    RateLimits rateLimits() {
        return RateLimits.inHeaders(headers.toMultimap());
    }

    @Override
    public void close() {
        if (registration != null) {
            registration.close();
        }
    }
}
