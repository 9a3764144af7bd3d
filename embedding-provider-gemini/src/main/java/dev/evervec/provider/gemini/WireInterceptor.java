package dev.evervec.provider.gemini;

import java.io.IOException;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import okhttp3.Interceptor;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Buffer;
import okio.BufferedSource;
import okio.ForwardingSource;
import okio.Okio;
import org.jspecify.annotations.Nullable;

/**
 * Stands outermost around every call of the SDK: ties the call to its cancel signal, notes what the SDK's exceptions do not
 * carry, bounds the answer, and sends no key where none is configured.
 */
final class WireInterceptor implements Interceptor {
    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_.-]{1,64}");

    private final KeyHeader keyHeader;
    private final BooleanSupplier closed;

    /** Whether the key header that the SDK always sets goes out. */
    enum KeyHeader {
        SEND,
        REMOVE
    }

    WireInterceptor(KeyHeader keyHeader, BooleanSupplier closed) {
        this.closed = closed;
        this.keyHeader = keyHeader;
    }

    @Override
    public Response intercept(Chain chain) throws IOException {
        Request request = withoutDummyKey(chain.request());
        Exchange exchange = Exchange.current();
        if (exchange == null) {
            throw new IOException("a request outside of a call");
        }
        exchange.begin(chain.call()::cancel);
        if (closed.getAsBoolean()) {
            // Checked here too: the call is already among those that closing cuts, so none slips through in between.
            throw new IOException("closed");
        }
        Response response = chain.proceed(request);
        exchange.answered(response.code(), response.headers().toMultimap(), token(response.header("x-request-id")));
        if (response.isSuccessful()) {
            return bounded(response, exchange);
        }
        keepError(response, exchange);
        // The SDK would take its time to interpret it, and does not throw for every status that is no success.
        throw new IOException("HTTP " + response.code());
    }

    private Request withoutDummyKey(Request request) {
        return keyHeader == KeyHeader.SEND
                ? request
                : request.newBuilder().removeHeader("x-goog-api-key").build();
    }

    private static @Nullable String token(@Nullable String header) {
        return header != null && TOKEN.matcher(header).matches() ? header : null;
    }

    private static Response bounded(Response response, Exchange exchange) {
        ResponseBody body = response.body();
        if (body == null) {
            return response;
        }
        BufferedSource source = Okio.buffer(new BoundedSource(body.source(), exchange));
        // Whatever the header says of the charset, JSON is UTF-8 (RFC 8259).
        return response.newBuilder()
                .body(ResponseBody.create(source, null, body.contentLength()))
                .build();
    }

    // An error body that breaks off must not hide the status that came before it.
    private static void keepError(Response response, Exchange exchange) {
        try (ResponseBody body = response.body()) {
            if (body != null) {
                readQuietly(body.source());
                Buffer read = body.source().getBuffer();
                exchange.bodyRead(read, read.size());
            }
        }
    }

    private static void readQuietly(BufferedSource source) {
        try {
            source.request(Exchange.MAX_HEAD_BYTES);
        } catch (IOException brokenOff) {
            // What came before is in the buffer; the status says enough.
        }
    }

    /** The answer is longer than any answer to this request can be. */
    static final class AnswerTooLargeException extends IOException {
        private static final long serialVersionUID = 1L;

        AnswerTooLargeException(long maxBytes) {
            super("the answer has more than " + maxBytes + " bytes");
        }
    }

    private static final class BoundedSource extends ForwardingSource {
        private final Exchange exchange;
        private long left;

        BoundedSource(BufferedSource delegate, Exchange exchange) {
            super(delegate);
            this.exchange = exchange;
            this.left = exchange.maxAnswerBytes();
        }

        @Override
        public long read(Buffer sink, long byteCount) throws IOException {
            long read = super.read(sink, byteCount);
            if (read > 0) {
                exchange.bodyRead(sink, read);
                left -= read;
            }
            if (left < 0) {
                throw new AnswerTooLargeException(exchange.maxAnswerBytes());
            }
            return read;
        }
    }
}
