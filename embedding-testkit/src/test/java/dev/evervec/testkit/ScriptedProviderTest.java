package dev.evervec.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.Thoughts;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ScriptedProviderTest {
    private static final Duration LIMIT = Duration.ofSeconds(20);
    private static final List<String> ABC = List.of("a", "b", "c");

    @Test
    void theOracleIsTheSameOnEveryJvm() {
        assertThat(ScriptedProvider.vectorOf("scripted-v1", "Grüße 👋", 4).toArray())
                .containsExactly(-0.09289065f, -0.049027223f, -0.2872472f, -0.9520802f);
        assertThat(ScriptedProvider.rewriteOf("Summarise: Grüße"))
                .isEqualTo("rewritten 70530cbc18fd1d8c167e3fa9fc5e28d3");
    }

    @Test
    void theOracleDependsOnModelAndTextAndHasLengthOne() {
        Embedding vector = ScriptedProvider.vectorOf("m", "text", 64);
        assertThat(vector).isNotEqualTo(ScriptedProvider.vectorOf("m2", "text", 64));
        assertThat(vector).isNotEqualTo(ScriptedProvider.vectorOf("m", "text ", 64));
        assertThat(ScriptedProvider.vectorOf("m", "\ud800", 8)).isNotEqualTo(ScriptedProvider.vectorOf("m", "?", 8));
        double squares = 0;
        for (float component : vector.toArray()) {
            squares += (double) component * component;
        }
        assertThat(squares).isEqualTo(1, within(1e-6));
    }

    static Stream<Arguments> failures() {
        return Stream.of(
                Arguments.of(Fault.badText(), FaultOwner.ITEM, 400),
                Arguments.of(Fault.badTextAt(1), FaultOwner.ITEM, 400),
                Arguments.of(Fault.refusal(), FaultOwner.ITEM, 200),
                Arguments.of(Fault.tooManyTexts(), FaultOwner.REQUEST_SHAPE, 400),
                Arguments.of(Fault.tooManyTokens(), FaultOwner.REQUEST_SHAPE, 400),
                Arguments.of(Fault.tooManyBytes(), FaultOwner.REQUEST_SHAPE, 413),
                Arguments.of(Fault.textTooLong(), FaultOwner.REQUEST_SHAPE, 400),
                Arguments.of(Fault.tooLarge(), FaultOwner.REQUEST_SHAPE, 413),
                Arguments.of(Fault.rateLimited(null), FaultOwner.QUOTA, 429),
                Arguments.of(Fault.serverError(), FaultOwner.PROVIDER, 500),
                Arguments.of(Fault.serverError(529, null), FaultOwner.PROVIDER, 529),
                Arguments.of(Fault.timeout(), FaultOwner.PROVIDER, 0),
                Arguments.of(Fault.connectionReset(), FaultOwner.PROVIDER, 0),
                Arguments.of(Fault.malformedAnswer(), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.duplicateIndex(0), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.unknownIndex(), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.keyRefused(), FaultOwner.CONFIGURATION, 401),
                Arguments.of(Fault.contentFilter(), FaultOwner.ITEM, 400),
                Arguments.of(Fault.cutAtTokenLimit(), FaultOwner.ITEM, 200),
                Arguments.of(Fault.absentIndices(), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.endlessAnswer(), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.extraVector(), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.oneVectorForAll(), FaultOwner.PROVIDER, 200),
                Arguments.of(Fault.dailyQuotaUsedUp(), FaultOwner.CONFIGURATION, 429),
                Arguments.of(Fault.notAllowed(), FaultOwner.CONFIGURATION, 403),
                Arguments.of(Fault.unknownModel(), FaultOwner.CONFIGURATION, 404),
                Arguments.of(Fault.accountExhausted(), FaultOwner.CONFIGURATION, 402),
                Arguments.of(Fault.wrongDimension(5), FaultOwner.CONFIGURATION, 200));
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aFaultIsChargedToItsOwner(Fault fault, FaultOwner owner, int httpStatus) {
        ScriptedProvider provider = with(FaultScript.always(fault));
        ProviderException e = failureOf(provider, ABC);
        assertThat(e.owner()).isEqualTo(owner);
        assertThat(e.httpStatus()).isEqualTo(httpStatus);
        assertThat(provider.faultsMet()).containsExactly(Map.entry(fault.name(), 1));
    }

    @Test
    void aRefusalNamesTheTextOnlyIfTheScriptSaysSo() {
        FaultScript named = FaultScript.namedBadTexts("b"::equals);
        assertThat(((PermanentProviderException) failureOf(with(named), ABC)).textIndex())
                .isEqualTo(1);
        FaultScript unnamed = FaultScript.badTexts("b"::equals);
        assertThat(((PermanentProviderException) failureOf(with(unnamed), ABC)).textIndex())
                .isEqualTo(-1);
        assertThat(with(named.or(unnamed)).embedBatch(List.of("a", "c"))).hasSize(2);
    }

    static Stream<Arguments> spoiledVectors() {
        return Stream.of(
                Arguments.of(Fault.notANumberAt(1), "not a finite number"),
                Arguments.of(Fault.zeroAt(1), "all zero"),
                Arguments.of(Fault.infinityAt(1), "not a finite number"),
                Arguments.of(Fault.nullAt(1), "null"),
                Arguments.of(Fault.missingAt(1), "no vector"),
                Arguments.of(Fault.wrongDimensionAt(1, 5), "expected dim=8, got 5"));
    }

    @ParameterizedTest
    @MethodSource("spoiledVectors")
    void oneSpoiledVectorLeavesTheOthersRight(Fault fault, String defect) {
        ScriptedProvider provider = with(FaultScript.always(fault));
        EmbedResponse response = provider.embed(EmbedRequest.documents(ABC));
        assertThat(response.embedding(0)).isEqualTo(provider.vectorOf("a"));
        assertThat(response.embedding(1)).isNull();
        assertThat(response.defect(1)).contains(defect);
        assertThat(response.embedding(2)).isEqualTo(provider.vectorOf("c"));
    }

    @Test
    void shuffledVectorsComeOutInOrder() {
        List<String> texts = IntStream.range(0, 50).mapToObj(i -> "text " + i).toList();
        ScriptedProvider provider = with(FaultScript.always(Fault.shuffled(7)));
        assertThat(provider.embedBatch(texts))
                .isEqualTo(texts.stream().map(provider::vectorOf).toList());
    }

    @Test
    void aScriptedServiceTakesLessThanItsLimitsSay() {
        assertThat(limitOf(FaultScript.maxTexts(2), ABC)).isEqualTo(RequestLimit.TEXTS);
        assertThat(limitOf(FaultScript.maxBytes(5), List.of("aé", "日"))).isEqualTo(RequestLimit.BYTES);
        assertThat(limitOf(FaultScript.maxTokens(5), List.of("1234", "5678"))).isEqualTo(RequestLimit.TOKENS);
        assertThat(limitOf(FaultScript.maxTextTokens(3), List.of("1", "5678"))).isEqualTo(RequestLimit.TEXT_LENGTH);
        FaultScript all = FaultScript.maxTexts(3)
                .or(FaultScript.maxBytes(3))
                .or(FaultScript.maxTokens(3))
                .or(FaultScript.maxTextTokens(1));
        assertThat(with(all).embedBatch(ABC)).hasSize(3);
    }

    @Test
    void requestsBeyondItsOwnLimitsAreRefused() {
        ProviderLimits limits = new ProviderLimits(3, 4, 8, 12);
        assertThat(limitOf(limits, List.of("a", "b", "c", "d"))).isEqualTo(RequestLimit.TEXTS);
        assertThat(limitOf(limits, List.of("12345"))).isEqualTo(RequestLimit.TEXT_LENGTH);
        assertThat(limitOf(limits, List.of("123", "456", "789"))).isEqualTo(RequestLimit.TOKENS);
        assertThat(limitOf(limits, List.of("abcdefg", "hijklmn"))).isEqualTo(RequestLimit.BYTES);
        assertThat(ScriptedProvider.builder().limits(limits).build().embedBatch(ABC))
                .hasSize(3);
    }

    @Test
    void aFaultForTheNextCallsPasses() {
        ScriptedProvider provider = with(FaultScript.nextCalls(2, Fault.rateLimited(Duration.ofSeconds(3))));
        for (int i = 0; i < 2; i++) {
            TransientProviderException e = (TransientProviderException) failureOf(provider, ABC);
            assertThat(e.failure()).isEqualTo(Failure.RATE_LIMITED);
            assertThat(e.retryAfter()).isEqualTo(Duration.ofSeconds(3));
        }
        assertThat(provider.embedBatch(ABC)).hasSize(3);
        provider.setFaults(FaultScript.fromCall(5, Fault.keyRefused()));
        assertThat(provider.embed("a")).isEqualTo(provider.vectorOf("a"));
        assertThat(failureOf(provider, ABC).owner()).isEqualTo(FaultOwner.CONFIGURATION);
        assertThat(provider.embedCalls()).isEqualTo(5);
    }

    @Test
    void itKeepsWhatItWasSent() {
        ScriptedProvider provider = with(FaultScript.whilePresent("c"::equals, Fault.serverError()));
        failureOf(provider, ABC);
        provider.embedBatch(List.of("a", "b", "a"));
        assertThat(provider.requests()).containsExactly(ABC, List.of("a", "b", "a"));
        assertThat(provider.timesSent()).containsOnly(Map.entry("a", 3), Map.entry("b", 2), Map.entry("c", 1));
        assertThat(provider.timesSent("never")).isZero();
        assertThat(provider.maxConcurrentCalls()).isEqualTo(1);
        assertThat(provider.callsInProgress()).isZero();
    }

    @Test
    void rewritesAreAFunctionOfThePromptAndHaveTheirOwnFaults() {
        ScriptedProvider provider = ScriptedProvider.builder()
                .capabilities(Capability.REWRITE, Capability.EMBEDDING)
                .faults(FaultScript.nextRewrites(1, Fault.timeout())
                        .or(FaultScript.onRewrites("bad"::equals, Fault.refusal()))
                        .or(FaultScript.onRewrites("blank"::equals, Fault.blankRewrite())))
                .build();
        assertThatThrownBy(() -> provider.rewrite("good")).isInstanceOf(TransientProviderException.class);
        assertThat(provider.rewrite("good")).isEqualTo(ScriptedProvider.rewriteOf("good"));
        assertThat(provider.rewrite("blank")).isBlank();
        PermanentProviderException e =
                catchThrowableOfType(PermanentProviderException.class, () -> provider.rewrite("bad"));
        assertThat(e.owner()).isEqualTo(FaultOwner.ITEM);
        assertThat(provider.embed("bad")).isEqualTo(provider.vectorOf("bad"));
        assertThat(provider.prompts()).containsExactly("good", "good", "blank", "bad");
        assertThat(provider.rewriteCalls()).isEqualTo(4);
    }

    @Test
    void callsWaitAtTheGateUntilItOpens() throws InterruptedException, ExecutionException {
        Gate gate = new Gate();
        ScriptedProvider provider = ScriptedProvider.builder().gate(gate).build();
        ExecutorService executor = Executors.newFixedThreadPool(3);
        try {
            List<Future<Embedding>> calls = new ArrayList<>();
            ABC.forEach(text -> calls.add(executor.submit(() -> provider.embed(text))));
            gate.awaitWaiting(3, LIMIT);
            assertThat(provider.callsInProgress()).isEqualTo(3);
            assertThat(calls).noneMatch(Future::isDone);
            gate.open();
            for (int i = 0; i < 3; i++) {
                assertThat(calls.get(i).get()).isEqualTo(provider.vectorOf(ABC.get(i)));
            }
            assertThat(provider.maxConcurrentCalls()).isEqualTo(3);
            assertThat(gate.waiting()).isZero();
        } finally {
            gate.open();
            executor.shutdownNow();
        }
    }

    @Test
    void cancellingEndsTheWaitAtTheGateForThatCallOnly() throws InterruptedException, ExecutionException {
        Gate gate = new Gate();
        ScriptedProvider provider = ScriptedProvider.builder().gate(gate).build();
        CancelSignal signal = new CancelSignal();
        ExecutorService executor = Executors.newFixedThreadPool(2);
        try {
            Future<Embedding> other = executor.submit(() -> provider.embed("other"));
            Future<ProviderException> cut = executor.submit(() -> catchThrowableOfType(
                    ProviderException.class,
                    () -> provider.embed(
                            new EmbedRequest(List.of("cut"), InputKind.DOCUMENT, CallContext.build(signal)))));
            gate.awaitWaiting(2, LIMIT);
            signal.cancel();
            assertThat(((TransientProviderException) cut.get()).failure()).isEqualTo(Failure.CANCELLED);
            assertThat(other.isDone()).isFalse();
            gate.open();
            assertThat(other.get()).isEqualTo(provider.vectorOf("other"));
        } finally {
            gate.open();
            executor.shutdownNow();
        }
    }

    @Test
    void deadlinesFollowTheGivenClock() {
        ManualClock clock = new ManualClock();
        ScriptedProvider provider = ScriptedProvider.builder().clock(clock).build();
        EmbedRequest request = new EmbedRequest(
                ABC,
                InputKind.DOCUMENT,
                CallContext.live().withDeadline(clock.instant().plusSeconds(1)));
        assertThat(provider.embed(request).requireAll()).hasSize(3);
        clock.advance(Duration.ofSeconds(1));
        TransientProviderException e =
                catchThrowableOfType(TransientProviderException.class, () -> provider.embed(request));
        assertThat(e.failure()).isEqualTo(Failure.NO_ANSWER);
        assertThat(provider.embedCalls()).isEqualTo(1);
    }

    @Test
    void aStallEndsWithTheDeadline() {
        ScriptedProvider provider = with(FaultScript.always(Fault.stall()));
        CallContext soon = CallContext.live().withDeadline(Instant.now().plusMillis(50));
        TransientProviderException e = catchThrowableOfType(
                TransientProviderException.class,
                () -> provider.embed(new EmbedRequest(ABC, InputKind.DOCUMENT, soon)));
        assertThat(e.failure()).isEqualTo(Failure.NO_ANSWER);
        assertThat(e).hasMessageContaining("deadline");
    }

    @Test
    void aStallEndsWithItsSignal() throws InterruptedException, ExecutionException {
        ScriptedProvider provider = with(FaultScript.always(Fault.stall()));
        CancelSignal signal = new CancelSignal();
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            Future<ProviderException> cut = executor.submit(() -> catchThrowableOfType(
                    ProviderException.class,
                    () -> provider.embed(new EmbedRequest(ABC, InputKind.DOCUMENT, CallContext.build(signal)))));
            signal.cancel();
            assertThat(((TransientProviderException) cut.get()).failure()).isEqualTo(Failure.CANCELLED);
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void aStallTakesNoTimeOfAManualClock() {
        ScriptedProvider provider = ScriptedProvider.builder()
                .capabilities(Capability.EMBEDDING, Capability.REWRITE)
                .clock(new ManualClock())
                .callPolicy(new CallPolicy(0, Duration.ofMinutes(5), 1))
                .faults(FaultScript.always(Fault.stall()).or(FaultScript.onRewrites(prompt -> true, Fault.stall())))
                .build();
        assertThat(failureOf(provider, ABC)).hasMessageContaining("timeout of 300.0 s");
        assertThatThrownBy(() -> provider.rewrite("prompt"))
                .isInstanceOfSatisfying(
                        TransientProviderException.class,
                        e -> assertThat(e.failure()).isEqualTo(Failure.NO_ANSWER));
        assertThat(provider.callsInProgress()).isZero();
    }

    @Test
    void rewritesAreSpoiledInEveryWay() {
        ScriptedProvider provider =
                ScriptedProvider.builder().capabilities(Capability.REWRITE).build();
        String good = ScriptedProvider.rewriteOf("prompt");
        Map<Fault, String> expected = Map.of(
                Fault.emptyRewrite(), "",
                Fault.thoughtsFirst(), good,
                Fault.thoughtsOnly(), "",
                Fault.promptFirst(), "prompt\n" + good,
                Fault.promptOnly(), "prompt");
        expected.forEach((fault, answer) -> {
            provider.setFaults(FaultScript.nextRewrites(1, fault));
            assertThat(Thoughts.removedFrom(provider.rewrite("prompt")))
                    .as(fault.name())
                    .isEqualTo(answer);
            assertThat(provider.rewrite("prompt")).isEqualTo(good);
        });
    }

    @Test
    void anOutageIsASpanOfCallsAndAPartialOneAPartOfThem() {
        ScriptedProvider provider = with(FaultScript.duringCalls(2, 3, Fault.serverError()));
        provider.embed("a");
        failureOf(provider, ABC);
        failureOf(provider, ABC);
        provider.embed("a");

        FaultScript partial = FaultScript.partOfCalls(7, 0.25, Fault.connectionReset());
        long embedding = IntStream.rangeClosed(1, 2_000)
                .filter(call -> partial.onEmbed(call, ABC) != null)
                .count();
        long rewriting = IntStream.rangeClosed(1, 2_000)
                .filter(call -> partial.onRewrite(call, "p") != null)
                .count();
        assertThat(embedding).isBetween(400L, 600L);
        assertThat(rewriting).isBetween(400L, 600L);
        assertThat(partial.toString())
                .contains("connection reset")
                .contains("0.25")
                .contains("seed=7");
    }

    @Test
    void randomFaultsAreAFunctionOfTheSeedAndMeetEveryKind() {
        FaultScript script = FaultScript.random(42, 0.5);
        Map<String, Integer> met = new TreeMap<>();
        int faults = 0;
        for (int call = 1; call <= 2_000; call++) {
            Fault fault = script.onEmbed(call, ABC);
            Fault again = FaultScript.random(42, 0.5).onEmbed(call, ABC);
            assertThat(again == null ? null : again.name()).isEqualTo(fault == null ? null : fault.name());
            if (fault != null) {
                faults++;
                met.merge(fault.name(), 1, Integer::sum);
            }
        }
        assertThat(faults).isBetween(900, 1_100);
        assertThat(met)
                .containsOnlyKeys(
                        "rate limited",
                        "server error",
                        "timeout",
                        "connection reset",
                        "malformed answer",
                        "not a number",
                        "zero vector",
                        "missing vector",
                        "shuffled",
                        "duplicate index",
                        "unknown index",
                        "infinity",
                        "null vector",
                        "extra vector",
                        "one vector for all",
                        "absent indices",
                        "endless answer");
        assertThat(script).hasToString("random faults[seed=42, rate=0.5]");
        assertThatIllegalArgumentException().isThrownBy(() -> FaultScript.random(1, 1.5));
    }

    @Test
    void everyTextComesThroughRandomFaultsWhenItIsAskedAgain() {
        long seed = 20261121;
        ScriptedProvider provider =
                ScriptedProvider.builder().faults(FaultScript.random(seed, 0.6)).build();
        List<String> open = new ArrayList<>(
                IntStream.range(0, 40).mapToObj(i -> "text " + i).toList());
        for (int call = 0; call < 100 && !open.isEmpty(); call++) {
            try {
                EmbedResponse response = provider.embed(EmbedRequest.documents(open));
                for (int i = response.size() - 1; i >= 0; i--) {
                    Embedding vector = response.embedding(i);
                    if (vector != null) {
                        assertThat(vector).as("seed %d", seed).isEqualTo(provider.vectorOf(open.remove(i)));
                    }
                }
            } catch (TransientProviderException e) {
                assertThat(e.owner()).isIn(FaultOwner.PROVIDER, FaultOwner.QUOTA);
            }
        }
        assertThat(open).as("seed %d", seed).isEmpty();
    }

    @Test
    void aFaultOfTheWrongKindIsAMistakeOfTheScript() {
        ScriptedProvider provider = with(FaultScript.always(Fault.blankRewrite()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> provider.embed("a"))
                .withMessageContaining("blank rewrite");
        assertThat(provider.callsInProgress()).isZero();
    }

    private static ScriptedProvider with(FaultScript script) {
        return ScriptedProvider.builder().faults(script).build();
    }

    private static ProviderException failureOf(ScriptedProvider provider, List<String> texts) {
        return catchThrowableOfType(ProviderException.class, () -> provider.embed(EmbedRequest.documents(texts)));
    }

    private static RequestLimit limitOf(FaultScript script, List<String> texts) {
        return ((PermanentProviderException) failureOf(with(script), texts)).limit();
    }

    private static RequestLimit limitOf(ProviderLimits limits, List<String> texts) {
        ScriptedProvider provider = ScriptedProvider.builder().limits(limits).build();
        return ((PermanentProviderException) failureOf(provider, texts)).limit();
    }
}
