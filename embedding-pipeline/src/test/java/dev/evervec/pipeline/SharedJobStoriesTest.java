package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Jobs with several workers in virtual time: workers join, are killed, are stopped for longer than their lease and go on, are
 * cancelled, and have bad keys. Afterwards one job without trouble puts everything right, and one more finds nothing to do.
 * A story that goes wrong is named by its seed; {@code -Devervec.seed=S} repeats it.
 */
class SharedJobStoriesTest {
    private static final int STORIES = 1500;
    private static final int MOST_WORKERS = 4;
    private static final Duration LONGER_THAN_A_LEASE = Duration.ofSeconds(90);

    @Test
    void whateverBecomesOfTheWorkersNoRecordIsLostAndOnlyWhatWasInFlightIsPaidTwice() {
        Long only = Long.getLong("evervec.seed");
        if (only != null) {
            System.out.println(new Story(only).play());
            return;
        }
        Map<String, Long> met = new HashMap<>();
        for (long seed = 1; seed <= STORIES; seed++) {
            new Story(seed).play().forEach((what, times) -> met.merge(what, times, Long::sum));
        }
        System.out.println(STORIES + " stories of shared jobs; met: " + met);
        assertThat(met.keySet())
                .contains(
                        "joined", "killed", "stopped", "woken", "bad key", "cancelled", "scan taken over", "handed on");
    }

    /** All of it follows from the seed. */
    private static final class Story {
        private final long seed;
        private final Random random;
        private final ManualClock clock = new ManualClock();
        private final MemoryStore store = MemoryStore.shared(clock);
        private final List<SourceRecord> records;
        private final Map<String, Long> met = new HashMap<>();
        private final List<Worker> all = new ArrayList<>();
        private final @Nullable ScriptedProvider rewriter;
        private int begun;

        /** A worker and what becomes of it. */
        private final class Worker {
            final Simulation simulation;
            final boolean badKey;
            long stoppedUntil;
            boolean stopped;

            Worker(Simulation simulation, boolean badKey) {
                this.simulation = simulation;
                this.badKey = badKey;
            }

            long nextAt() {
                return Math.max(simulation.nextAt(), stoppedUntil);
            }
        }

