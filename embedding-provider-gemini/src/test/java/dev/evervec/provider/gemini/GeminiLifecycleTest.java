package dev.evervec.provider.gemini;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static dev.evervec.provider.gemini.Loopback.provider;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.io.IOException;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** Cancelling, deadlines, closing, threads and logs. */
@Timeout(60)
class GeminiLifecycleTest {
    private static final String HALF_AN_ANSWER =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"embeddings\":[";
    private static final String KEPT_ALIVE =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 33\r\n\r\n{\"embeddings\":[{\"values\":[3,4]}]}";

    private final Loopback service = new Loopback();
    private final ExecutorService callers = Executors.newCachedThreadPool();

    @AfterEach
    void stop() {
        service.close();
        callers.shutdownNow();
    }

    private ProviderSettings.Builder settings(RawServer server) {
        return service.embedding("gemini-embedding-001", 2).baseUrl(server.url());
    }

    private CompletableFuture<Throwable> callOn(LLMProvider provider, CancelSignal signal) {
        return CompletableFuture.supplyAsync(
                () -> catchThrowable(() ->
                        provider.embed(new EmbedRequest(List.of("a"), InputKind.DOCUMENT, CallContext.build(signal)))),
                callers);
    }

    private static Failure failureOf(CompletableFuture<Throwable> call) throws Exception {
        return ((TransientProviderException) call.get(20, TimeUnit.SECONDS)).failure();
    }

    @Test
    void cancellingCutsOnlyItsCall() throws Exception {
        CancelSignal first = new CancelSignal();
        try (RawServer server = new RawServer("", RawServer.End.HANG)) {
            LLMProvider provider = provider(settings(server));
            CompletableFuture<Throwable> cut = callOn(provider, first);
            CompletableFuture<Throwable> waiting = callOn(provider, new CancelSignal());
            server.awaitAnswered(2);

            first.cancel();

            assertThat(failureOf(cut)).isEqualTo(Failure.CANCELLED);
            assertThat(waiting).isNotDone();

            provider.close();

            assertThat(failureOf(waiting)).isEqualTo(Failure.CANCELLED);
        }
    }

    @Test
    void cancellingCutsACallWhoseAnswerHasBegun() throws Exception {
        CancelSignal signal = new CancelSignal();
        try (RawServer server = new RawServer(HALF_AN_ANSWER, RawServer.End.HANG);
                LLMProvider provider = provider(settings(server))) {
            CompletableFuture<Throwable> cut = callOn(provider, signal);
            server.awaitAnswered(1);

            signal.cancel();

            assertThat(failureOf(cut)).isEqualTo(Failure.CANCELLED);
        }
    }

    @Test
    void aCancelledCallSendsNothing() throws Exception {
        CancelSignal signal = new CancelSignal();
        signal.cancel();
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-001", 2))) {
            assertThat(failureOf(callOn(provider, signal))).isEqualTo(Failure.CANCELLED);
        }
        assertThat(service.requests()).isEmpty();
    }

