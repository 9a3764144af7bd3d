package dev.evervec.provider.gemini;

import dev.evervec.provider.CancelSignal;
import org.jspecify.annotations.Nullable;

/**
 * What happened on the wire during one call: the SDK's exceptions carry neither headers nor, for a broken error body, the
 * status. Owned by the calling thread, which also runs the interceptor that fills it.
 */
final class Exchange {
    // The SDK hands nothing of ours through to the interceptor; its sync calls run on the caller's thread.
    private static final ThreadLocal<@Nullable Exchange> CURRENT = new ThreadLocal<>();

    private final CancelSignal signal;
    private final long maxAnswerBytes;
    private CancelSignal.@Nullable Registration registration;
    private boolean sent;
    private int status;
    private @Nullable String retryAfter;
    private @Nullable String requestId;
    // May echo the texts of the request: read for its marks, never shown.
    private byte[] errorBody = {};

    private Exchange(CancelSignal signal, long maxAnswerBytes) {
        this.signal = signal;
        this.maxAnswerBytes = maxAnswerBytes;
    }

    /** Starts the one of this thread; {@link #end} must follow. */
    static Exchange start(CancelSignal signal, long maxAnswerBytes) {
        Exchange exchange = new Exchange(signal, maxAnswerBytes);
        CURRENT.set(exchange);
        return exchange;
    }

    /** The one of this thread, or null if no call is being made on it. */
    static @Nullable Exchange current() {
        return CURRENT.get();
    }

    /** The request is about to leave; from now until {@link #end} the signal runs this. */
    void begin(Runnable cut) {
        sent = true;
        registration = signal.onCancel(cut);
    }

    void answered(int httpStatus, @Nullable String retryAfterHeader, @Nullable String requestIdHeader) {
        status = httpStatus;
        retryAfter = retryAfterHeader;
        requestId = requestIdHeader;
    }

    void refused(byte[] body) {
        errorBody = body;
    }

    void end() {
        CURRENT.remove();
        if (registration != null) {
            registration.close();
        }
    }

    boolean cancelled() {
        return signal.isCancelled();
    }

    /** Whether a request left at all. */
    boolean sent() {
        return sent;
    }

    boolean hasStatus() {
        return status != 0;
    }

    boolean succeeded() {
        return status >= 200 && status < 300;
    }

    /** The status of the answer, or 0 if there is none. */
    int status() {
        return status;
    }

    @Nullable
    String retryAfter() {
        return retryAfter;
    }

    @Nullable
    String requestId() {
        return requestId;
    }

    byte[] errorBody() {
        return errorBody;
    }

    long maxAnswerBytes() {
        return maxAnswerBytes;
    }
}
