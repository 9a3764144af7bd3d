package dev.evervec.provider.gemini;

import dev.evervec.provider.CancelSignal;
import java.util.List;
import java.util.Map;
import okio.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * What happened on the wire during one call: the SDK's exceptions carry neither headers nor, for a broken error body, the
 * status. Owned by the calling thread, which also runs the interceptor that fills it.
 */
final class Exchange {
    // The SDK hands nothing of ours through to the interceptor; its sync calls run on the caller's thread.
    private static final ThreadLocal<@Nullable Exchange> CURRENT = new ThreadLocal<>();

    static final long MAX_HEAD_BYTES = 64 * 1024;

    private final CancelSignal signal;
    private final long maxAnswerBytes;
    private CancelSignal.@Nullable Registration registration;
    private boolean sent;
    private boolean connected;
    private int status;
    private Map<String, List<String>> headers = Map.of();
    private @Nullable String requestId;
    // May echo the texts of the request: read for its marks, never shown.
    private final Buffer bodyHead = new Buffer();

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

    /** A connection to the service stands: from now on it may get the request. */
    void connected() {
        connected = true;
    }

    void answered(int httpStatus, Map<String, List<String>> answerHeaders, @Nullable String requestIdHeader) {
        status = httpStatus;
        headers = answerHeaders;
        requestId = requestIdHeader;
    }

    /** Notes what came of the body last; only its beginning is kept. */
    void bodyRead(Buffer body, long newBytes) {
        long kept = Math.min(newBytes, MAX_HEAD_BYTES - bodyHead.size());
        body.copyTo(bodyHead, body.size() - newBytes, kept);
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

    /** Whether the service may have got the request. */
    boolean hasConnected() {
        return connected;
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

    /** The headers of the answer. */
    Map<String, List<String>> headers() {
        return headers;
    }

    @Nullable
    String requestId() {
        return requestId;
    }

    /** The beginning of the answer's body, which is all of an error. */
    byte[] bodyHead() {
        return bodyHead.snapshot().toByteArray();
    }

    long maxAnswerBytes() {
        return maxAnswerBytes;
    }
}
