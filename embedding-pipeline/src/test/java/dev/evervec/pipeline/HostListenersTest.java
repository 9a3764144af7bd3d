package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever listeners of the host do, the build goes on, and they hear everything. */
@Timeout(60)
class HostListenersTest {
    private static final StopPatience IMPATIENT = new StopPatience(
            Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(1), Duration.ofMillis(20));

    private final MemoryStore store = new MemoryStore(Clock.systemUTC());

    private static ScriptedProvider.Builder provider() {
        return ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(16))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4));
    }

    private static List<SourceRecord> texts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("text-" + i, "text " + i))
                .toList();
    }

    private static List<SourceRecord> empty(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("empty-" + i, "<br>"))
                .toList();
    }

    private BuildPipeline.Builder pipeline(List<SourceRecord> records) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(records))
                .embedder(provider().build())
                .store(store);
    }

    /** Remembers what it hears. */
    private static class Hearing implements BuildListener {
        final List<RecordOutcome> outcomes = Collections.synchronizedList(new ArrayList<>());
        final CompletableFuture<BuildReport> end = new CompletableFuture<>();

        @Override
        public void onRecordNotEmbedded(RecordOutcome outcome) {
            outcomes.add(outcome);
        }

        @Override
        public void onEnd(BuildReport report) {
            end.complete(report);
        }

        BuildReport awaitEnd() throws Exception {
            return end.get(50, TimeUnit.SECONDS);
        }
    }

    @Test
    void aListenerThatIsStuckHoldsUpNothingAndHearsEverythingOnceItGoesOn() throws Exception {
        int records = 3 * OutcomeQueue.IN_MEMORY;
        Standstill standstill = new Standstill();
        Hearing stuck = new Hearing() {
            @Override
            public void onStart(String jobId) {
                standstill.stay();
            }
        };

        BuildReport report = pipeline(empty(records))
                .listener(stuck)
                .stopPatience(IMPATIENT)
                .build()
                .run(BuildRequest.all());

        assertThat(report.skipped()).containsEntry(Reason.EMPTY_CONTENT, (long) records);
        assertThat(stuck.outcomes).isEmpty();
        assertThat(stuck.end).isNotDone();

        standstill.release();

        assertThat(stuck.awaitEnd()).isSameAs(report);
        List<RecordOutcome> stored = new ArrayList<>();
        report.outcomes().forEach(Reason.EMPTY_CONTENT, stored::add);
        assertThat(stuck.outcomes).hasSize(records).hasSameElementsAs(stored);
    }

    @Test
    void aListenerThatThrowsHearsEverythingElseAndSoDoTheOthers() throws Exception {
        Hearing throwing = new Hearing() {
            @Override
            public void onRecordNotEmbedded(RecordOutcome outcome) {
                super.onRecordNotEmbedded(outcome);
                throw new StackOverflowError("of the host");
            }

            @Override
            public boolean equals(Object other) {
                throw new IllegalStateException("of the host");
            }

            @Override
            public int hashCode() {
                throw new IllegalStateException("of the host");
            }
        };
        Hearing other = new Hearing();

        pipeline(empty(50)).listener(throwing).listener(other).build().run(BuildRequest.all());

        assertThat(throwing.awaitEnd()).isSameAs(other.awaitEnd());
        assertThat(throwing.outcomes).hasSize(50);
        assertThat(other.outcomes).hasSize(50);
    }

    @Test
    void aListenerThatInterruptsItsThreadStillHearsEverything() throws Exception {
        Hearing interrupting = new Hearing() {
            @Override
            public void onRecordNotEmbedded(RecordOutcome outcome) {
                super.onRecordNotEmbedded(outcome);
                Thread.currentThread().interrupt();
            }
        };

        pipeline(empty(3 * OutcomeQueue.IN_MEMORY))
                .listener(interrupting)
                .build()
                .run(BuildRequest.all());

        interrupting.awaitEnd();
        assertThat(interrupting.outcomes).hasSize(3 * OutcomeQueue.IN_MEMORY);
    }

    @Test
    void aListenerMayCancelTheJobAndWaitForItsResult() throws Exception {
        Gate gate = new Gate();
        AtomicReference<BuildRun> run = new AtomicReference<>();
        CountDownLatch started = new CountDownLatch(1);
        CompletableFuture<BuildReport> seen = new CompletableFuture<>();
        Hearing cancelling = new Hearing() {
            @Override
            public void onRecordNotEmbedded(RecordOutcome outcome) {
                super.onRecordNotEmbedded(outcome);
                if (!seen.isDone()) {
                    awaitStart();
                    gate.awaitWaiting(4, Duration.ofSeconds(50));
                    run.get().cancel();
                    gate.open();
                    seen.complete(run.get().result());
                }
            }

            private void awaitStart() {
                try {
                    started.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
        List<SourceRecord> records = new ArrayList<>(texts(500));
        records.add(0, SourceRecord.of("empty", "<br>"));
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(records))
                .embedder(provider().gate(gate).build())
                .store(store)
                .listener(cancelling)
                .build();

        run.set(pipeline.start(BuildRequest.all()));
        started.countDown();
        BuildReport report = run.get().result();

        assertThat(report.state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(seen.get(50, TimeUnit.SECONDS)).isSameAs(report);
        assertThat(cancelling.awaitEnd()).isSameAs(report);
    }

    @Test
    void aListenerMayAskForResultAndProgressAtTheEndAndBuildAgain() throws Exception {
        AtomicReference<BuildRun> run = new AtomicReference<>();
        CountDownLatch started = new CountDownLatch(1);
        MemoryStore otherStore = new MemoryStore(Clock.systemUTC());
        CompletableFuture<List<Object>> heard = new CompletableFuture<>();
        BuildListener builder = new BuildListener() {
            @Override
            public void onEnd(BuildReport report) {
                try {
                    started.await();
                    List<RecordOutcome> outcomes = new ArrayList<>();
                    report.outcomes().forEach(Reason.EMPTY_CONTENT, outcomes::add);
                    BuildReport sameStore = pipeline(texts(7)).build().run(BuildRequest.all());
                    BuildReport another = BuildPipeline.builder()
                            .records(InMemorySource.of(texts(9)))
                            .embedder(provider().build())
                            .store(otherStore)
                            .build()
                            .run(BuildRequest.all());
                    heard.complete(List.of(
                            run.get().result(),
                            run.get().progress().phase(),
                            outcomes.size(),
                            sameStore.succeeded(),
                            another.succeeded()));
                } catch (Exception e) {
                    heard.completeExceptionally(e);
                }
            }
        };

        run.set(pipeline(empty(5)).listener(builder).build().start(BuildRequest.all()));
        started.countDown();
        BuildReport report = run.get().result();

        assertThat(heard.get(50, TimeUnit.SECONDS)).containsExactly(report, BuildProgress.Phase.COMPLETED, 5, 7L, 9L);
    }

    @Test
    void whenTheResultIsThereAQuickListenerHasHeardTheEnd() {
        Hearing quick = new Hearing();

        BuildReport report = pipeline(texts(30)).listener(quick).build().run(BuildRequest.all());

        assertThat(quick.end).isCompletedWithValue(report);
    }
}
