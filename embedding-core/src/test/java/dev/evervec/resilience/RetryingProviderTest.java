package dev.evervec.resilience;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CallContext.Priority;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RetryBudget;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class RetryingProviderTest {
    private final ManualTiming timing = new ManualTiming();

    private static TransientProviderException broken() {
        return TransientProviderException.serverError("500", 500, null, null);
    }

    private static TransientProviderException limited(@Nullable Duration retryAfter) {
        return TransientProviderException.rateLimited("429", 429, null, retryAfter);
    }

    private RetryingProvider retrying(ScriptedProvider provider, int maxRetries) {
        return retrying(provider, maxRetries, timing);
    }

    private static RetryingProvider retrying(ScriptedProvider provider, int maxRetries, Timing timing) {
        return new RetryingProvider(
                provider, new CallPolicy(maxRetries, Duration.ofSeconds(60), 8), null, timing, new Random(7));
    }

    private static EmbedRequest request(CallContext context) {
        return new EmbedRequest(List.of("text"), InputKind.DOCUMENT, context);
    }

    private static CallContext context(@Nullable Instant deadline, @Nullable RetryBudget budget, CancelSignal signal) {
        return new CallContext(deadline, Priority.LIVE, budget, signal);
    }

    @Test
    void aPassingFailureIsTriedAgain() {
        ScriptedProvider provider =
                ScriptedProvider.failing(broken(), TransientProviderException.noAnswer("reset", null));

        assertThat(retrying(provider, 3).embed("text").dimension()).isEqualTo(1);

        assertThat(provider.requests).hasSize(3);
        assertThat(timing.sleeps).hasSize(2);
    }

    @Test
    void rewritesAreTriedAgainToo() {
        ScriptedProvider provider = ScriptedProvider.failing(broken());

        assertThat(retrying(provider, 1).rewrite("prompt")).isEqualTo("rewritten");
        assertThat(provider.requests).hasSize(2).hasOnlyElementsOfType(RewriteRequest.class);
    }

    @Test
    void theFailureAfterTheLastTryIsPassedOn() {
        TransientProviderException last = broken();
        ScriptedProvider provider = ScriptedProvider.failing(broken(), broken(), last);

        assertThat(catchThrowable(() -> retrying(provider, 2).embed("text"))).isSameAs(last);
        assertThat(provider.requests).hasSize(3);
    }

    static Stream<ProviderException> lasting() {
        return Stream.of(
                PermanentProviderException.item("refused", 400, null),
                PermanentProviderException.requestShape(null, "too large", 413, null),
                PermanentProviderException.configuration("bad key", 401, null),
                TransientProviderException.cancelled());
    }

    @ParameterizedTest
    @MethodSource("lasting")
    void whatDoesNotPassIsNotTriedAgain(ProviderException failure) {
        ScriptedProvider provider = ScriptedProvider.failing(failure);

        assertThat(catchThrowable(() -> retrying(provider, 3).embed("text"))).isSameAs(failure);
        assertThat(provider.requests).hasSize(1);
        assertThat(timing.sleeps).isEmpty();
    }

    @Test
    void nothingIsSentAgainBeforeTheServiceAskedForIt() {
        Duration asked = Duration.ofSeconds(45);
        ScriptedProvider provider = ScriptedProvider.failing(
                TransientProviderException.serverError("503", 503, null, asked), limited(asked.plusSeconds(1)));

        retrying(provider, 3).embed("text");

        assertThat(timing.sleeps).containsExactly(asked, asked.plusSeconds(1));
    }

    @Test
    void waitingForQuotaTakesNoTry() {
        ScriptedProvider provider = new ScriptedProvider();
        for (int i = 0; i < 10; i++) {
            provider.failures.add(limited(null));
        }

        retrying(provider, 0).embed("text");

        assertThat(provider.requests).hasSize(11);
    }

    @Test
    void aQuotaThatComesBackInMoreThanAnHourIsNotWaitedFor() {
        ScriptedProvider provider = ScriptedProvider.failing(limited(Duration.ofSeconds(3601)));

        assertThatThrownBy(() -> retrying(provider, 3).embed("text")).hasMessage("429");
        assertThat(timing.sleeps).isEmpty();
    }

    @Test
    void waitsForQuotaEndAfterAnHourInARow() {
        ScriptedProvider provider = new ScriptedProvider();
        for (int i = 0; i < 100; i++) {
            provider.failures.add(limited(Duration.ofMinutes(1)));
        }

        assertThatThrownBy(() -> retrying(provider, 3).embed("text")).hasMessage("429");
        assertThat(timing.elapsed()).isEqualTo(Duration.ofHours(1));
    }

    @Test
    void aCallerThatRetriesByItselfGetsEveryFailureAsItComes() {
        TransientProviderException quota = limited(null);
        TransientProviderException server = broken();
        ScriptedProvider provider = ScriptedProvider.failing(quota, server);
        RetryingProvider retrying = retrying(provider, 3);
        EmbedRequest request = request(CallContext.build(new CancelSignal()));

        assertThat(catchThrowable(() -> retrying.embed(request))).isSameAs(quota);
        assertThat(catchThrowable(() -> retrying.embed(request))).isSameAs(server);
        assertThat(timing.sleeps).isEmpty();
    }

    @Test
    void partsOfASplitRequestShareOneBudgetAndStillWaitForQuotaWhenItIsSpent() {
        RetryBudget budget = RetryBudget.of(2);
        ScriptedProvider provider = ScriptedProvider.failing(broken(), broken());
        RetryingProvider retrying = retrying(provider, 9);
        EmbedRequest request = request(context(null, budget, new CancelSignal()));

        retrying.embed(request);
        assertThat(budget.left()).isZero();

        provider.failures.addAll(List.of(limited(null), broken()));
        assertThatThrownBy(() -> retrying.embed(request)).hasMessage("500");
        assertThat(provider.requests).hasSize(5);
    }

    @Test
    void aQuotaIsWaitedForToTheSecondByACallerWithADeadlineAfterIt() {
        Instant deadline = ManualTiming.START.plus(Duration.ofHours(3));
        ScriptedProvider provider = ScriptedProvider.failing(limited(Duration.ofHours(2)));

        retrying(provider, 0).embed(request(context(deadline, null, new CancelSignal())));

        assertThat(timing.sleeps).containsExactly(Duration.ofHours(2));
    }

    @Test
    void noWaitGoesBeyondTheDeadline() {
        Instant deadline = ManualTiming.START.plusSeconds(10);
        ScriptedProvider provider =
                ScriptedProvider.failing(limited(Duration.ofSeconds(9)), limited(Duration.ofSeconds(1)));

        assertThatThrownBy(() -> retrying(provider, 3).embed(request(context(deadline, null, new CancelSignal()))))
                .hasMessage("429");

        assertThat(timing.sleeps).containsExactly(Duration.ofSeconds(9));
        assertThat(provider.requests).hasSize(2);
    }

    @Test
    void cancellingEndsTheWaitAndTheCall() {
        TransientProviderException failure = broken();
        ScriptedProvider provider = ScriptedProvider.failing(failure);
        CancelSignal signal = new CancelSignal();
        Timing cancelling = new ManualTiming() {
            @Override
            public void sleep(Duration duration, CancelSignal cancelSignal) {
                cancelSignal.cancel();
            }
        };

        Throwable thrown =
                catchThrowable(() -> retrying(provider, 3, cancelling).embed(request(context(null, null, signal))));

        assertThat(thrown)
                .isInstanceOfSatisfying(
                        TransientProviderException.class,
                        e -> assertThat(e.failure()).isEqualTo(Failure.CANCELLED));
        assertThat(thrown).hasSuppressedException(failure);
        assertThat(provider.requests).hasSize(1);
    }

    @Test
    void anInterruptEndsTheWaitWithTheFailureAndStaysVisible() {
        TransientProviderException failure = broken();
        Timing interrupted = new ManualTiming() {
            @Override
            public void sleep(Duration duration, CancelSignal cancelSignal) throws InterruptedException {
                throw new InterruptedException();
            }
        };

        Throwable thrown = catchThrowable(() ->
                retrying(ScriptedProvider.failing(failure), 3, interrupted).embed("text"));

        assertThat(thrown).isSameAs(failure);
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void aRealWaitEndsWithTheSignal() throws InterruptedException {
        CancelSignal signal = new CancelSignal();
        signal.cancel();

        SystemTiming.INSTANCE.sleep(Duration.ofDays(1), signal);

        assertThat(signal.isCancelled()).isTrue();
    }

    @Test
    void everythingButTheCallsIsTheDecoratedProviders() {
        ScriptedProvider provider = new ScriptedProvider();
        RetryingProvider retrying = retrying(provider, 3);

        assertThat(retrying.model()).isEqualTo(provider.model());
        assertThat(retrying.limits()).isEqualTo(provider.limits());
        assertThat(retrying.countTokens("four")).isEqualTo(4);
        retrying.close();
        assertThat(provider.closed).isEqualTo(1);
    }

    /** For all scripts of failures: tries are as many as budget and quota allow, waits are bounded, the rest is passed on. */
    @Test
    void anyScriptOfFailuresKeepsBudgetDeadlineAndWaits() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 2000; round++) {
            String where = "seed " + seed + ", round " + round;
            ManualTiming clock = new ManualTiming();
            ScriptedProvider provider = new ScriptedProvider();
            int scripted = random.nextInt(12);
            for (int i = 0; i < scripted; i++) {
                Duration asked = random.nextBoolean() ? null : Duration.ofMillis(random.nextInt(20_000));
                provider.failures.add(
                        random.nextInt(3) == 0
                                ? limited(asked)
                                : TransientProviderException.serverError("500", 500, null, asked));
            }
            List<ProviderException> script = List.copyOf(provider.failures);
            int retries = random.nextInt(1, 6);
            RetryBudget budget = RetryBudget.of(retries);
            Instant deadline = random.nextBoolean() ? null : ManualTiming.START.plusMillis(random.nextInt(60_000));

            Throwable thrown = catchThrowable(
                    () -> retrying(provider, 0, clock).embed(request(context(deadline, budget, new CancelSignal()))));

            int tries = provider.requests.size();
            long charged = script.stream()
                    .limit(thrown == null ? tries : tries - 1)
                    .filter(failure -> failure.owner() == FaultOwner.PROVIDER)
                    .count();
            assertThat((long) retries - budget.left()).as(where).isEqualTo(charged);
            assertThat(clock.sleeps).as(where).hasSize(tries - 1);
            for (int i = 0; i < tries - 1; i++) {
                Duration asked = ((TransientProviderException) script.get(i)).retryAfter();
                assertThat(clock.sleeps.get(i))
                        .as(where)
                        .isGreaterThanOrEqualTo(asked == null ? Duration.ZERO : asked)
                        .isLessThanOrEqualTo(Duration.ofSeconds(30));
            }
            if (thrown == null) {
                assertThat(tries).as(where).isEqualTo(scripted + 1);
            } else {
                assertThat(thrown).as(where).isSameAs(script.get(tries - 1));
                assertThat(deadline != null || budget.left() == 0).as(where).isTrue();
            }
            if (deadline != null && !clock.sleeps.isEmpty()) {
                assertThat(clock.now()).as(where).isBefore(deadline);
            }
        }
    }
}
