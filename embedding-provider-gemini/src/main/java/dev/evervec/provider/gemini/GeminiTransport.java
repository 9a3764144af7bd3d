package dev.evervec.provider.gemini;

import com.google.genai.Client;
import com.google.genai.Models;
import com.google.genai.types.ClientOptions;
import com.google.genai.types.HttpOptions;
import com.google.genai.types.HttpRetryOptions;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.NoDelaySocketFactory;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.gemini.WireInterceptor.KeyHeader;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import okhttp3.ConnectionPool;
import okhttp3.Dispatcher;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * The SDK's client on an HTTP client of our own, and the frame around each of its calls. Thread-safe.
 *
 * <p>The SDK is told everything that it would otherwise take from the environment or decide by itself: the address, the
 * Developer API rather than Vertex, a key (a dummy that never leaves, where none is configured), no retries. Its own default
 * has no timeout at all and tries five times.
 */
final class GeminiTransport implements AutoCloseable {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration MAX_OKHTTP_TIMEOUT = Duration.ofMillis(Integer.MAX_VALUE);
    // Without one the SDK reads GOOGLE_API_KEY and would send it to the configured server.
    private static final String DUMMY_KEY = "none";

    private final @Nullable Secret key;
    private final String baseUrl;
    private final CallPolicy policy;
    private final GeminiErrors errors;
    private final Clock clock;
    private @Nullable Clients clients; // guarded by this
    private volatile boolean closed; // written under this

    /** Both take much of a second to load, and a job that finds nothing to embed needs neither. */
    private record Clients(OkHttpClient http, Client sdk) {}

    /** One call of the SDK; the options are given if they differ from the client's. */
    @FunctionalInterface
    interface SdkCall<T> {
        T send(Models models, Optional<HttpOptions> options);
    }

    /** Makes of an answer's content what was asked, or refuses it. */
    @FunctionalInterface
    interface AnswerReader<S, T> {
        T read(S answer, Exchange exchange);
    }

    GeminiTransport(@Nullable Secret key, String baseUrl, CallPolicy policy, GeminiErrors errors, Clock clock) {
        this.key = key;
        this.baseUrl = baseUrl;
        this.policy = policy;
        this.errors = errors;
        this.clock = clock;
    }

    /** Made for the first call. */
    private synchronized Clients clients() {
        if (closed) {
            throw new IllegalStateException("the provider is closed");
        }
        if (clients == null) {
            OkHttpClient http = httpClient();
            clients = new Clients(http, sdkClient(http));
        }
        return clients;
    }

    private Client sdkClient(OkHttpClient http) {
        return Client.builder()
                .apiKey(key == null ? DUMMY_KEY : key.reveal())
                .vertexAI(false)
                .httpOptions(HttpOptions.builder()
                        .baseUrl(baseUrl)
                        .retryOptions(HttpRetryOptions.builder()
                                .attempts(1)
                                .httpStatusCodes(List.of())
                                .build())
                        .build())
                .clientOptions(ClientOptions.builder().customHttpClient(http).build())
                .build();
    }

    private OkHttpClient httpClient() {
        Duration timeout = timeout();
        return new OkHttpClient.Builder()
                .socketFactory(new NoDelaySocketFactory())
                .connectTimeout(timeout.compareTo(CONNECT_TIMEOUT) < 0 ? timeout : CONNECT_TIMEOUT)
                .callTimeout(timeout)
                .readTimeout(timeout)
                .writeTimeout(timeout)
                .retryOnConnectionFailure(false)
                // OkHttp would send the key's header along to whatever host a redirect names.
                .followRedirects(false)
                .followSslRedirects(false)
                .connectionPool(new ConnectionPool(policy.maxInFlight(), 1, TimeUnit.MINUTES))
                .dispatcher(new Dispatcher(daemonThreads()))
                .addInterceptor(new WireInterceptor(key == null ? KeyHeader.REMOVE : KeyHeader.SEND, () -> closed))
                .addNetworkInterceptor(GeminiTransport::noteConnection)
                .build();
    }

    private Duration timeout() {
        return policy.timeout().compareTo(MAX_OKHTTP_TIMEOUT) > 0 ? MAX_OKHTTP_TIMEOUT : policy.timeout();
    }

    private static Response noteConnection(Interceptor.Chain chain) throws IOException {
        Exchange exchange = Exchange.current();
        if (exchange != null) {
            exchange.connected();
        }
        return chain.proceed(chain.request());
    }

    // Calls run on their callers' threads. Given all the same: the threads of OkHttp's own pool keep a JVM up.
    private static ExecutorService daemonThreads() {
        return Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(task, "embedding-gemini-http");
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Makes one call on the calling thread.
     *
     * @param texts how many texts it carries; 0 for a prompt
     * @throws ProviderException if it failed, or the reader refused the answer
     */
    <S, T> T call(CallContext context, int texts, long maxAnswerBytes, SdkCall<S> sdkCall, AnswerReader<S, T> reader) {
        Clients used = clients();
        if (context.cancelSignal().isCancelled()) {
            throw TransientProviderException.cancelled();
        }
        Optional<HttpOptions> options = options(context.deadline());
        Exchange exchange = Exchange.start(context.cancelSignal(), maxAnswerBytes);
        try {
            S answer = sdkCall.send(used.sdk.models, options);
            checkSent(exchange);
            return reader.read(answer, exchange);
        } catch (RuntimeException failure) {
            throw closed
                    ? TransientProviderException.cancelled()
                    : withoutLeftovers(used, errors.of(failure, exchange, texts));
        } finally {
            exchange.end();
            if (closed) {
                // An answer that ended while closing has put its connection back into the pool.
                used.http.connectionPool().evictAll();
            }
        }
    }

    /** What is left of a malformed answer in a pooled connection would be read as the beginning of the next one. */
    private static ProviderException withoutLeftovers(Clients used, ProviderException failure) {
        if (failure instanceof TransientProviderException passing
                && passing.failure() == TransientProviderException.Failure.MALFORMED_ANSWER) {
            used.http.connectionPool().evictAll();
        }
        return failure;
    }

    // The SDK can answer from a replay file.
    private static void checkSent(Exchange exchange) {
        if (!exchange.sent()) {
            throw GeminiErrors.nothingSent(null);
        }
    }

    private Optional<HttpOptions> options(@Nullable Instant deadline) {
        if (deadline == null) {
            return Optional.empty();
        }
        Duration left = Duration.between(clock.instant(), deadline);
        if (left.compareTo(Duration.ofMillis(1)) < 0) {
            throw TransientProviderException.notSent("the deadline passed before the request was sent", null);
        }
        return left.compareTo(timeout()) >= 0
                ? Optional.empty()
                : Optional.of(HttpOptions.builder()
                        .timeout(Math.toIntExact(left.toMillis()))
                        .build());
    }

    /** Cuts the calls under way and closes the connections. Closing twice is harmless. */
    @Override
    public synchronized void close() {
        closed = true;
        Clients made = clients;
        clients = null;
        if (made != null) {
            made.http.dispatcher().cancelAll();
            made.http.dispatcher().executorService().shutdownNow();
            made.http.connectionPool().evictAll();
            made.sdk.close();
        }
    }
}
