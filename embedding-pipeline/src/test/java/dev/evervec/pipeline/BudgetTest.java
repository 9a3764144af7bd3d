package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** A job spends what it was allowed to and no more, and what is left waits for the next one. */
class BudgetTest {
    private static final int RECORDS = 400;

    private final ManualClock clock = new ManualClock();
    private final MemoryStore store = new MemoryStore(clock);
    private int jobs;

    private static List<SourceRecord> records() {
        return IntStream.range(0, RECORDS)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
    }

    private static ScriptedProvider.Builder provider() {
        return ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(16))
                .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 4))
                .price(TokenPrice.ofInput(BigDecimal.ONE));
    }

    private static ScriptedProvider rewriter() {
        return ScriptedProvider.builder()
                .model("rewriter")
                .capabilities(Capability.REWRITE)
                .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 5))
                .price(new TokenPrice(BigDecimal.ONE, BigDecimal.TEN))
                .maxOutputTokens(100)
                .build();
    }

    private Simulation job(String budgetUsd, ScriptedProvider provider, @Nullable ScriptedProvider rewriter) {
        return new Simulation(
                17,
                clock,
                "job-" + ++jobs,
                BuildRequest.all().budgetUsd(new BigDecimal(budgetUsd)),
                InMemorySource.of(records()),
                store,
                provider,
                rewriter,
                BuildSettings.DEFAULT);
    }

    private static BuildMachine.Ending ended(Simulation job) {
        BuildMachine.Ending ending = Objects.requireNonNull(job.run());
        Endings.assertBooksBalance(job, ending);
        return ending;
    }

    private static BigDecimal spent(BuildMachine.Ending ending) {
        return Objects.requireNonNull(ending.costUsd());
    }

    private SourceStats stats(ScriptedProvider provider) {
        return store.stats(new Fingerprint(provider.model(), "")).get(0);
    }

    @Test
    void aBudgetThatIsLargeEnoughIsNotFelt() {
        BuildMachine.Ending ending = ended(job("1", provider().build(), null));

        assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
        assertThat(ending.books().succeededCount()).isEqualTo(RECORDS);
        assertThat(ending.stopCause()).isNull();
    }

    @Test
    void whatTheBudgetDoesNotPayForStaysPendingAndTheNextJobTakesIt() {
        ScriptedProvider provider = provider().build();
        BigDecimal budget = new BigDecimal("0.0015");

        BuildMachine.Ending ending = ended(job("0.0015", provider, null));

        assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
        assertThat(spent(ending)).isLessThanOrEqualTo(budget);
        assertThat(spent(ending)).isGreaterThan(new BigDecimal("0.0014")); // but for the marks that a service may add
        assertThat(ending.totalPending()).isEqualTo(RECORDS); // the scan goes on to its end
        assertThat(ending.books().of(Reason.Kind.SKIPPED))
                .containsOnlyKeys(Reason.OVER_BUDGET)
                .containsEntry(Reason.OVER_BUDGET, RECORDS - ending.books().succeededCount());
        assertThat(ending.stopCause()).startsWith("the budget of 0.0015 USD is used up");
        assertThat(stats(provider).pending()).isEqualTo(RECORDS - ending.books().succeededCount());

        BuildMachine.Ending next = ended(job("1", provider, null));

        assertThat(next.books().succeededCount())
                .isEqualTo(RECORDS - ending.books().succeededCount());
        assertThat(stats(provider).embedded()).isEqualTo(RECORDS);
    }

    @Test
    void aBudgetTooSmallForOneTextSendsNothing() {
        ScriptedProvider provider = provider().build();

        BuildMachine.Ending ending = ended(job("0.000001", provider, null));

        assertThat(provider.embedCalls()).isZero();
        assertThat(ending.books().of(Reason.Kind.SKIPPED)).containsEntry(Reason.OVER_BUDGET, (long) RECORDS);
        assertThat(ending.state()).isEqualTo(JobState.COMPLETED);
    }

    @Test
    void aCallThatMayHaveBeenBilledIsPaidForAlthoughItFailed() {
        ScriptedProvider provider =
                provider().faults(FaultScript.nextCalls(3, Fault.timeout())).build();
        Simulation job = job("0.0015", provider, null);

        BuildMachine.Ending ending = ended(job);

        assertThat(spent(ending)).isLessThanOrEqualTo(new BigDecimal("0.0015"));
        List<ProviderCall> failed =
                job.calls.stream().filter(call -> call.failure() != null).toList();
        assertThat(failed).hasSize(3).allSatisfy(call -> {
            assertThat(call.failure()).isEqualTo("no_answer");
            assertThat(call.costUsd()).isPositive();
        });
    }

    @Test
    void rewritesCount() {
        ScriptedProvider provider = provider().build();

        BuildMachine.Ending ending = ended(job("0.05", provider, rewriter()));

        assertThat(spent(ending)).isLessThanOrEqualTo(new BigDecimal("0.05")).isGreaterThan(new BigDecimal("0.04"));
        assertThat(ending.books().succeededCount()).isPositive();
        assertThat(ending.books().of(Reason.Kind.SKIPPED)).containsOnlyKeys(Reason.OVER_BUDGET);
    }

    @Test
    void aJobThatCarriesOnAnInterruptedOneBeginsWithWhatThatHadSpent() {
        ScriptedProvider provider = provider().build();
        Simulation killed = job("0.0015", provider, null)
                .crashAt(new Simulation.CrashPoint(Command.Commit.class, Simulation.CrashPoint.Side.AFTER, 4));
        assertThat(killed.run()).isNull();
        store.killRunningJob();
        BigDecimal before = Objects.requireNonNull(store.jobs(1).get(0).costUsd());
        assertThat(before).isPositive();

        BuildMachine.Ending ending = ended(job("0.0015", provider, null));

        assertThat(before.add(spent(ending))).isLessThanOrEqualTo(new BigDecimal("0.0015"));
        assertThat(ending.notes())
                .anySatisfy(note ->
                        assertThat(note).contains("carries on job job-1").contains(before.toPlainString()));
    }

    @Test
    void theSharesOfACallAddUpToItsTokensAndItsCost() {
        Simulation job = job("1", provider().build(), null);
        ended(job);

        assertThat(job.calls).isNotEmpty().allSatisfy(call -> {
            assertThat(call.shares().stream()
                            .mapToLong(ProviderCall.Share::inputTokens)
                            .sum())
                    .isEqualTo(call.usage().inputTokens());
            assertThat(call.shares().stream()
                            .map(ProviderCall.Share::costUsd)
                            .map(Objects::requireNonNull)
                            .reduce(BigDecimal.ZERO, BigDecimal::add))
                    .isEqualByComparingTo(Objects.requireNonNull(call.costUsd()));
        });
    }

    @Test
    void aBudgetWithoutAPriceIsRefusedBeforeTheJob() {
        MemoryStore empty = new MemoryStore(Clock.systemUTC());
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(records()))
                .embedder(ScriptedProvider.builder().build())
                .store(empty)
                .build();

        assertThatThrownBy(() -> pipeline.run(BuildRequest.all().budgetUsd(BigDecimal.ONE)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("scripted-v1")
                .hasMessageContaining("usd_per_million_tokens");
        assertThat(empty.jobs(1)).isEmpty();
    }
}
