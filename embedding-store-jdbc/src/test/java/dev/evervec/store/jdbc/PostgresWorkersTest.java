package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.TriggerRefusedException;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobStart.WhileRunning;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.Remaining;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Workers with connections of their own, at work on one ledger at the same time. */
@Timeout(120)
class PostgresWorkersTest {
    private static final int WORKERS = 8;
    private static final int RECORDS = 2_000;
    private static final Duration LEASE = Duration.ofMinutes(5);
    private static final String OTHERS = "select count(*) from pg_stat_activity where datname = current_database()"
            + " and backend_type = 'client backend' and pid <> pg_backend_pid()";
    private static final Fingerprint FINGERPRINT =
            new Fingerprint(ModelIdentity.embedding("local", "model", 3, "", "l2"), "");

    private final TestPostgres database = TestPostgres.newDatabase();
    private final List<EmbeddingStore> stores = Collections.synchronizedList(new ArrayList<>());
    private final ExecutorService threads = Executors.newFixedThreadPool(WORKERS);

    @BeforeEach
    void makeTables() {
        open();
    }

    @AfterEach
    void noTwoWaitedForEachOther() throws SQLException {
        threads.shutdownNow();
        stores.forEach(EmbeddingStore::close);
        long deadlocks = number("select deadlocks from pg_stat_database where datname = current_database()");
        database.drop();
        assertThat(deadlocks).as("deadlocks").isZero();
    }

    private long number(String sql) throws SQLException {
        try (Connection connection = database.connect();
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            row.next();
            return row.getLong(1);
        }
    }

    private EmbeddingStore open() {
        EmbeddingStore store = JdbcStore.open(database.settings());
        stores.add(store);
        return store;
    }

    private static JobStart build(String id) {
        return new JobStart(
                id, FINGERPRINT, 3, Set.of(), JobStart.Kind.BUILD, JobScope.ALL, null, WhileRunning.JOIN_EQUAL);
    }

    private static List<ScannedRecord> records(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(i -> new ScannedRecord(
                        new RecordKey("articles", "id-" + i),
                        Sha256.ofContent(null, "text " + i),
                        ScannedRecord.Content.PRESENT,
                        Locator.of(("text " + i).getBytes(StandardCharsets.UTF_8))))
                .toList();
    }

    private <T> List<T> atOnce(List<Callable<T>> work) throws Exception {
        CyclicBarrier start = new CyclicBarrier(work.size());
        List<Future<T>> running = work.stream()
                .map(each -> threads.submit(() -> {
                    start.await();
                    return each.call();
                }))
                .toList();
        List<T> all = new ArrayList<>();
        for (Future<T> each : running) {
            all.add(each.get());
        }
        return all;
    }

    private static ProviderCall call() {
        return new ProviderCall(
                Instant.EPOCH,
                Duration.ZERO,
                "local",
                "model",
                Capability.EMBEDDING,
                1,
                TokenUsage.reported(10, 0),
                new BigDecimal("0.001"),
                null,
                List.of());
    }

    private static RecordResult result(Claim claim, Random random) {
        String text = new String(claim.locator().bytes(), StandardCharsets.UTF_8);
        if (random.nextInt(10) == 0) {
            return new NotEmbedded(
                    claim, Sha256.ofContent(null, text), Reason.EMBED_PERMANENT, "because", null, RecordCost.NONE);
        }
        return new Embedded(
                claim,
                Sha256.ofContent(null, text),
                Sha256.ofText(text),
                Embedding.of(text.hashCode(), 1, 2),
                null,
                RecordCost.NONE);
    }

    /** What one worker has done until nothing was left. */
    private record Done(Set<RecordKey> keys, int calls) {}

    private Done work(long seed) {
        Random random = new Random(seed);
        EmbeddingStore store = open();
        JobTicket job = store.beginJob(build("threads"));
        if (job.role() == JobTicket.Role.FIRST) {
            for (int from = 0; from < RECORDS; from += 100) {
                store.mark(job, records(from, from + 100), MarkMode.PENDING);
            }
            store.endScan(job, new ScanScope.Complete(null), 0.1);
        }
        Set<RecordKey> keys = new HashSet<>();
        int calls = 0;
        while (true) {
            List<Claim> claims = new ArrayList<>(store.claim(job, 1 + random.nextInt(40), LEASE));
            // Results come in any order.
            Collections.shuffle(claims, random);
            if (claims.isEmpty() && store.remaining(job) == Remaining.NOTHING) {
                store.endJob(job, JobState.COMPLETED, Reason.ABORTED);
                return new Done(keys, calls);
            }
            while (!claims.isEmpty()) {
                List<Claim> part = claims.subList(0, Math.min(claims.size(), 1 + random.nextInt(20)));
                List<RecordResult> results =
                        part.stream().map(claim -> result(claim, random)).toList();
                assertThat(store.commit(job, results, List.of(call()))).isEmpty();
                part.forEach(claim -> assertThat(keys.add(claim.key())).isTrue());
                part.clear();
                calls++;
                store.renewLeases(job, LEASE);
            }
        }
    }