        Story(long seed) {
            this.seed = seed;
            this.random = new Random(seed * 0x9e3779b97f4a7c15L);
            this.rewriter = random.nextInt(3) > 0
                    ? null
                    : ScriptedProvider.builder()
                            .model("rewriter")
                            .capabilities(Capability.REWRITE)
                            .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 3))
                            .build();
            this.records = IntStream.range(0, 30 + random.nextInt(120))
                    .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                    .toList();
        }

        Map<String, Long> play() {
            try {
                for (int job = 0; job < 3; job++) {
                    playInTrouble();
                }
                putRight();
                return met;
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }

        private void playInTrouble() {
            List<Worker> working = new ArrayList<>(List.of(worker()));
            while (!working.isEmpty()) {
                Worker next = next(working);
                next.simulation.step();
                if (next.stopped && next.stoppedUntil <= clock.millis()) {
                    next.stopped = false;
                }
                if (next.simulation.isOver()) {
                    working.remove(next);
                    over(next);
                }
                happen(working);
            }
            // A job whose workers are all dead is over when the last lease is.
            clock.advance(LONGER_THAN_A_LEASE);
            checkLastJob();
        }

        private static Worker next(List<Worker> working) {
            Worker next = working.get(0);
            for (Worker worker : working) {
                next = worker.nextAt() < next.nextAt() ? worker : next;
            }
            return next;
        }

        private void happen(List<Worker> working) {
            if (working.isEmpty() || random.nextInt(30) > 0) {
                return;
            }
            Worker someone = working.get(random.nextInt(working.size()));
            switch (random.nextInt(6)) {
                case 0, 1, 2 -> {
                    if (working.size() < MOST_WORKERS) {
                        working.add(worker());
                    }
                }
                case 3 -> {
                    met("killed");
                    someone.simulation.kill();
                    working.remove(someone);
                }
                case 4 -> {
                    met("stopped");
                    someone.stopped = true;
                    someone.stoppedUntil = nanosNow()
                            + Duration.ofSeconds(20 + random.nextInt(150)).toNanos();
                }
                default -> {
                    if (random.nextInt(4) == 0 && store.requestCancel(someone.simulation.jobId())) {
                        met("cancelled");
                        working.forEach(worker -> worker.simulation.cancel());
                    }
                }
            }
        }

        private long nanosNow() {
            return Duration.between(ManualClock.START, clock.instant()).toNanos();
        }

        private void over(Worker worker) {
            BuildMachine.Ending ending = worker.simulation.ending();
            Endings.assertBooksBalance(worker.simulation, ending);
            if (worker.stoppedUntil > 0) {
                met("woken");
            }
            if (worker.badKey) {
                met("bad key");
                Long aborted = ending.books().of(Reason.Kind.FAILED).get(Reason.ABORTED);
                if (aborted != null) {
                    met("handed on");
                }
            }
            if (worker.simulation.job().role() == JobTicket.Role.JOINED
                    && ending.notes().stream().anyMatch(note -> note.contains("scans from the beginning"))) {
                met("scan taken over");
            }
        }

        private Worker worker() {
            boolean badKey = random.nextInt(12) == 0;
            ScriptedProvider provider = provider(
                    badKey
                            ? FaultScript.fromCall(1 + random.nextInt(3), Fault.keyRefused())
                            : FaultScript.partOfCalls(random.nextLong(), 0.05, Fault.serverError()));
            Worker worker = new Worker(simulation(BuildRequest.all(), provider), badKey);
            if (worker.simulation.job().role() == JobTicket.Role.JOINED) {
                met("joined");
            }
            worker.simulation.begin();
            all.add(worker);
            return worker;
        }

        private static ScriptedProvider provider(FaultScript faults) {
            return ScriptedProvider.builder()
                    .dimension(8)
                    .limits(ProviderLimits.ofTexts(4))
                    .callPolicy(new CallPolicy(3, Duration.ofSeconds(60), 3))
                    .faults(faults)
                    .build();
        }

        private Simulation simulation(BuildRequest request, ScriptedProvider provider) {
            return new Simulation(
                    random.nextLong(),
                    clock,
                    "job-" + ++begun,
                    request,
                    InMemorySource.of(records),
                    store,
                    provider,
                    rewriter,
                    BuildSettings.DEFAULT);
        }

        private Fingerprint fingerprint() {
            return new Fingerprint(
                    provider(FaultScript.none()).model(),
                    rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), "Rewrite: {text}"));
        }

        private void checkLastJob() {
            JobInfo job = store.jobs(1).get(0);
            assertThat(job.state()).isNotEqualTo(JobState.RUNNING);
            met("job " + job.state());
            if (job.state() == JobState.COMPLETED) {
                SourceStats stats = store.stats(fingerprint()).get(0);
                assertThat(stats.pending())
                        .as("left by a completed job: " + stats + job)
                        .isZero();
            }
        }

        private void putRight() {
            ScriptedProvider provider = provider(FaultScript.none());
            Simulation last = simulation(BuildRequest.retryFailed(BuildRequest.Retry.ALL), provider);
            Endings.assertBooksBalance(last, Objects.requireNonNull(last.run()));
            Simulation build = simulation(BuildRequest.all(), provider);
            Endings.assertBooksBalance(build, Objects.requireNonNull(build.run()));
            checkEveryVector(provider);
            checkPaid(List.of(last, build));
            int calls = provider.embedCalls();
            BuildMachine.Ending nothing = Objects.requireNonNull(
                    simulation(BuildRequest.all(), provider).run());
            assertThat(nothing.totalPending()).isZero();
            assertThat(provider.embedCalls()).isEqualTo(calls);
        }

        private void checkEveryVector(ScriptedProvider provider) {
            Set<RecordKey> stored = new HashSet<>();
            Fingerprint fingerprint = fingerprint();
            store.forEachVector(fingerprint, null, vector -> checkVector(vector, provider, stored));
            assertThat(stored).hasSameSizeAs(records);
            SourceStats stats = store.stats(fingerprint).get(0);
            assertThat(stats.embedded()).isEqualTo(records.size());
            assertThat(stats.pending() + stats.failed() + stats.skipped()).isZero();
        }

        private void checkVector(StoredVector vector, ScriptedProvider provider, Set<RecordKey> stored) {
            String text = "text number " + vector.key().id().substring(3);
            String sent = rewriter == null ? text : ScriptedProvider.rewriteOf("Rewrite: " + text);
            assertThat(vector.embedding()).isEqualTo(provider.vectorOf(sent));
            assertThat(stored.add(vector.key())).isTrue();
        }

        private void checkPaid(List<Simulation> last) {
            long paid = all.stream()
                            .mapToLong(worker -> worker.simulation.paid.size())
                            .sum()
                    + last.stream()
                            .mapToLong(simulation -> simulation.paid.size())
                            .sum();
            long mayBePaidTwice = all.stream()
                    .mapToLong(worker -> worker.simulation.paidInVain())
                    .sum();
            assertThat(paid - records.size())
                    .as("texts paid for twice, of which %d may be", mayBePaidTwice)
                    .isBetween(0L, mayBePaidTwice);
        }

        private void met(String what) {
            met.merge(what, 1L, Long::sum);
        }
    }
}
