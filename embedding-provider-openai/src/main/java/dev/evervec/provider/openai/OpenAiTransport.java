package dev.evervec.provider.openai;

import com.openai.azure.AzureOpenAIServiceVersion;
import com.openai.azure.AzureUrlPathMode;
import com.openai.azure.credential.AzureApiKeyCredential;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.LogLevel;
import com.openai.core.RequestOptions;
import com.openai.core.Timeout;
import com.openai.core.http.HttpResponse;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.NoDelaySocketFactory;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TransientProviderException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import okhttp3.ConnectionPool;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * The SDK's client over an OkHttp client of our own. The SDK builds URLs, credentials and bodies; timeouts, cutting of
 * calls and what becomes of an answer are decided here.
 *
 * <p>Calls run on the caller's thread from end to end, so a thread-local tells the interceptors which call they serve. No
 * thread is started for a call; the SDK's timer thread ends with {@link #close()}. OkHttp's own housekeeping threads are
 * daemons shared by the whole process and end by themselves within a minute.
 */
final class OpenAiTransport implements AutoCloseable {
    static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);

    private static final ThreadLocal<Exchange> CURRENT = new ThreadLocal<>();
    private static final long MAX_ERROR_BYTES = 64 * 1024;
    private static final String NO_KEY = "none";

    private final OpenAiEndpoint endpoint;
    private final @Nullable Secret key;
    private final CallPolicy policy;
    private final OpenAiErrors errors;
    private final Clock clock;
    private final UnaryOperator<OkHttpClient.Builder> customizer;
    private @Nullable Clients clients; // guarded by this
    private volatile boolean closed; // written under this

    /** Both take much of a second to load, and a job that finds nothing to embed needs neither. */
    private record Clients(OkHttpClient http, OpenAIClient sdk) {}

    /** Sends one request with the SDK. */
    @FunctionalInterface
    interface Sender {
        /** The SDK's raw answer; its body has not been read. */
        HttpResponse send(OpenAIClient.WithRawResponse client, RequestOptions options);
    }

    /** Reads the body of a good answer. */
    @FunctionalInterface
    interface AnswerReader<T> {
        /** What the body says. */
        T read(InputStream body, Exchange exchange) throws IOException;
    }

    OpenAiTransport(
            OpenAiEndpoint endpoint,
            @Nullable Secret key,
            CallPolicy policy,
            OpenAiErrors errors,
            Clock clock,
            UnaryOperator<OkHttpClient.Builder> customizer) {
        this.endpoint = endpoint;
        this.key = key;
        this.policy = policy;
        this.errors = errors;
        this.clock = clock;
        this.customizer = customizer;
    }

    /** Made for the first call. */
    private synchronized Clients clients() {
        if (closed) {
            throw new IllegalStateException("the provider is closed");
        }
        if (clients == null) {
            OkHttpClient http = httpClient();
            clients = new Clients(http, sdkClient(http, endpoint, key));
        }
        return clients;
    }

    private OkHttpClient httpClient() {
        return customizer
                .apply(new OkHttpClient.Builder()
                        .socketFactory(new NoDelaySocketFactory())
                        // OkHttp keeps only 5 idle connections: with more callers the others would be made anew each
                        // time.
                        .connectionPool(new ConnectionPool(policy.maxInFlight(), 1, TimeUnit.MINUTES))
                        .connectTimeout(CONNECT_TIMEOUT)
                        .retryOnConnectionFailure(false)
                        // A redirect would take the api-key header and the texts to a host that nobody configured.
                        .followRedirects(false)
                        .followSslRedirects(false)
                        .addInterceptor(this::watch)
                        .addNetworkInterceptor(this::noteConnection))
                .build();
    }

    private static OpenAIClient sdkClient(OkHttpClient http, OpenAiEndpoint endpoint, @Nullable Secret key) {
        OpenAIOkHttpClient.Builder builder = OpenAIOkHttpClient.builder()
                .okHttpClient(http)
                .baseUrl(endpoint.baseUrl())
                .maxRetries(0)
                // Off, because the SDK otherwise prints whole bodies when OPENAI_LOG is set.
                .logLevel(LogLevel.OFF)
                .disableTelemetry(true)
                .putHeader("User-Agent", "evervec")
                .azureUrlPathMode(
                        endpoint.kind() == OpenAiEndpoint.Kind.AZURE_DEPLOYMENTS
                                ? AzureUrlPathMode.LEGACY
                                : AzureUrlPathMode.UNIFIED);
        if (endpoint.apiVersion() != null) {
            builder.azureServiceVersion(AzureOpenAIServiceVersion.fromString(endpoint.apiVersion()));
        }
        if (key == null) {
            // The SDK insists on a credential, but nothing that is not configured goes over the wire.
            builder.apiKey(NO_KEY).removeHeaders("Authorization");
        } else if (endpoint.azure()) {
            builder.credential(AzureApiKeyCredential.create(key.reveal()));
        } else {
            builder.apiKey(key.reveal());
        }
        return builder.build();
    }

    /**
     * Makes one call.
     *
     * @param texts how many texts are embedded; 0 for a rewrite
     * @param maxBytes longer answers are cut off
     * @throws ProviderException if there is no good answer
     * @throws IllegalStateException if this was closed
     */
    <T> T call(CallContext context, int texts, long maxBytes, Sender sender, AnswerReader<T> reader) {
        Clients used = clients();
        try (Exchange exchange = Exchange.start(context, policy.timeout(), clock)) {
            CURRENT.set(exchange);
            try (HttpResponse response = sender.send(used.sdk.withRawResponse(), options(exchange))) {
                return reader.read(new CappedInputStream(response.body(), maxBytes, exchange::cut), exchange);
            } catch (ProviderException e) {
                throw withoutLeftovers(used, e);
            } catch (Exception e) {
                throw withoutLeftovers(used, failure(e, exchange, texts));
            } finally {
                CURRENT.remove();
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

    private static RequestOptions options(Exchange exchange) {
        Duration connect = exchange.limit.compareTo(CONNECT_TIMEOUT) < 0 ? exchange.limit : CONNECT_TIMEOUT;
        return RequestOptions.builder()
                .timeout(Timeout.builder()
                        .request(exchange.limit)
                        .connect(connect)
                        // The limit of the whole call ends these too, and never later; a watch of their own
                        // costs time every few kilobytes.
                        .read(Duration.ZERO)
                        .write(Duration.ZERO)
                        .build())
                .build();
    }

    private ProviderException failure(Exception failure, Exchange exchange, int texts) {
        if (failure instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        if (exchange.isCancelled()) {
            return TransientProviderException.cancelled();
        }
        if (exchange.refusal != null) {
            return errors.refused(exchange.refusal, texts);
        }
        if (Thread.currentThread().isInterrupted()) {
            return TransientProviderException.cancelled();
        }
        if (closed) {
            return TransientProviderException.noAnswer("the provider was closed during the call", null);
        }
        return errors.broken(failure, exchange.limitInWords(), exchange.connected, exchange.httpStatus);
    }

    /** Ties the HTTP call to its signal, and ends it at an error answer, which the SDK would take its time to interpret. */
    private Response watch(Interceptor.Chain chain) throws IOException {
        Exchange exchange = CURRENT.get();
        exchange.attach(chain.call());
        Response response = chain.proceed(chain.request());
        exchange.httpStatus = response.code();
        exchange.headers = response.headers();
        if (response.isSuccessful()) {
            return response;
        }
        exchange.refusal = new Refusal(response.code(), response.headers(), ErrorBody.parse(errorText(response)));
        response.close();
        throw new IOException("HTTP " + response.code());
    }

    private static String errorText(Response response) {
        try {
            return response.peekBody(MAX_ERROR_BYTES).string();
        } catch (IOException e) {
            // The status alone tells enough.
            return "";
        }
    }

    private Response noteConnection(Interceptor.Chain chain) throws IOException {
        Exchange exchange = CURRENT.get();
        exchange.connected = true;
        return chain.proceed(chain.request());
    }

    /** Cuts calls under way, closes the connections and ends the SDK's thread. */
    @Override
    public synchronized void close() {
        closed = true;
        Clients made = clients;
        clients = null;
        if (made != null) {
            made.http.dispatcher().cancelAll();
            made.sdk.close();
            made.http.connectionPool().evictAll();
        }
    }
}