    @Test
    void takeEachRecordOnceAndTheirBooksAddUp() throws Exception {
        long seed = System.nanoTime();
        System.out.println("threads' seed: " + seed);

        List<Done> done = atOnce(IntStream.range(0, WORKERS)
                .<Callable<Done>>mapToObj(i -> () -> work(seed + i))
                .toList());

        Set<RecordKey> keys = new HashSet<>();
        done.forEach(worker -> keys.addAll(worker.keys));
        assertThat(done.stream().mapToInt(worker -> worker.keys.size()).sum()).isEqualTo(RECORDS);
        assertThat(keys).hasSize(RECORDS);
        EmbeddingStore store = stores.get(0);
        JobInfo info = store.job("threads").orElseThrow();
        assertThat(info.embedded() + info.notEmbedded().getOrDefault(Reason.EMBED_PERMANENT, 0L))
                .isEqualTo(RECORDS);
        assertThat(info.state()).isEqualTo(JobState.FAILED);
        assertThat(info.requests())
                .isEqualTo(done.stream().mapToInt(worker -> worker.calls).sum());
        assertThat(info.inputTokens()).isEqualTo(10 * info.requests());
        assertThat(info.costUsd())
                .isEqualByComparingTo(new BigDecimal("0.001").multiply(BigDecimal.valueOf(info.requests())));
        assertThat(store.stats(FINGERPRINT)).singleElement().satisfies(stats -> {
            assertThat(stats.embedded()).isEqualTo(info.embedded());
            assertThat(stats.failed()).isEqualTo(RECORDS - info.embedded());
            assertThat(stats.pending()).isZero();
        });
        assertThat(store.jobs(10)).hasSize(1);
    }

    @Test
    void oneOfManyThatBeginAtOnceIsTheFirst() throws Exception {
        List<JobTicket> tickets = atOnce(IntStream.range(0, WORKERS)
                .<Callable<JobTicket>>mapToObj(i -> () -> open().beginJob(build("job-" + i)))
                .toList());

        assertThat(tickets)
                .extracting(JobTicket::role)
                .containsOnlyOnce(JobTicket.Role.FIRST)
                .doesNotContain(JobTicket.Role.ALONE);
        assertThat(tickets)
                .extracting(JobTicket::number)
                .containsOnly(tickets.get(0).number());
    }

    @Test
    void theLastOfManyThatEndAtOnceEndsTheJob() throws Exception {
        List<Callable<Long>> endings = new ArrayList<>();
        for (int i = 0; i < WORKERS; i++) {
            EmbeddingStore store = open();
            JobTicket job = store.beginJob(build("job"));
            if (job.role() == JobTicket.Role.FIRST) {
                store.mark(job, records(0, 100), MarkMode.PENDING);
                store.endScan(job, new ScanScope.Complete(null), 0.1);
            }
            store.claim(job, 10, LEASE);
            endings.add(() -> store.endJob(job, JobState.FAILED, Reason.ABORTED).untaken());
        }

        List<Long> untaken = atOnce(endings);

        assertThat(untaken).containsOnlyOnce(100L).filteredOn(left -> left == 0).hasSize(WORKERS - 1);
        JobInfo info = stores.get(0).job("job").orElseThrow();
        assertThat(info.state()).isEqualTo(JobState.FAILED);
        assertThat(info.notEmbedded()).containsEntry(Reason.ABORTED, 100L);
    }

