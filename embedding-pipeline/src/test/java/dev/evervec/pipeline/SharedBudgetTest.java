package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Workers of one job spend its budget together: no more than there is, and hardly less than one of them alone would. */
@Timeout(300)
class SharedBudgetTest {
    private static final int ROUNDS = 40;

    /** Some workers of one job on one clock. */
    private static final class Team {
        final ManualClock clock = new ManualClock();
        final MemoryStore store;
        final List<Simulation> workers = new ArrayList<>();

        Team(MemoryStore store) {
            this.store = store;
        }

        Team() {
            this.store = MemoryStore.shared(clock);
        }

        void join(long seed, Case given) {
            workers.add(given.worker(seed, clock, store));
        }

        void run() {
            workers.forEach(Simulation::begin);
            goOn();
        }

        void goOn() {
            while (workers.stream().anyMatch(worker -> !worker.isOver())) {
                step();
            }
        }

        /** The worker to which something happens first. */
        void step() {
            workers.stream()
                    .filter(worker -> !worker.isOver())
                    .min(Comparator.comparingLong(Simulation::nextAt))
                    .orElseThrow()
                    .step();
        }

        JobInfo job() {
            return store.jobs(1).get(0);
        }

        BigDecimal cost() {
            return Objects.requireNonNull(job().costUsd());
        }
    }

    /** What a job is to do, the same for one worker and for several. */
    private record Case(
            int records, int textLength, @Nullable BigDecimal budget, int faults, boolean rewrites) {
        static Case random(SplittableRandom random) {
            int records = 500 + random.nextInt(1500);
            int length = 5 + random.nextInt(200);
            boolean rewrites = random.nextInt(5) == 0;
            // embedding all texts costs about 0.4 of this
            BigDecimal characters = BigDecimal.valueOf((long) records * length).movePointLeft(6);
            BigDecimal share = BigDecimal.valueOf(15 + random.nextInt(20)).movePointLeft(2);
            BigDecimal budget = characters.multiply(share).add(rewrites ? new BigDecimal("0.1") : BigDecimal.ZERO);
            return new Case(records, length, budget, random.nextInt(4) == 0 ? 3 : 0, rewrites);
        }

        Simulation worker(long seed, ManualClock clock, EmbeddingStore store) {
            BuildRequest request = BuildRequest.all().jobId("job");
            return new Simulation(
                    seed,
                    clock,
                    "job",
                    budget == null ? request : request.budgetUsd(budget),
                    InMemorySource.of(texts()),
                    store,
                    provider(),
                    rewrites ? rewriter() : null,
                    BuildSettings.DEFAULT);
        }

        private List<SourceRecord> texts() {
            return IntStream.range(0, records)
                    .mapToObj(i ->
                            SourceRecord.of("id-" + i, (i + " " + "x".repeat(textLength)).substring(0, textLength)))
                    .toList();
        }

        private ScriptedProvider provider() {
            return ScriptedProvider.builder()
                    .limits(ProviderLimits.ofTexts(16))
                    .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 4))
                    .price(TokenPrice.ofInput(BigDecimal.ONE))
                    .faults(FaultScript.nextCalls(faults, Fault.timeout()))
                    .build();
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
    }

    private static BigDecimal alone(Case given, long seed) {
        ManualClock clock = new ManualClock();
        MemoryStore store = new MemoryStore(clock);
        Simulation job = given.worker(seed, clock, store);
        assertThat(job.run()).isNotNull();
        return Objects.requireNonNull(store.jobs(1).get(0).costUsd());
    }

    @Test
    void togetherTheyNeverPassItAndSpendWhatOneWouldHaveSpent() {
        long seed = System.nanoTime();
        System.out.println("SharedBudgetTest seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < ROUNDS; round++) {
            Case given = Case.random(random);
            int size = 2 + random.nextInt(4);
            String where = "seed " + seed + ", round " + round + ", " + size + " workers, " + given;
            Team team = new Team();
            for (int i = 0; i < size; i++) {
                team.join(random.nextLong(), given);
            }

            team.run();

            BigDecimal single = alone(given, random.nextLong());
            assertThat(team.cost()).as(where).isLessThanOrEqualTo(given.budget());
            boolean anyLeft = !team.job().notEmbedded().isEmpty();
            if (anyLeft) {
                assertThat(team.cost()).as(where).isGreaterThanOrEqualTo(single.multiply(new BigDecimal("0.98")));
            }
        }
    }

    @Test
    void whatADeadWorkerHeldIsThereForTheOthers() {
        long seed = System.nanoTime();
        System.out.println("SharedBudgetTest seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        Case given = new Case(1500, 100, new BigDecimal("0.03"), 0, false);
        Team team = new Team();
        for (int i = 0; i < 3; i++) {
            team.join(random.nextLong(), given);
        }
        Simulation victim = team.workers.get(1 + random.nextInt(2));
        int steps = random.nextInt(2000);

        team.workers.forEach(Simulation::begin);
        for (int i = 0; i < steps && !victim.isOver(); i++) {
            team.step();
        }
        if (!victim.isOver()) {
            victim.kill();
            team.store.loseLease(victim.job());
        }
        team.goOn();

        String where = "seed " + seed + ", killed after " + steps;
        BigDecimal single = alone(given, random.nextLong());
        assertThat(team.cost()).as(where).isBetween(single.multiply(new BigDecimal("0.98")), given.budget());
    }

    @Test
    void whoWorksAloneAsksNobody() {
        FaultyStore store = new FaultyStore(new MemoryStore(new ManualClock()));
        store.setFaults(
                (call, method) -> method == FaultyStore.Method.GRANT_BUDGET ? StoreException.Kind.PERMANENT : null);

        BuildMachine.Ending ending = new Case(1000, 50, new BigDecimal("0.01"), 0, false)
                .worker(1, new ManualClock(), store)
                .run();

        assertThat(Objects.requireNonNull(ending).costUsd()).isGreaterThan(new BigDecimal("0.0098"));
    }

    @Test
    void withoutABudgetNobodyAsks() {
        Team team = new Team();
        for (int i = 0; i < 3; i++) {
            team.join(i, new Case(300, 50, null, 0, false));
        }

        team.run();

        assertThat(team.job().embedded()).isEqualTo(300);
    }
}
