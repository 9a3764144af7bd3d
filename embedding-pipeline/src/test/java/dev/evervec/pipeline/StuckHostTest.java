package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Resilience;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Code of the host that never comes back, on real threads: a job that is to stop ends all the same, and so do its threads. */
@Timeout(60)
class StuckHostTest {
    private static final StopPatience IMPATIENT = new StopPatience(
            Duration.ofMillis(50), Duration.ofMillis(50), Duration.ofMillis(200), Duration.ofMillis(50));
    private static final int BATCH = 16;

    private final MemoryStore store = new MemoryStore(Clock.systemUTC());
    private final Standstill standstill = new Standstill();

    @AfterEach
    void nothingIsLeftOnceTheHostGoesOn() throws Exception {
        standstill.release();
        assertOnlyLeft();
    }

    private static List<SourceRecord> records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
    }

    private static ScriptedProvider.Builder provider() {
        return ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(BATCH))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4));
    }

    private static BuildPipeline.Builder pipeline(RecordSource records, LLMProvider provider, EmbeddingStore store) {
        return BuildPipeline.builder()
                .records(records)
                .embedder(provider)
                .store(store)
                .stopPatience(IMPATIENT);
    }

    private BuildPipeline.Builder pipeline(int records, LLMProvider provider) {
        return pipeline(InMemorySource.of(records(records)), provider, store);
    }

    /** What is not stuck ends soon. */
    private static void assertOnlyLeft(String... stuck) throws Exception {
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            String name = thread.getName();
            if (name.startsWith("evervec-") && !List.of(stuck).contains(name)) {
                thread.join(Duration.ofSeconds(30).toMillis());
                assertThat(thread.isAlive()).as(name).isFalse();
            }
        }
    }

    private void assertTheNextJobEmbeds(long records, int of) {
        BuildReport next = pipeline(of, provider().build()).build().run(BuildRequest.all());

        assertThat(next.succeeded()).isEqualTo(records);
    }

    private FaultScript firstCallStays() {
        return FaultScript.nextCalls(1, Fault.failing("stuck", () -> {
            standstill.stay();
            return TransientProviderException.cancelled();
        }));
    }

    @Test
    void aCallThatHeedsNothingIsLeftBehindWhenTheJobIsCancelled() throws Exception {
        BuildRun run = pipeline(100, provider().faults(firstCallStays()).build())
                .build()
                .start(BuildRequest.all());
        standstill.awaitReached();

        run.cancel();
        BuildReport report = run.result();

        assertThat(report.state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(report.failed().get(Reason.CANCELLED)).isGreaterThanOrEqualTo(BATCH);
        assertThat(report.notes()).anyMatch(note -> note.contains("provider call"));
        assertOnlyLeft(standstill.reachedBy());
        assertTheNextJobEmbeds(100 - report.succeeded(), 100);
    }

    @Test
    void callsThatWaitForQuotaAreNotSentAfterACancel() {
        ScriptedProvider provider = provider().build();
        LLMProvider paced = Resilience.decorate(
                provider,
                ProviderSettings.builder(Capability.EMBEDDING, "scripted", "scripted-v1")
                        .dimension(8)
                        .callPolicy(provider.callPolicy())
                        .requestsPerMinute(OptionalInt.of(1))
                        .build(),
                QuotaUnit.REQUESTS);
        BuildRun run = pipeline(100, paced).build().start(BuildRequest.all());
        while (run.progress().embed().done() == 0) {
            Thread.onSpinWait();
        }

        run.cancel();
        BuildReport report = run.result();

        assertThat(provider.embedCalls()).isEqualTo(1);
        assertThat(report.requests()).isEqualTo(1);
        assertThat(report.succeeded()).isEqualTo(BATCH);
        assertThat(report.failed()).isEqualTo(Map.of(Reason.CANCELLED, 100L - BATCH));
    }

    @Test
    void aCallThatHeedsOnlyAnInterruptLeavesNoThreadBehind() throws Exception {
        Semaphore never = new Semaphore(0);
        Semaphore reached = new Semaphore(0);
        LLMProvider deaf = embedder(request -> {
            reached.release();
            never.acquire();
        });
        BuildRun run = pipeline(10, deaf).build().start(BuildRequest.all());
        reached.acquireUninterruptibly();

        run.cancel();

        assertThat(run.result().failed()).isEqualTo(Map.of(Reason.CANCELLED, 10L));
        assertOnlyLeft();
    }

    @Test
    void whatAProviderDoesToCutACallMayThrowOrStay() {
        LLMProvider stuckWhenCut = embedder(request -> {
            CancelSignal signal = request.context().cancelSignal();
            signal.onCancel(() -> {
                throw new IllegalStateException("of the host");
            });
            signal.onCancel(standstill::stay);
            standstill.stay();
        });
        BuildRun run = pipeline(100, stuckWhenCut).build().start(BuildRequest.all());
        standstill.awaitReached();

        run.cancel();

        assertThat(run.result().failed()).isEqualTo(Map.of(Reason.CANCELLED, 100L));
    }

    @Test
    void aMistakeInTheConfigurationEndsTheJobAlthoughACallHangs() {
        AtomicBoolean stays = new AtomicBoolean(true);
        Fault fault = Fault.failing("stuck once, then refused", () -> {
            if (stays.compareAndSet(true, false)) {
                standstill.stay();
            }
            standstill.awaitReached();
            return PermanentProviderException.configuration("the key was refused", 401, null);
        });

        BuildReport report = pipeline(
                        100, provider().faults(FaultScript.always(fault)).build())
                .build()
                .run(BuildRequest.all());

        assertThat(report.stoppedBy()).contains("the key was refused");
        assertThat(report.failed()).isEqualTo(Map.of(Reason.ABORTED, 100L));
    }

    private enum Where {
        SCAN,
        CLOSE,
        FETCH
    }

    private RecordSource staying(Where where, int records) {
        RecordSource good = InMemorySource.of(records(records));
        return new RecordSource() {
            @Override
            public RecordScan scan(@Nullable String source) {
                RecordScan scan = good.scan(source);
                return new RecordScan() {
                    @Override
                    public @Nullable ScanPage next(int maxRecords, long maxBytes) {
                        stayIf(Where.SCAN);
                        return scan.next(maxRecords, maxBytes);
                    }

                    @Override
                    public void close() {
                        stayIf(Where.CLOSE);
                        scan.close();
                    }
                };
            }

            @Override
            public FetchedRecords fetch(List<RecordRef> refs) {
                stayIf(Where.FETCH);
                return good.fetch(refs);
            }

            @Override
            public Set<String> sources() {
                return good.sources();
            }

            private void stayIf(Where here) {
                if (where == here) {
                    standstill.stay();
                }
            }
        };
    }

    @Test
    void aScanThatNeverGoesOnDoesNotHoldUpACancel() throws Exception {
        BuildRun run = pipeline(staying(Where.SCAN, 100), provider().build(), store)
                .build()
                .start(BuildRequest.all());
        standstill.awaitReached();

        run.cancel();

        assertThat(run.result().state()).isEqualTo(BuildReport.State.CANCELLED);
        assertOnlyLeft("evervec-scan-1");
        assertTheNextJobEmbeds(100, 100);
    }

    @Test
    void recordsThatNeverComeDoNotHoldUpACancel() {
        BuildRun run = pipeline(staying(Where.FETCH, 100), provider().build(), store)
                .build()
                .start(BuildRequest.all());
        standstill.awaitReached();

        run.cancel();

        assertThat(run.result().failed()).isEqualTo(Map.of(Reason.CANCELLED, 100L));
        assertTheNextJobEmbeds(100, 100);
    }

    @Test
    void aSourceThatIsNeverClosedCostsNoReport() throws Exception {
        BuildReport report = pipeline(staying(Where.CLOSE, 100), provider().build(), store)
                .build()
                .run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(100);
        assertOnlyLeft("evervec-scan-1");
    }

    @Test
    void aStoreThatNeverReturnsIsGivenUpAndLearnsOfTheEndWhenItGoesOn() throws Exception {
        FaultyStore stuck = new FaultyStore(store);
        stuck.setFaults((call, method) -> {
            if (method == FaultyStore.Method.COMMIT) {
                standstill.stay();
            }
            return null;
        });
        BuildRun run = pipeline(InMemorySource.of(records(100)), provider().build(), stuck)
                .build()
                .start(BuildRequest.all());
        standstill.awaitReached();

        run.cancel();
        BuildReport report = run.result();

        assertThat(report.state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(report.failed()).containsKey(Reason.STORE_ERROR);
        assertThat(report.notes()).anyMatch(note -> note.contains("the store has not answered within"));
        standstill.release();
        nothingIsLeftOnceTheHostGoesOn();
        BuildReport next = pipeline(100, provider().build()).build().run(BuildRequest.all());
        assertThat(next.state()).isEqualTo(BuildReport.State.COMPLETED);
    }

    @Test
    void anExecutorThatRunsCallsInTheThreadThatGivesThemLosesOnlyConcurrency() {
        ScriptedProvider provider = provider().build();

        BuildReport report =
                pipeline(200, provider).callExecutor(Runnable::run).build().run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(200);
        assertThat(provider.maxConcurrentCalls()).isEqualTo(1);
    }

    @Test
    void aCallInTheThreadThatGivesItCanBeCancelled() throws Exception {
        Gate gate = new Gate();
        BuildRun run = pipeline(100, provider().gate(gate).build())
                .callExecutor(Runnable::run)
                .build()
                .start(BuildRequest.all());
        gate.awaitWaiting(1, Duration.ofSeconds(30));

        run.cancel();

        assertThat(run.result().failed()).isEqualTo(Map.of(Reason.CANCELLED, 100L));
        assertOnlyLeft();
    }

    @Test
    void anExecutorThatKeepsCallsWaitingSendsNoneAfterACancel() {
        Queue<Runnable> kept = new ConcurrentLinkedQueue<>();
        Semaphore given = new Semaphore(0);
        ScriptedProvider provider = provider().build();
        BuildRun run = pipeline(200, provider)
                .callExecutor(task -> {
                    kept.add(task);
                    given.release();
                })
                .build()
                .start(BuildRequest.all());
        given.acquireUninterruptibly(4);

        run.cancel();
        BuildReport report = run.result();
        kept.forEach(Runnable::run);

        assertThat(report.failed()).isEqualTo(Map.of(Reason.CANCELLED, 200L));
        assertThat(provider.embedCalls()).isZero();
        assertThat(report.requests()).isZero();
    }

    @Test
    void anExecutorThatRunsACallAndThrowsAllTheSameCountsItOnce() {
        BuildReport report = pipeline(200, provider().build())
                .callExecutor(task -> {
                    task.run();
                    throw new IllegalStateException("of the host");
                })
                .build()
                .run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(200);
        assertThat(report.requests()).isEqualTo((200 + BATCH - 1) / BATCH);
    }

    /** What a provider does with a request before it fails. */
    private interface Doing {
        void with(EmbedRequest request) throws InterruptedException;
    }

    private static LLMProvider embedder(Doing doing) {
        ScriptedProvider good = provider().build();
        return new LLMProvider() {
            @Override
            public ModelIdentity model() {
                return good.model();
            }

            @Override
            public ProviderLimits limits() {
                return good.limits();
            }

            @Override
            public EmbedResponse embed(EmbedRequest request) {
                try {
                    doing.with(request);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                throw TransientProviderException.cancelled();
            }

            @Override
            public void close() {}
        };
    }
}
