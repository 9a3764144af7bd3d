package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.HealthStats;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.event.Level;

/** The pipeline on real threads. */
@Timeout(60)
class BuildPipelineTest {
    private final MemoryStore store = new MemoryStore(Clock.systemUTC());

    private static List<SourceRecord> records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
    }

    private static ScriptedProvider.Builder provider() {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(16))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4));
    }

    private BuildPipeline.Builder pipeline(ScriptedProvider provider, List<SourceRecord> records) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(records))
                .embedder(provider)
                .store(store);
    }

    private static List<String> ownThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("evervec-"))
                .toList();
    }

    @Test
    void aReportTellsWhatBecameOfEveryRecord(@TempDir Path logs) throws Exception {
        ScriptedProvider provider = provider()
                .faults(FaultScript.badTexts(text -> text.endsWith(" 7")))
                .build();
        List<SourceRecord> records = new ArrayList<>(records(100));
        records.add(SourceRecord.of("empty", "<p>&nbsp;</p>"));

        BuildReport report = pipeline(provider, records)
                .logs(logs)
                .build()
                .run(BuildRequest.all().jobId("first"));

        assertThat(report.jobId()).isEqualTo("first");
        assertThat(report.state()).isEqualTo(BuildReport.State.FAILED);
        assertThat(report.totalPending()).isEqualTo(101);
        assertThat(report.succeeded()).isEqualTo(99);
        assertThat(report.skipped()).isEqualTo(Map.of(Reason.EMPTY_CONTENT, 1L));
        assertThat(report.failed()).isEqualTo(Map.of(Reason.EMBED_PERMANENT, 1L));
        List<RecordOutcome> failed = new ArrayList<>();
        report.outcomes().forEach(Reason.EMBED_PERMANENT, failed::add);
        assertThat(failed)
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.key().id()).isEqualTo("id-7"));

        JsonNode summary = new ObjectMapper().readTree(report.toJson());
        assertThat(summary.get("succeeded").asLong()).isEqualTo(99);
        assertThat(summary.get("failed").get("embed_permanent").asLong()).isEqualTo(1);
        assertThat(summary.get("cost_usd").isNull()).isTrue();
        JsonNode progress =
                new ObjectMapper().readTree(logs.resolve("first.progress.json").toFile());
        assertThat(progress.get("phase").asText()).isEqualTo("failed");
        assertThat(progress.get("embed_progress").get("done").asLong()).isEqualTo(101);
        assertThat(progress.get("rewrite_progress").get("total").asLong()).isZero();
        List<String> log = Files.readAllLines(logs.resolve("first.log"));
        assertThat(log).anyMatch(line -> line.contains("skipped default/empty empty_content: "));
        assertThat(log).anyMatch(line -> line.contains("failed default/id-7 embed_permanent: "));
        assertThat(log).noneMatch(line -> line.contains("text number"));
    }

    @Test
    void healthTellsHowThePipelinesVectorsStandAndHowTheLastJobEnded() {
        ScriptedProvider provider = provider()
                .faults(FaultScript.badTexts(text -> text.endsWith(" 7")))
                .build();
        BuildPipeline pipeline = pipeline(provider, records(10)).build();
        HealthStats before = pipeline.health();

        pipeline.run(BuildRequest.all().jobId("first"));

        HealthStats after = pipeline.health();
        assertThat(before.sources()).isEmpty();
        assertThat(before.lastRun()).isNull();
        assertThat(after.generation()).isEqualTo(pipeline.fingerprint().generation());
        assertThat(after.total().embedded()).isEqualTo(9);
        assertThat(after.total().failed()).isEqualTo(1);
        assertThat(after.total().successRate()).isEqualTo(0.9);
        assertThat(after.lastRun().jobId()).isEqualTo("first");
        assertThat(after.lastRun().state()).isEqualTo(JobState.FAILED);
        assertThat(after.circuitOpen()).isFalse();
    }

    @Test
    void listenersHearEverythingAndCannotBreakTheBuild() {
        List<String> heard = Collections.synchronizedList(new ArrayList<>());
        BuildListener careful = new BuildListener() {
            @Override
            public void onStart(String jobId) {
                heard.add("start");
            }

            @Override
            public void onProgress(BuildProgress progress) {
                heard.add("progress");
            }

            @Override
            public void onRecordNotEmbedded(RecordOutcome outcome) {
                heard.add("not " + outcome.key().id());
            }

            @Override
            public void onEnd(BuildReport report) {
                heard.add("end");
            }
        };
        BuildListener broken = new BuildListener() {
            @Override
            public void onProgress(BuildProgress progress) {
                throw new IllegalStateException("a listener's own trouble");
            }
        };
        List<SourceRecord> records = new ArrayList<>(records(10));
        records.add(SourceRecord.of("empty", "<br>"));

        BuildReport report = pipeline(provider().build(), records)
                .listener(broken)
                .listener(careful)
                .build()
                .run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(10);
        assertThat(heard).startsWith("start").endsWith("end").contains("progress", "not empty");
    }

    @Test
    void aCancelledJobEndsSoonAndTheNextOneFinishesIt() {
        Gate gate = new Gate();
        ScriptedProvider provider = provider().gate(gate).build();
        BuildPipeline pipeline = pipeline(provider, records(500)).build();

        BuildRun run = pipeline.start(BuildRequest.all());
        gate.awaitWaiting(4, Duration.ofSeconds(30));
        run.cancel();
        gate.open();
        BuildReport report = run.result();

        assertThat(report.state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(report.failed().get(Reason.CANCELLED)).isPositive();
        assertThat(run.progress().phase()).isEqualTo(BuildProgress.Phase.CANCELLED);
        assertThat(pipeline.run(BuildRequest.all()).succeeded()).isEqualTo(500 - report.succeeded());
    }

    @Test
    void anInterruptedCallerGetsTheBooksAndKeepsItsFlag() throws Exception {
        Gate gate = new Gate();
        ScriptedProvider provider = provider().gate(gate).build();
        BuildPipeline pipeline = pipeline(provider, records(500)).build();
        BuildReport[] report = new BuildReport[1];
        boolean[] flag = new boolean[1];
        Thread caller = new Thread(() -> {
            report[0] = pipeline.run(BuildRequest.all());
            flag[0] = Thread.currentThread().isInterrupted();
        });
        caller.start();
        gate.awaitWaiting(4, Duration.ofSeconds(30));

        caller.interrupt();
        gate.open();
        caller.join();

        assertThat(report[0].state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(flag[0]).isTrue();
    }

    @Test
    void aSecondJobIsRefusedWhileOneRuns() {
        Gate gate = new Gate();
        BuildPipeline pipeline =
                pipeline(provider().gate(gate).build(), records(50)).build();
        BuildRun run = pipeline.start(BuildRequest.all().jobId("one"));

        assertThatThrownBy(() -> pipeline.start(BuildRequest.all()))
                .isInstanceOf(JobRefusedException.class)
                .hasMessageContaining("one");

        gate.open();
        assertThat(run.result().succeeded()).isEqualTo(50);
        assertThatThrownBy(() -> pipeline.run(BuildRequest.all().jobId("one"))).isInstanceOf(JobRefusedException.class);
        assertThatThrownBy(() -> pipeline.run(BuildRequest.all().jobId("../one")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void noThreadIsLeftWhenAJobHasEnded() throws Exception {
        pipeline(provider().build(), records(200))
                .listener(new BuildListener() {})
                .build()
                .run(BuildRequest.all());

        List<Thread> left = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("evervec-"))
                .toList();
        for (Thread thread : left) {
            thread.join(10_000);
        }
        assertThat(ownThreads()).isEmpty();
    }

    @Test
    void aSourceThatBreaksOffCountsOnceAndLosesNothingItHadGiven() {
        RecordSource breaking = new RecordSource() {
            private final RecordSource good = InMemorySource.of(records(30));

            @Override
            public RecordScan scan(String source) {
                RecordScan scan = good.scan(source);
                return new RecordScan() {
                    private int pages;

                    @Override
                    public ScanPage next(int maxRecords, long maxBytes) {
                        if (pages++ == 2) {
                            throw new SourceException("the connection to the host's table was lost", null);
                        }
                        return scan.next(10, maxBytes);
                    }

                    @Override
                    public void close() {
                        scan.close();
                    }
                };
            }

            @Override
            public FetchedRecords fetch(List<RecordRef> refs) {
                return good.fetch(refs);
            }

            @Override
            public Set<String> sources() {
                return good.sources();
            }
        };

        BuildReport report = BuildPipeline.builder()
                .records(breaking)
                .embedder(provider().build())
                .store(store)
                .build()
                .run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(20);
        assertThat(report.failed()).isEqualTo(Map.of(Reason.SOURCE_ERROR, 1L));
        assertThat(report.notes()).anyMatch(note -> note.contains("the connection to the host's table was lost"));
    }

    @Test
    void aProviderThatBreaksItsContractIsAFailingProvider() {
        ScriptedProvider provider = provider()
                .faults(FaultScript.nextCalls(1, Fault.failing("broken", () -> {
                    throw new IllegalStateException("secret text");
                })))
                .build();

        BuildReport report = pipeline(provider, records(20)).build().run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(20);
    }

    @Test
    void concurrencyIsBoundedByTheProvidersPolicy() {
        ScriptedProvider provider = provider().build();

        pipeline(provider, records(2000)).build().run(BuildRequest.all());

        assertThat(provider.maxConcurrentCalls()).isLessThanOrEqualTo(4);
    }

    @Test
    void callsRunOnTheHostsExecutorIfItGivesOne() {
        CountDownLatch used = new CountDownLatch(1);

        BuildReport report = pipeline(provider().build(), records(20))
                .callExecutor(task -> {
                    used.countDown();
                    Thread thread = new Thread(task, "host-thread");
                    thread.setDaemon(true);
                    thread.start();
                })
                .build()
                .run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(20);
        assertThat(used.getCount()).isZero();
    }

    @Test
    void anExecutorThatRefusesEndsTheJobAndKeepsWhatWasPaidFor() {
        AtomicInteger calls = new AtomicInteger();
        ScriptedProvider provider = provider().build();

        BuildReport report = pipeline(provider, records(500))
                .callExecutor(task -> {
                    if (calls.incrementAndGet() > 3) {
                        throw new RejectedExecutionException("shut down");
                    }
                    Thread thread = new Thread(task, "host-thread");
                    thread.setDaemon(true);
                    thread.start();
                })
                .build()
                .run(BuildRequest.all());

        assertThat(report.stopCause())
                .hasValueSatisfying(cause -> assertThat(cause).contains("executor"));
        // Of the three it took, those that had not begun when it refused the fourth are not sent any more.
        assertThat(report.succeeded()).isEqualTo(report.requests() * 16).isLessThanOrEqualTo(3 * 16);
        assertThat(report.requests()).isEqualTo(provider.embedCalls());
        assertThat(report.failed()).isEqualTo(Map.of(Reason.ABORTED, 500L - report.succeeded()));
    }

    @Test
    void anExecutorThatBreaksLeavesTheStoreUsable() {
        BuildReport broken = pipeline(provider().build(), records(50))
                .callExecutor(task -> {
                    throw new IllegalStateException("of the host");
                })
                .build()
                .run(BuildRequest.all());

        assertThat(broken.failed()).isEqualTo(Map.of(Reason.ABORTED, 50L));
        assertThat(pipeline(provider().build(), records(50))
                        .build()
                        .run(BuildRequest.all())
                        .succeeded())
                .isEqualTo(50);
    }

    @Test
    void aStoreThatFailsForGoodEndsTheJobAndCanBeUsedAgain() {
        FaultyStore faulty = new FaultyStore(store);
        faulty.setFaults((call, method) -> method == FaultyStore.Method.COMMIT ? StoreException.Kind.PERMANENT : null);
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(InMemorySource.of(records(50)))
                .embedder(provider().build())
                .store(faulty)
                .build();

        BuildReport failed = pipeline.run(BuildRequest.all());
        faulty.setFaults((call, method) -> null);
        BuildReport repaired = pipeline.run(BuildRequest.all());

        // The scan itself counts too if the store was lost before the scan was closed.
        assertThat(failed.totalPending()).isBetween(50L, 51L);
        assertThat(failed.failed()).containsKey(Reason.STORE_ERROR);
        assertThat(failed.stopCause())
                .hasValueSatisfying(cause -> assertThat(cause).contains("COMMIT"));
        assertThat(repaired.succeeded()).isEqualTo(50);
    }

    @Test
    void aSourceThatCannotBeClosedCostsNoReport() {
        RecordSource source = new RecordSource() {
            private final RecordSource good = InMemorySource.of(records(30));

            @Override
            public RecordScan scan(String name) {
                RecordScan scan = good.scan(name);
                return new RecordScan() {
                    @Override
                    public ScanPage next(int maxRecords, long maxBytes) {
                        return scan.next(maxRecords, maxBytes);
                    }

                    @Override
                    public void close() {
                        throw new IllegalStateException("of the host");
                    }
                };
            }

            @Override
            public FetchedRecords fetch(List<RecordRef> refs) {
                return good.fetch(refs);
            }

            @Override
            public Set<String> sources() {
                return good.sources();
            }
        };

        BuildReport report = BuildPipeline.builder()
                .records(source)
                .embedder(provider().build())
                .store(store)
                .build()
                .run(BuildRequest.all());

        assertThat(report.succeeded()).isEqualTo(30);
    }

    @Test
    void aLogFolderThatVanishesStopsNothing(@TempDir Path parent) throws Exception {
        Path logs = parent.resolve("logs");
        Gate gate = new Gate();
        BuildRun run = pipeline(provider().gate(gate).build(), records(100))
                .logs(logs)
                .build()
                .start(BuildRequest.all().jobId("job"));
        gate.awaitWaiting(4, Duration.ofSeconds(30));

        Path away = Files.move(logs, parent.resolve("away"));
        gate.open();

        assertThat(run.result().succeeded()).isEqualTo(100);
        assertThat(away.resolve("job.log")).content().contains("end {");
    }

    @Test
    void theProgressFileIsWrittenAgainWhenItsFolderIsBack(@TempDir Path parent) throws Exception {
        Path logs = parent.resolve("logs");
        BuildRun run = pipeline(provider().build(), records(1)).build().start(BuildRequest.all());
        run.result();
        BuildProgress progress = run.progress();
        try (JobFiles files = JobFiles.open(logs, "job")) {
            Path away = Files.move(logs, parent.resolve("away"));
            files.progress(progress);
            Files.move(away, logs);

            files.progress(progress);

            assertThat(logs.resolve("job.progress.json")).exists();
        }
    }

    @Test
    void aRequestCarriesNoMoreVectorsThanTheHeapHolds() {
        HeapShare share = new HeapShare(9000, Level.DEBUG);
        ScriptedProvider.Builder provider = ScriptedProvider.builder().dimension(8); // 96 bytes a vector on its way in
        ProviderLimits few = ProviderLimits.ofTexts(30);

        assertThat(share.oneRequest(provider.build()).maxTextsPerRequest()).isEqualTo(31);
        assertThat(share.oneRequest(provider.limits(few).build())).isEqualTo(few);
        assertThat(share.oneRequest(provider.dimension(1 << 10).build()).maxTextsPerRequest())
                .isEqualTo(1);
    }
}
