package dev.evervec.provider.openai;

import static dev.evervec.provider.openai.Fixtures.answer;
import static dev.evervec.provider.openai.Fixtures.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.Test;

class OpenAiLifecycleTest {
    private static final RawServer.Reply GOOD = RawServer.Reply.json(200, answer(entry(0, "[1,2,3]")));

    @Test
    void theServiceLoaderFindsItByName() {
        LLMProviderFactory found = ServiceLoader.load(LLMProviderFactory.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(factory -> factory.name().equals("openai"))
                .findFirst()
                .orElseThrow();

        assertThat(found.keyVariables()).containsExactly("OPENAI_API_KEY");
        assertThat(found.needsKey()).isTrue();
        assertThat(found.defaultDimension("text-embedding-3-small")).isEqualTo(OptionalInt.of(1536));
        assertThat(found.defaultDimension("text-embedding-3-large")).isEqualTo(OptionalInt.of(3072));
        assertThat(found.defaultDimension("text-embedding-ada-002")).isEqualTo(OptionalInt.of(1536));
        assertThat(found.defaultDimension("nomic-embed-text")).isEmpty();
    }

    @Test
    void theFactoryWorksWithoutTheSdkUntilAProviderIsMade() throws Exception {
        URL[] withoutSdk = {
            OpenAiProviderFactory.class.getProtectionDomain().getCodeSource().getLocation(),
            LLMProviderFactory.class.getProtectionDomain().getCodeSource().getLocation(),
            org.slf4j.Logger.class.getProtectionDomain().getCodeSource().getLocation()
        };
        try (URLClassLoader loader = new URLClassLoader(withoutSdk, ClassLoader.getPlatformClassLoader())) {
            Class<?> factories = loader.loadClass(LLMProviderFactory.class.getName());
            Object factory = ServiceLoader.load(factories, loader).iterator().next();

            assertThat(factory.getClass().getMethod("name").invoke(factory)).isEqualTo("openai");
            assertThat(factory.getClass()
                            .getMethod("defaultDimension", String.class)
                            .invoke(factory, "text-embedding-3-small"))
                    .isEqualTo(OptionalInt.of(1536));
            assertThatThrownBy(() -> loader.loadClass("com.openai.client.OpenAIClient"))
                    .isInstanceOf(ClassNotFoundException.class);
        }
    }

    @Test
    void cancellingCutsOnlyItsCall() throws Exception {
        CountDownLatch bothThere = new CountDownLatch(2);
        CountDownLatch firstCut = new CountDownLatch(1);
        RawServer server = new RawServer(request -> {
            bothThere.countDown();
            if (request.body().contains("cut me")) {
                return new RawServer.Reply("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", RawServer.End.HANG);
            }
            await(firstCut);
            return GOOD;
        });
        try (server;
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            CancelSignal signal = new CancelSignal();
            FutureTask<Embedding> cut = inThread(() -> embed(provider, "cut me", CallContext.build(signal)));
            FutureTask<Embedding> kept = inThread(() -> embed(provider, "keep me", CallContext.live()));
            await(bothThere);

            signal.cancel();

            assertThat(failureOf(cut).failure()).isEqualTo(Failure.CANCELLED);
            firstCut.countDown();
            assertThat(kept.get(20, TimeUnit.SECONDS).get(0)).isEqualTo(1f);
            assertThat(embed(provider, "and later", CallContext.live()).get(0)).isEqualTo(1f);
        }
    }

    @Test
    void aSignalGivenBeforehandSendsNothing() {
        try (RawServer server = new RawServer(request -> GOOD);
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            CancelSignal signal = new CancelSignal();
            signal.cancel();

            TransientProviderException failure = catchThrowableOfType(
                    TransientProviderException.class, () -> embed(provider, "a", CallContext.build(signal)));

            assertThat(failure.failure()).isEqualTo(Failure.CANCELLED);
            assertThat(server.requests).isEmpty();
        }
    }

    @Test
    void theTimeoutEndsACallThatHangsAndIsNamed() {
        for (String partial : new String[] {"", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"}) {
            try (RawServer server = new RawServer(request -> new RawServer.Reply(partial, RawServer.End.HANG));
                    OpenAiProvider provider = OpenAiProvider.create(Fixtures.embedding(server.url())
                            .callPolicy(Fixtures.timeout(Duration.ofMillis(400)))
                            .build())) {
                TransientProviderException failure =
                        catchThrowableOfType(TransientProviderException.class, () -> provider.embed("a"));

                assertThat(failure.failure()).isEqualTo(Failure.NO_ANSWER);
                assertThat(failure).hasMessageContaining("timeout of 0.4 s");
            }
        }
    }

    @Test
    void theDeadlineComesBeforeTheTimeoutAndIsNamed() {
        try (RawServer server = new RawServer(request -> new RawServer.Reply("", RawServer.End.HANG));
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            CallContext soon = CallContext.live().withDeadline(Instant.now().plusMillis(400));
            CallContext past = CallContext.live().withDeadline(Instant.now().minusSeconds(1));

            TransientProviderException late =
                    catchThrowableOfType(TransientProviderException.class, () -> embed(provider, "a", soon));
            TransientProviderException tooLate =
                    catchThrowableOfType(TransientProviderException.class, () -> embed(provider, "b", past));

            assertThat(late.failure()).isEqualTo(Failure.NO_ANSWER);
            assertThat(late).hasMessageContaining("deadline");
            assertThat(tooLate.failure()).isEqualTo(Failure.NO_ANSWER);
            assertThat(tooLate).hasMessageContaining("deadline");
            assertThat(server.requests).hasSize(1);
        }
    }

    @Test
    void anInterruptedThreadStaysInterrupted() {
        try (RawServer server = new RawServer(request -> GOOD);
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            Thread.currentThread().interrupt();
            TransientProviderException failure =
                    catchThrowableOfType(TransientProviderException.class, () -> provider.embed("a"));

            assertThat(Thread.interrupted()).isTrue();
            assertThat(failure.failure()).isEqualTo(Failure.CANCELLED);
        }
    }

    @Test
    void closingEndsCallsUnderWayAndLeavesNoThread() throws Exception {
        CountDownLatch there = new CountDownLatch(1);
        RawServer server = new RawServer(request -> {
            if (request.body().contains("hang")) {
                there.countDown();
                return new RawServer.Reply("", RawServer.End.HANG);
            }
            return GOOD;
        });
        Set<Thread> before = new HashSet<>(Thread.getAllStackTraces().keySet());
        try (server) {
            OpenAiProvider provider =
                    OpenAiProvider.create(Fixtures.embedding(server.url()).build());
            provider.embed("a");
            FutureTask<Embedding> hanging = inThread(() -> provider.embed("hang"));
            await(there);

            provider.close();
            provider.close();

            assertThat(failureOf(hanging)).hasMessageContaining("closed during the call");
            assertThatThrownBy(() -> provider.embed("b")).isInstanceOf(IllegalStateException.class);
        }
        List<Thread> started = new ArrayList<>(Thread.getAllStackTraces().keySet());
        started.removeAll(before);
        // OkHttp's housekeeping belongs to the process, not to a client, and ends by itself after a minute.
        started.removeIf(thread -> thread.isDaemon() && thread.getName().matches("OkHttp .*|Okio Watchdog"));
        for (Thread thread : started) {
            thread.join(20_000);
            assertThat(thread.isAlive()).as(thread.getName()).isFalse();
        }
    }

    @Test
    void oneProvidersEndAndFaultsDoNotTouchAnother() {
        try (RawServer good = new RawServer(request -> GOOD);
                RawServer bad = new RawServer(request -> RawServer.Reply.json(401, "{}"));
                OpenAiProvider first =
                        OpenAiProvider.create(Fixtures.embedding(good.url()).build())) {
            OpenAiProvider second = OpenAiProvider.create(
                    Fixtures.embedding(bad.url()).apiKey(null).build());
            first.embed("a");
            assertThatThrownBy(() -> second.embed("a")).isInstanceOf(PermanentProviderException.class);
            second.close();

            first.embed("b");

            assertThat(good.requests)
                    .hasSize(2)
                    .allSatisfy(request -> assertThat(request.head()).contains("Bearer " + Fixtures.KEY));
            assertThat(bad.requests)
                    .singleElement()
                    .satisfies(request -> assertThat(request.headerNames()).doesNotContain("authorization"));
        }
    }

    @Test
    void connectionsAreReusedAndDoNotWaitForAcknowledgements() throws Exception {
        List<Boolean> noDelay = new ArrayList<>();
        List<Object> connections = new ArrayList<>();
        try (RawServer server = new RawServer(request -> GOOD);
                OpenAiProvider provider = OpenAiProvider.create(
                        Fixtures.embedding(server.url()).build(),
                        Clock.systemUTC(),
                        builder -> builder.addNetworkInterceptor(chain -> {
                            noDelay.add(chain.connection().socket().getTcpNoDelay());
                            connections.add(chain.connection());
                            return chain.proceed(chain.request());
                        }))) {
            provider.embed("a");
            provider.embed("b");
        }

        assertThat(noDelay).containsExactly(true, true);
        assertThat(new HashSet<>(connections)).hasSize(1);
        assertThat(new OkHttpClient.Builder()
                        .socketFactory(new NoDelaySocketFactory())
                        .build()
                        .socketFactory()
                        .createSocket()
                        .getTcpNoDelay())
                .isTrue();
    }

    @Test
    void aBigRequestAndAnswerArriveWhole() {
        String text = "lorem ipsum ".repeat(20_000);
        try (RawServer server = new RawServer(request -> GOOD);
                OpenAiProvider provider =
                        OpenAiProvider.create(Fixtures.embedding(server.url()).build())) {
            provider.embed(text);

            assertThat(server.requests.get(0).body()).contains(text);
        }
    }

    @Test
    void tooManyTextsAreRefusedAtTheDoor() {
        try (RawServer server = new RawServer(request -> GOOD);
                OpenAiProvider provider = OpenAiProvider.create(Fixtures.embedding(server.url())
                        .maxTextsPerRequest(OptionalInt.of(2))
                        .build())) {
            assertThatThrownBy(() -> provider.embedBatch(List.of("a", "b", "c")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("3 texts");
            assertThat(server.requests).isEmpty();
        }
    }

    @Test
    void tokensOfOpenAisModelsAreExact() {
        LLMProvider exact = new OpenAiProviderFactory()
                .create(ProviderSettings.builder(Capability.EMBEDDING, "openai", "text-embedding-3-small")
                        .dimension(1536)
                        .build());
        LLMProvider estimated = OpenAiProvider.create(
                Fixtures.embedding("http://localhost:1/v1").build());
        try (exact;
                estimated) {
            assertThat(exact.countTokens("tiktoken is great!")).isEqualTo(6);
            assertThat(exact.countTokens("<|endoftext|>")).isEqualTo(7);
            assertThat(exact.countTokens("\uD800")).isPositive();
            assertThat(exact.countTokens("")).isZero();
            assertThat(estimated.countTokens("tiktoken is great!")).isEqualTo(TokenEstimate.of("tiktoken is great!"));
        }
    }

    @Test
    void nothingShowsTheKey() {
        try (OpenAiProvider provider = OpenAiProvider.create(
                Fixtures.embedding("http://localhost:1/v1").build())) {
            assertThat(provider + " " + provider.model() + provider.limits() + provider.callPolicy())
                    .doesNotContain(Fixtures.KEY);
        }
    }

    private static Embedding embed(OpenAiProvider provider, String text, CallContext context) {
        return provider.embed(new EmbedRequest(List.of(text), InputKind.DOCUMENT, context))
                .requireAll()
                .get(0);
    }

    private static <T> FutureTask<T> inThread(Callable<T> work) {
        FutureTask<T> task = new FutureTask<>(work);
        new Thread(task, "caller").start();
        return task;
    }

    private static TransientProviderException failureOf(FutureTask<?> task) throws Exception {
        try {
            task.get(20, TimeUnit.SECONDS);
            throw new AssertionError("the call succeeded");
        } catch (ExecutionException e) {
            return (TransientProviderException) e.getCause();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
