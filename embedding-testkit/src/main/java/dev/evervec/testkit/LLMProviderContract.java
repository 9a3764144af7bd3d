package dev.evervec.testkit;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What every {@link LLMProvider} must do, as far as it shows against an endpoint that works. Extend it, implement
 * {@link #embedder()}, and the tests run with your provider; against a real service they make about 100 small calls.
 *
 * <p>Not covered is how failures of the endpoint are mapped to their owners: only a test that makes the endpoint fail can
 * show that.
 */
public abstract class LLMProviderContract {
    private static final String PLAIN = "The harbour froze over in the second week of January.";
    private static final String CODE = "int max(int a, int b) { return a > b ? a : b; }";
    private static final String CHINESE = "把两个鸡蛋打进碗里，加一点盐。";
    private static final List<String> TEXTS = List.of(PLAIN, CODE, CHINESE);
    private static final Duration PATIENCE = Duration.ofSeconds(3);

    /** For subclasses. */
    protected LLMProviderContract() {}

    /**
     * A new provider that embeds, against an endpoint that works and whose vectors depend on the text. Each test closes the
     * one it asked for.
     */
    protected abstract LLMProvider embedder();

    /** A new provider that rewrites, or null if this one cannot: the tests of rewriting are then skipped. */
    protected @Nullable LLMProvider rewriter() {
        return null;
    }

    /** The key that {@link #embedder()} and {@link #rewriter()} were made with, or null if there is none. */
    protected @Nullable String apiKey() {
        return null;
    }

    /**
     * How far the cosine of two vectors of the same text may stay below 1. Services that compute with reduced precision do
     * not answer exactly alike; the default is 0.001, and 0.000001 fits a provider that is deterministic.
     */
    protected double tolerance() {
        return 1e-3;
    }

    /** The most texts that a test sends in one request, so that a real service is not strained; the default is 256. */
    protected int maxTextsToSend() {
        return 256;
    }

    @Test
    void identityAndLimitsStayTheSame() {
        try (LLMProvider provider = embedder()) {
            ModelIdentity model = provider.model();
            ProviderLimits limits = provider.limits();
            provider.embed(PLAIN);
            assertEquals(model, provider.model(), "model()");
            assertEquals(limits, provider.limits(), "limits()");
            assertTrue(model.dimension() > 0, "an embedding model has a dimension");
            assertNotNull(provider.callPolicy(), "callPolicy()");
        }
    }

    @Test
    void vectorsHaveTheDimensionOfTheModel() {
        try (LLMProvider provider = embedder()) {
            assertEquals(
                    provider.model().dimension(),
                    provider.embed(PLAIN).dimension(),
                    "dimension of the vector of a text");
        }
    }

    @Test
    void vectorsComeInTheOrderOfTheTexts() {
        try (LLMProvider provider = embedder()) {
            List<Embedding> alone = alone(provider, TEXTS);
            assertDifferent(alone);
            int[][] orders = {{0, 1, 2}, {2, 0, 1}, {1, 0, 2}};
            for (int[] order : orders) {
                List<String> texts = new ArrayList<>();
                List<Embedding> expected = new ArrayList<>();
                for (int index : order) {
                    texts.add(TEXTS.get(index));
                    expected.add(alone.get(index));
                }
                assertSame(
                        expected,
                        provider.embedBatch(texts),
                        "texts in the order " + List.of(order[0], order[1], order[2]));
            }
        }
    }

    @Test
    void theSameTextTwiceInARequestHasTheSameVectorTwice() {
        try (LLMProvider provider = embedder()) {
            List<Embedding> vectors = provider.embedBatch(List.of(PLAIN, CODE, PLAIN));
            assertEquals(3, vectors.size(), "vectors for three texts");
            assertSame(vectors.get(0), vectors.get(2), "the same text at 0 and 2");
            assertDifferent(vectors.subList(0, 2));
        }
    }

    @Test
    void theSameTextHasTheSameVectorLater() {
        try (LLMProvider first = embedder();
                LLMProvider second = embedder()) {
            Embedding before = first.embed(PLAIN);
            assertSame(before, first.embed(PLAIN), "the second call");
            assertSame(before, second.embed(PLAIN), "another provider of the same model");
        }
    }

    @Test
    void aRequestWithAsManyTextsAsTheLimitsAllowIsAnsweredInFull() {
        try (LLMProvider provider = embedder()) {
            List<String> texts = asManyAsAllowed(provider);
            List<Embedding> vectors = provider.embedBatch(texts);
            assertEquals(texts.size(), vectors.size(), "number of vectors");
            int last = texts.size() - 1;
            assertSame(provider.embed(texts.get(0)), vectors.get(0), "the first text");
            assertSame(provider.embed(texts.get(last)), vectors.get(last), "the last text");
        }
    }

    private List<String> asManyAsAllowed(LLMProvider provider) {
        ProviderLimits limits = provider.limits();
        List<String> texts = new ArrayList<>();
        long tokens = 0;
        long bytes = 0;
        while (texts.size() < Math.min(limits.maxTextsPerRequest(), maxTextsToSend())) {
            String text = "Boat number " + texts.size() + " left the harbour.";
            tokens += provider.countTokens(text);
            bytes += text.getBytes(StandardCharsets.UTF_8).length;
            if (!texts.isEmpty() && (tokens > limits.maxTokensPerRequest() || bytes > limits.maxBytesPerRequest())) {
                break;
            }
            texts.add(text);
        }
        return texts;
    }

    @Test
    void textsOfAnyScriptAreEmbedded() {
        List<String> texts = List.of(
                "Größe, naïve, cafe\u0301, İstanbul",
                CHINESE,
                "すべての人間は、生まれながらにして自由である。",
                "모든 인간은 태어날 때부터 자유롭다.",
                "يولد جميع الناس أحرارًا متساوين في الكرامة.",
                "มนุษย์ทั้งหลายเกิดมามีอิสระ",
                "👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭",
                "𝒙² + 𝒚² = 𝒛²",
                "?!",
                "\" \\ / \b \f \t { } [ ] <b> &amp; %s ${x} \u0000 \u2028");
        try (LLMProvider provider = embedder()) {
            List<Embedding> vectors = provider.embedBatch(texts);
            assertEquals(texts.size(), vectors.size(), "number of vectors");
            assertSame(provider.embed(CHINESE), vectors.get(1), "the Chinese text, alone and among others");
        }
    }

    @Test
    void aLoneSurrogateHarmsNoOtherText() {
        try (LLMProvider provider = embedder()) {
            EmbedResponse response =
                    provider.embed(EmbedRequest.documents(List.of(PLAIN, "half \ud83d of a pair", CODE)));
            Embedding first = response.embedding(0);
            Embedding last = response.embedding(2);
            assertNotNull(first, "the text before it");
            assertNotNull(last, "the text after it");
            assertSame(alone(provider, List.of(PLAIN, CODE)), List.of(first, last), "the texts around it");
        }
    }

    @Test
    void aLongTextIsEmbeddedOrRefusedForItsLength() {
        String longText = (PLAIN + "\n").repeat(4_000);
        try (LLMProvider provider = embedder()) {
            Embedding vector;
            try {
                vector = provider.embed(longText);
            } catch (PermanentProviderException e) {
                assertTrue(
                        e.owner() == FaultOwner.REQUEST_SHAPE || e.owner() == FaultOwner.ITEM,
                        "a refusal of a long text is charged to the request's shape or to the item, not to "
                                + e.owner());
                assertTells(e);
                return;
            }
            assertEquals(provider.model().dimension(), vector.dimension(), "dimension of the vector of a long text");
        }
    }

    @Test
    void aQueryHasAVectorOfTheSameDimension() {
        try (LLMProvider provider = embedder()) {
            EmbedResponse response = provider.embed(EmbedRequest.query("frozen harbour"));
            assertEquals(
                    provider.model().dimension(),
                    response.requireAll().get(0).dimension(),
                    "dimension of the vector of a query");
        }
    }

    @Test
    void tokensAreCounted() {
        try (LLMProvider provider = embedder()) {
            TokenUsage usage = provider.embed(EmbedRequest.documents(TEXTS)).usage();
            assertAll(
                    () -> assertEquals(0, usage.outputTokens(), "embedding generates no tokens"),
                    () -> assertTrue(
                            usage.inputTokens() > 0 || usage.source() == TokenUsage.Source.REPORTED,
                            "an estimate of the tokens of three texts is positive"),
                    () -> assertTrue(
                            usage.inputTokens() <= TokenUsage.MOST_PER_CALL,
                            "a count that cannot be true is not passed on as the usage of a call"),
                    () -> assertTrue(
                            !provider.countsTokensExactly()
                                    || usage.source() == TokenUsage.Source.ESTIMATED
                                    || usage.inputTokens()
                                            == TEXTS.stream()
                                                    .mapToLong(provider::countTokens)
                                                    .sum(),
                            "a provider that counts exactly counts what the service reports"),
                    () -> assertTrue(provider.maxOutputTokens() >= 0, "maxOutputTokens is not negative"),
                    () -> assertTrue(provider.countTokens(PLAIN) > 0, "countTokens of a text is positive"),
                    () -> assertTrue(
                            provider.countTokens(PLAIN.repeat(10)) > provider.countTokens(PLAIN),
                            "ten times the text has more tokens"));
        }
    }

    @Test
    void noTextAndBlankTextsAreRefused() {
        try (LLMProvider provider = embedder()) {
            assertThrows(IllegalArgumentException.class, () -> provider.embedBatch(List.of()), "no text");
            assertThrows(IllegalArgumentException.class, () -> provider.embed(""), "an empty text");
            assertThrows(
                    IllegalArgumentException.class, () -> provider.embedBatch(List.of(PLAIN, " \n")), "a blank text");
        }
    }

    @Test
    void concurrentCallsGetTheVectorsOfTheirOwnTexts() throws InterruptedException {
        int calls = 16;
        try (LLMProvider provider = embedder()) {
            List<Embedding> alone = alone(provider, TEXTS);
            ExecutorService executor = Executors.newFixedThreadPool(8);
            try {
                List<Future<List<Embedding>>> answers = new ArrayList<>();
                for (int call = 0; call < calls; call++) {
                    List<String> texts = List.of(TEXTS.get(call % 3), TEXTS.get((call + 1) % 3));
                    answers.add(executor.submit(() -> provider.embedBatch(texts)));
                }
                for (int call = 0; call < calls; call++) {
                    List<Embedding> expected = List.of(alone.get(call % 3), alone.get((call + 1) % 3));
                    assertSame(expected, answers.get(call).get(), "call " + call);
                }
            } catch (ExecutionException e) {
                fail("a concurrent call failed", e.getCause());
            } finally {
                executor.shutdownNow();
            }
        }
    }

    @Test
    void aCallThatWasCancelledBeforeItBeganFailsAsCancelled() {
        CancelSignal cancelled = new CancelSignal();
        cancelled.cancel();
        CallContext context = CallContext.build(cancelled);
        try (LLMProvider provider = embedder()) {
            TransientProviderException e = assertThrows(
                    TransientProviderException.class,
                    () -> provider.embed(new EmbedRequest(List.of(PLAIN), InputKind.DOCUMENT, context)));
            assertEquals(Failure.CANCELLED, e.failure(), "what went wrong");
            assertTells(e);
            assertSame(alone(provider, List.of(PLAIN)), provider.embedBatch(List.of(PLAIN)), "the call after it");
        }
    }

    @Test
    void aCallWhoseDeadlineHasPassedFailsAsUnanswered() {
        CallContext context = CallContext.live().withDeadline(Instant.now().minusSeconds(1));
        try (LLMProvider provider = embedder()) {
            TransientProviderException e = assertThrows(
                    TransientProviderException.class,
                    () -> provider.embed(new EmbedRequest(List.of(PLAIN), InputKind.DOCUMENT, context)));
            assertEquals(Failure.NO_ANSWER, e.failure(), "what went wrong");
            assertTells(e);
        }
    }

    @Test
    void aDeadlineFarAwayDoesNoHarm() {
        CallContext context = CallContext.live().withDeadline(Instant.now().plus(Duration.ofHours(1)));
        try (LLMProvider provider = embedder()) {
            EmbedResponse response = provider.embed(new EmbedRequest(TEXTS, InputKind.DOCUMENT, context));
            assertSame(alone(provider, TEXTS), response.requireAll(), "texts of a call with a deadline");
        }
    }

    @Test
    void whatItCannotDoIsRefusedAsConfiguration() {
        try (LLMProvider provider = embedder()) {
            RewriteResponse answer;
            try {
                answer = provider.rewrite(new RewriteRequest("Say yes.", CallContext.live()));
            } catch (ProviderException e) {
                assertEquals(FaultOwner.CONFIGURATION, e.owner(), "owner of the refusal to rewrite");
                assertTells(e);
                return;
            }
            assertNotNull(answer.text(), "a provider that embeds and rewrites");
        }
    }

    @Test
    void closingTwiceIsHarmlessAndCallsAfterItFail() {
        LLMProvider provider = embedder();
        provider.embed(PLAIN);
        provider.close();
        provider.close();
        assertRefusedAfterClose(() -> provider.embed(PLAIN));
        assertEquals(provider.model(), provider.model(), "model() after close");
    }

    private void assertRefusedAfterClose(Runnable call) {
        RuntimeException e = assertThrows(RuntimeException.class, call::run, "a call after close");
        assertTrue(
                e instanceof ProviderException || e instanceof IllegalStateException,
                "a call after close fails with a ProviderException or IllegalStateException, not " + e.getClass());
        assertTells(e);
    }

    @Test
    void closeLeavesNoThreadThatKeepsTheJvmAlive() throws InterruptedException {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        LLMProvider provider = embedder();
        provider.embedBatch(TEXTS);
        provider.close();
        Instant end = Instant.now().plus(PATIENCE);
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (!before.contains(thread) && !thread.isDaemon()) {
                thread.join(Math.max(1, Duration.between(Instant.now(), end).toMillis()));
                assertFalse(thread.isAlive(), "non-daemon thread after close: " + thread.getName());
            }
        }
    }

    @Test
    void neitherKeyNorTextShowsInToString() {
        try (LLMProvider provider = embedder()) {
            provider.embed(PLAIN);
            assertShowsNothing(provider.toString());
            assertShowsNothing(provider.model().toString());
            assertShowsNothing(provider.limits().toString());
        }
    }

    @Test
    void aPromptIsAnswered() {
        try (LLMProvider provider = requireRewriter()) {
            RewriteResponse answer =
                    provider.rewrite(new RewriteRequest("Say in one short sentence: " + PLAIN, CallContext.live()));
            assertFalse(answer.text().isBlank(), "the answer to a prompt is blank");
            assertShowsNothing(answer.toString());
        }
    }

    @Test
    void aRewriteThatWasCancelledBeforeItBeganFailsAsCancelled() {
        CancelSignal cancelled = new CancelSignal();
        cancelled.cancel();
        try (LLMProvider provider = requireRewriter()) {
            TransientProviderException e = assertThrows(
                    TransientProviderException.class,
                    () -> provider.rewrite(new RewriteRequest(PLAIN, CallContext.build(cancelled))));
            assertEquals(Failure.CANCELLED, e.failure(), "what went wrong");
            assertTells(e);
        }
    }

    @Test
    void aRewriteWhoseDeadlineHasPassedFailsAsUnanswered() {
        CallContext context = CallContext.live().withDeadline(Instant.now().minusSeconds(1));
        try (LLMProvider provider = requireRewriter()) {
            TransientProviderException e = assertThrows(
                    TransientProviderException.class, () -> provider.rewrite(new RewriteRequest(PLAIN, context)));
            assertEquals(Failure.NO_ANSWER, e.failure(), "what went wrong");
            assertTells(e);
        }
    }

    @Test
    void rewritesAfterCloseFail() {
        LLMProvider provider = requireRewriter();
        provider.close();
        provider.close();
        assertRefusedAfterClose(() -> provider.rewrite(PLAIN));
    }

    private LLMProvider requireRewriter() {
        LLMProvider provider = rewriter();
        assumeTrue(provider != null, "this provider does not rewrite");
        if (provider == null) {
            throw new AssertionError("the assumption above ends the test");
        }
        return provider;
    }

    private static List<Embedding> alone(LLMProvider provider, List<String> texts) {
        List<Embedding> vectors = new ArrayList<>();
        texts.forEach(text -> vectors.add(provider.embed(text)));
        return vectors;
    }

    private void assertSame(List<Embedding> expected, List<Embedding> actual, String what) {
        assertEquals(expected.size(), actual.size(), what + ": number of vectors");
        for (int i = 0; i < expected.size(); i++) {
            assertSame(expected.get(i), actual.get(i), what + ": vector " + i);
        }
    }

    private void assertSame(Embedding expected, Embedding actual, String what) {
        double cosine = expected.cosine(actual);
        assertTrue(
                cosine >= 1 - tolerance(),
                what + ": not the vector of this text, the cosine of what it should be and what it is is " + cosine);
    }

    private void assertDifferent(List<Embedding> vectors) {
        for (int i = 0; i < vectors.size(); i++) {
            for (int j = 0; j < i; j++) {
                assertTrue(
                        vectors.get(i).cosine(vectors.get(j)) < 1 - tolerance(),
                        "texts " + j + " and " + i + " differ, but their vectors do not");
            }
        }
    }

    /** A failure has a message, and neither it nor its causes shows key or text. */
    private void assertTells(Throwable failure) {
        assertNotNull(failure.getMessage(), "message of " + failure.getClass());
        for (Throwable at = failure; at != null; at = at.getCause()) {
            assertShowsNothing(at.toString());
        }
    }

    private void assertShowsNothing(String shown) {
        String key = apiKey();
        assertFalse(key != null && shown.contains(key), "the key shows in a message or toString()");
        for (String text : TEXTS) {
            assertFalse(shown.contains(text), "a text shows in a message or toString()");
        }
    }
}