    @Test
    void aWorkerThatWakesUpAfterItsLeaseIsRefusedWhatWasTakenOver() {
        EmbeddingStore sleeper = open();
        JobTicket asleep = sleeper.beginJob(build("job"));
        sleeper.mark(asleep, records(0, 10), MarkMode.PENDING);
        sleeper.endScan(asleep, new ScanScope.Complete(null), 0.1);
        List<Claim> lost = sleeper.claim(asleep, 10, LEASE);
        EmbeddingStore other = open();
        JobTicket job = other.beginJob(build("job"));
        assertThat(other.claim(job, 10, LEASE)).isEmpty();
        database.execute("update evervec.evervec_worker set lease_end = 0 where owner = '" + asleep.owner() + "'");
        assertThat(other.remaining(job)).isEqualTo(Remaining.LATER);
        List<Claim> taken = other.claim(job, 4, LEASE);
        Random embedsAll = new Random(1) {
            @Override
            public int nextInt(int bound) {
                return bound - 1;
            }
        };
        assertThat(other.commit(job, List.of(result(taken.get(0), embedsAll)), List.of()))
                .isEmpty();

        Set<RecordKey> refused = sleeper.commit(
                asleep, lost.stream().map(claim -> result(claim, embedsAll)).toList(), List.of(call()));

        assertThat(refused).hasSize(10);
        assertThat(other.stats(FINGERPRINT).get(0).embedded()).isEqualTo(1);
        JobInfo info = other.job("job").orElseThrow();
        assertThat(info.embedded()).isEqualTo(1);
        assertThat(info.notEmbedded()).isEmpty();
        assertThat(info.requests()).isEqualTo(1);
    }

    @Test
    void aStoreThatIsClosedLeavesItsJobInterruptedAtOnce() {
        EmbeddingStore closing = open();
        JobTicket job = closing.beginJob(build("job"));
        closing.mark(job, records(0, 10), MarkMode.PENDING);
        closing.claim(job, 10, LEASE);

        closing.close();

        EmbeddingStore next = open();
        assertThat(next.job("job").orElseThrow().state()).isEqualTo(JobState.INTERRUPTED);
        assertThat(next.beginJob(build("next")).role()).isEqualTo(JobTicket.Role.FIRST);
    }

    @Test
    void aRefusedBuildIsToldWhichJobRunsWhereAndWhyItCannotJoin() {
        open().beginJob(build("job"));
        JobScope one = new JobScope(JobScope.Task.BUILD, "books", null, null, null);

        assertThatThrownBy(() -> open().beginJob(new JobStart(
                        "other", FINGERPRINT, 3, Set.of(), JobStart.Kind.BUILD, one, null, WhileRunning.JOIN_EQUAL)))
                .isInstanceOf(JobRefusedException.class)
                .hasMessageContainingAll(
                        "the job job is running",
                        "process " + ProcessHandle.current().pid(),
                        "cannot be joined, because it is of all sources",
                        "wait for it to end, or cancel it")
                .hasMessageMatching(".*; if what works on it has died, that is known in \\d+ s");
    }

    @Test
    void ofTwoInstancesThatTriggerAtOnceOneWins() throws Exception {
        Gate gate = new Gate();
        List<SourceRecord> records = IntStream.range(0, 50)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
        List<EmbeddingJobs> instances = new ArrayList<>();
        List<Callable<String>> triggers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            EmbeddingJobs jobs = EmbeddingJobs.builder(BuildPipeline.builder()
                            .records(InMemorySource.of(records))
                            .embedder(ScriptedProvider.builder()
                                    .dimension(4)
                                    .gate(gate)
                                    .build())
                            .store(open())
                            .build())
                    .build();
            instances.add(jobs);
            triggers.add(() -> {
                try {
                    return jobs.trigger(JobRequest.ALL);
                } catch (TriggerRefusedException e) {
                    assertThat(e.refusal()).isEqualTo(TriggerRefusedException.Refusal.ALREADY_RUNNING);
                    return "refused";
                }
            });
        }
        try {
            List<String> answers = atOnce(triggers);

            assertThat(answers).containsOnlyOnce("refused");
            assertThat(stores.get(0).jobs(10)).extracting(JobInfo::jobId).hasSize(1);
        } finally {
            gate.open();
            instances.forEach(EmbeddingJobs::close);
        }
    }

    @Test
    void noTransactionIsOpenWhileAProviderIsAsked() throws Exception {
        Gate gate = new Gate();
        BuildRun run = BuildPipeline.builder()
                .records(InMemorySource.of(IntStream.range(0, 50)
                        .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                        .toList()))
                .embedder(ScriptedProvider.builder().dimension(4).gate(gate).build())
                .store(open())
                .build()
                .start(BuildRequest.all());
        try {
            gate.awaitWaiting(1, Duration.ofSeconds(30));

            // What it writes beside its calls is over in a moment.
            while (number(OTHERS + " and xact_start is not null") > 0) {
                Thread.onSpinWait();
            }
            assertThat(number(OTHERS)).as("connections of the store").isPositive();
        } finally {
            gate.open();
        }
        assertThat(run.result().succeeded()).isEqualTo(50);
    }
}