    @Test
    void anInterruptedCallerIsCancelledAndStaysInterrupted() {
        service.answersJson(Loopback.numberedVectors(1, 2));
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-001", 2))) {
            Thread.currentThread().interrupt();
            TransientProviderException failure = catchThrowableOfType(
                    TransientProviderException.class, () -> provider.embed(EmbedRequest.documents(List.of("a"))));

            assertThat(Thread.interrupted()).isTrue();
            assertThat(failure.failure()).isEqualTo(Failure.CANCELLED);
        }
    }

    @Test
    void aDeadlineCutsBeforeTheTimeoutDoes() throws IOException {
        try (RawServer server = new RawServer("", RawServer.End.HANG);
                LLMProvider provider = provider(settings(server))) {
            long start = System.nanoTime();
            TransientProviderException failure = catchThrowableOfType(
                    TransientProviderException.class,
                    () -> provider.embed(until(Instant.now().plusMillis(300))));

            assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
            assertThat(failure).hasMessageContaining("deadline");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
        }
    }

    @Test
    void aDeadlineThatHasPassedSendsNothing() {
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-001", 2))) {
            TransientProviderException failure = catchThrowableOfType(
                    TransientProviderException.class,
                    () -> provider.embed(until(Instant.now().minusSeconds(1))));

            assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
        }
        assertThat(service.requests()).isEmpty();
    }

    @Test
    void theTimeoutHoldsForTheWholeCall() throws IOException {
        try (RawServer server = new RawServer(HALF_AN_ANSWER, RawServer.End.HANG);
                LLMProvider provider =
                        provider(settings(server).callPolicy(new CallPolicy(0, Duration.ofMillis(300), 1)))) {
            assertThatThrownBy(() -> provider.embed("a"))
                    .isInstanceOfSatisfying(
                            TransientProviderException.class,
                            failure -> assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER))
                    .hasMessageContaining("timeout");
        }
    }

    private static EmbedRequest until(Instant deadline) {
        return new EmbedRequest(
                List.of("a"), InputKind.DOCUMENT, CallContext.live().withDeadline(deadline));
    }

    @Test
    void closingClosesTheConnectionsAndLeavesNoThreadOfOurs() throws Exception {
        Set<Thread> before = new HashSet<>(Thread.getAllStackTraces().keySet());
        try (RawServer server = new RawServer(KEPT_ALIVE, RawServer.End.HANG)) {
            LLMProvider provider = provider(settings(server));
            provider.embed("a");

            provider.close();

            server.awaitConnectionsClosed();
        }
        // OkHttp and Okio share two daemon threads in the whole JVM; they end by themselves after a minute without
        // work.
        assertThat(Thread.getAllStackTraces().keySet())
                .filteredOn(thread -> !before.contains(thread) && thread.isAlive())
                .filteredOn(thread -> !thread.getName().equals("raw-server"))
                .allSatisfy(thread -> {
                    assertThat(thread.getName()).matches("OkHttp .*|Okio Watchdog");
                    assertThat(thread.isDaemon()).isTrue();
                });
    }

    @Test
    void closingTwiceIsHarmlessAndCallsAfterItFail() {
        LLMProvider provider = provider(service.embedding("gemini-embedding-001", 2));

        provider.close();
        provider.close();

        assertThatThrownBy(() -> provider.embed("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThat(service.requests()).isEmpty();
    }

    @Test
    void oneProviderServesManyThreads() throws Exception {
        service.answersJson("{\"embeddings\":[{\"values\":[3,4]}]}");
        try (LLMProvider provider = provider(service.embedding("gemini-embedding-2", 2))) {
            List<CompletableFuture<Throwable>> calls = java.util.stream.IntStream.range(0, 24)
                    .mapToObj(i -> callOn(provider, new CancelSignal()))
                    .toList();

            for (CompletableFuture<Throwable> call : calls) {
                assertThat(call.get(20, TimeUnit.SECONDS)).isNull();
            }
        }
        assertThat(service.requests()).hasSize(24);
    }

    @Test
    void socketsDoNotWaitForAcknowledgements() throws IOException {
        try (Socket socket = new NoDelaySocketFactory().createSocket()) {
            assertThat(socket.getTcpNoDelay()).isTrue();
        }
    }

    @Test
    void neitherKeyNorTextIsEverLogged() {
        Logger ours = (Logger) LoggerFactory.getLogger("dev.evervec");
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        ours.addAppender(log);
        ours.setLevel(Level.TRACE);
        JulRecorder jul = new JulRecorder();
        java.util.logging.Logger julRoot = java.util.logging.Logger.getLogger("");
        julRoot.addHandler(jul);
        try (LLMProvider provider =
                provider(service.embedding("gemini-embedding-001", 2).maxTextsPerRequest(OptionalInt.of(2048)))) {
            service.answersJson("{\"embeddings\":[{\"values\":[3,4]}]}");
            provider.embed("SECRET-TEXT");
            service.answers(aResponse().withStatus(400).withBody("{\"error\":{\"message\":\"SECRET-TEXT\"}}"));
            catchThrowable(() -> provider.embed("SECRET-TEXT"));

            assertThat(provider.toString()).doesNotContain(Loopback.KEY);
            assertThat(provider.limits().maxTextsPerRequest()).isEqualTo(100);
        } finally {
            julRoot.removeHandler(jul);
            ours.detachAppender(log);
            ours.setLevel(null);
        }
        assertThat(log.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .containsExactly("batch_size 2048 for gemini-embedding-001 is lowered to 100, the service's limit");
        assertThat(jul.messages)
                .allSatisfy(message ->
                        assertThat(message).doesNotContain(Loopback.KEY).doesNotContain("SECRET-TEXT"));
    }

    private static final class JulRecorder extends Handler {
        private final List<String> messages = new CopyOnWriteArrayList<>();

        @Override
        public void publish(LogRecord logged) {
            messages.add(String.valueOf(logged.getMessage()));
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }
}
