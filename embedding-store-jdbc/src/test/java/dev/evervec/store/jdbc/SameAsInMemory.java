package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import dev.evervec.testkit.ManualClock;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random histories of a build and a live job beside each other: the store answers as the plain one in memory does. */
abstract class SameAsInMemory {
    private static final Fingerprint FINGERPRINT =
            new Fingerprint(ModelIdentity.embedding("local", "model-a", 2, "", "l2"), "");
    private static final Duration LEASE = Duration.ofDays(10_000);
    private static final int STEPS = 400;

    private final ManualClock clock = new ManualClock();
    private final MemoryStore memory = inMemory(clock);
    private final List<RecordKey> keys = new ArrayList<>();
    private final Set<Sha256> texts = new HashSet<>();
    private final Map<JobStart.Kind, Job> running = new EnumMap<>(JobStart.Kind.class);
    private final List<Claim> lost = new ArrayList<>();
    private EmbeddingStore disk;
    private Random random;
    private int builds;

    /** The store to be compared with. */
    MemoryStore inMemory(Clock time) {
        return new MemoryStore(time);
    }

    /** One job on both stores. */
    private static final class Job {
        final JobTicket inMemory;
        final JobTicket onDisk;
        final List<Claim> claims = new ArrayList<>();
        boolean scanning = true;

        Job(JobTicket inMemory, JobTicket onDisk) {
            this.inMemory = inMemory;
            this.onDisk = onDisk;
        }
    }

    /** What is asked of both stores. */
    @FunctionalInterface
    private interface Call {
        Object on(EmbeddingStore store, JobTicket job);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void anyHistory(int run) throws Exception {
        long seed = System.nanoTime() + run;
        System.out.println("history beside each other, seed " + seed);
        random = new Random(seed);
        for (int i = 0; i < 6; i++) {
            keys.add(new RecordKey("a", "id-" + i));
            keys.add(new RecordKey("b", "id-" + i));
            texts.add(Sha256.ofText(text(i)));
        }
        disk = open();
        try {
            for (int step = 0; step < STEPS; step++) {
                String what = "seed " + seed + ", step " + step + ": " + step();
                clock.advance(Duration.ofMillis(1 + random.nextInt(1000)));
                compare(what);
            }
        } finally {
            disk.close();
        }
        place().tables().requireSound();
    }

    /** Where the store is. */
    abstract Place place();

    private EmbeddingStore open() {
        return JdbcStore.open(place().dialect(), clock);
    }

    private static String text(int i) {
        return "text " + i;
    }

    private RecordKey someKey() {
        return keys.get(random.nextInt(keys.size()));
    }

    private String step() {
        Job job = running.get(random.nextBoolean() ? JobStart.Kind.BUILD : JobStart.Kind.LIVE);
        int dice = random.nextInt(100);
        if (job == null) {
            return begin(running.containsKey(JobStart.Kind.BUILD) ? JobStart.Kind.LIVE : JobStart.Kind.BUILD);
        }
        if (dice < 30) {
            return mark(job);
        }
        if (dice < 50) {
            return claim(job);
        }
        if (dice < 80) {
            return commit(job);
        }
        if (dice < 84) {
            return forget(job);
        }
        if (dice < 87) {
            return markFailed(job);
        }
        if (dice < 91) {
            return endScan(job);
        }
        if (dice < 93) {
            return holdUp(job);
        }
        if (dice < 94) {
            return "ask to stop "
                    + both(
                            job,
                            (store, ticket) ->
                                    store.requestCancel(ticket.start().jobId()));
        }
        return dice < 95 ? kill() : end(job);
    }

    private String begin(JobStart.Kind kind) {
        boolean live = kind == JobStart.Kind.LIVE;
        String id = live ? JobStart.LIVE_ID : "build-" + ++builds;
        JobStart start = new JobStart(
                id, FINGERPRINT, 2, Set.of(Reason.INPUT_TOO_LONG), kind, live ? JobScope.LIVE : scope(), resumes(kind));
        JobTicket inMemory = memory.beginJob(start);
        JobTicket onDisk = disk.beginJob(start);
        assertThat(onDisk.number()).isEqualTo(inMemory.number());
        assertThat(onDisk.resumed()).isEqualTo(inMemory.resumed());
        running.put(kind, new Job(inMemory, onDisk));
        return "begin " + id;
    }

    /** The build that died last, half of the times. */
    private String resumes(JobStart.Kind kind) {
        return kind == JobStart.Kind.BUILD && random.nextBoolean()
                ? memory.jobs(1).stream()
                        .filter(last -> last.state() == JobState.INTERRUPTED)
                        .map(JobInfo::jobId)
                        .findFirst()
                        .orElse(null)
                : null;
    }

    private JobScope scope() {
        return new JobScope(
                JobScope.Task.values()[random.nextInt(JobScope.Task.LIVE.ordinal())],
                random.nextBoolean() ? null : "a",
                random.nextBoolean() ? null : "id-",
                random.nextBoolean() ? null : 1 + random.nextInt(9),
                random.nextBoolean() ? null : BigDecimal.valueOf(random.nextInt(), random.nextInt(13)));
    }

    private Object both(Job job, Call call) {
        Object inMemory = call.on(memory, job.inMemory);
        assertThat(call.on(disk, job.onDisk)).isEqualTo(inMemory);
        return inMemory;
    }

    private String mark(Job job) {
        if (!job.scanning) {
            return "no scan any more";
        }
        MarkMode mode = random.nextInt(10) == 0 ? MarkMode.REBUILD : MarkMode.PENDING;
        List<ScannedRecord> page = new ArrayList<>();
        for (int i = random.nextInt(6); i >= 0; i--) {
            String text = random.nextInt(8) == 0 ? " " : text(random.nextInt(6));
            page.add(new ScannedRecord(
                    someKey(),
                    Sha256.ofContent(null, text),
                    text.isBlank() ? ScannedRecord.Content.BLANK : ScannedRecord.Content.PRESENT,
                    Locator.of(text.getBytes(StandardCharsets.UTF_8))));
        }
        both(job, (store, ticket) -> store.wouldTake(ticket.start(), page, mode));
        return "mark " + page + " " + both(job, (store, ticket) -> store.mark(ticket, page, mode));
    }

    private String claim(Job job) {
        int limit = 1 + random.nextInt(4);
        List<Claim> claims = memory.claim(job.inMemory, limit, LEASE);
        assertThat(disk.claim(job.onDisk, limit, LEASE)).isEqualTo(claims);
        job.claims.addAll(claims);
        return "claim " + claims;
    }

    private String commit(Job job) {
        List<RecordResult> results = new ArrayList<>();
        if (!lost.isEmpty() && random.nextInt(4) == 0) {
            results.add(result(lost.remove(random.nextInt(lost.size()))));
        }
        while (!job.claims.isEmpty() && results.size() < 3) {
            results.add(result(job.claims.remove(random.nextInt(job.claims.size()))));
        }
        List<ProviderCall> calls = List.of(call());
        return "commit " + results + " " + both(job, (store, ticket) -> store.commit(ticket, results, calls));
    }

    private RecordResult result(Claim claim) {
        String text = random.nextBoolean()
                ? new String(claim.locator().bytes(), StandardCharsets.UTF_8)
                : text(random.nextInt(6));
        RecordCost cost = new RecordCost(
                random.nextInt(9), random.nextInt(9) == 0 ? null : BigDecimal.valueOf(1 + random.nextInt(9), 6));
        Sha256 content = Sha256.ofContent(null, text);
        if (random.nextInt(3) > 0) {
            Embedding vector = Embedding.of(1, 1 + (text.hashCode() & 7));
            return new RecordResult.Embedded(
                    claim, content, Sha256.ofText(text), vector, null, cost, random.nextInt(3));
        }
        Reason reason = Reason.values()[random.nextInt(Reason.values().length)];
        Instant due = reason.ledger() == Reason.Ledger.ATTEMPTED && random.nextBoolean()
                ? clock.instant().plusSeconds(random.nextInt(100))
                : null;
        return new RecordResult.NotEmbedded(
                claim, random.nextInt(4) == 0 ? null : content, reason, "because", due, cost);
    }

    private ProviderCall call() {
        long tokens = random.nextInt(100);
        BigDecimal usd = random.nextInt(20) == 0 ? null : BigDecimal.valueOf(1 + random.nextInt(9), 12);
        return new ProviderCall(
                clock.instant().plus(Duration.ofHours(random.nextInt(100) - 50)),
                Duration.ofMillis(5),
                "local",
                "model-" + random.nextInt(2),
                Capability.EMBEDDING,
                1,
                TokenUsage.reported(tokens, 0),
                usd,
                null,
                random.nextBoolean() ? List.of() : List.of(new ProviderCall.Share("a", 1, tokens, 0, usd)));
    }

    private String forget(Job job) {
        Set<RecordKey> gone = Set.of(someKey());
        return "forget " + gone + " " + both(job, (store, ticket) -> store.forget(ticket, gone));
    }

    private String markFailed(Job job) {
        FailedSelection selection = new FailedSelection(
                random.nextBoolean() ? null : "a",
                1 + random.nextInt(3),
                random.nextBoolean() ? null : clock.instant());
        return "mark failed " + both(job, (store, ticket) -> store.markFailed(ticket, selection, 1000));
    }

    private String endScan(Job job) {
        boolean complete = job.inMemory.start().kind() == JobStart.Kind.BUILD && random.nextBoolean();
        ScanScope scope = complete ? new ScanScope.Complete(null) : new ScanScope.Partial();
        double share = random.nextDouble();
        if (!job.scanning) {
            return "the scan has ended";
        }
        job.scanning = false;
        return "end scan " + both(job, (store, ticket) -> store.endScan(ticket, scope, share));
    }

    private String holdUp(Job job) {
        String cause = random.nextBoolean() ? null : "nothing gets through";
        return "hold up "
                + both(job, (store, ticket) -> {
                    store.noteHeldUp(ticket, cause);
                    return "noted";
                });
    }

    private String end(Job job) {
        JobStart.Kind kind = job.inMemory.start().kind();
        lost.addAll(job.claims);
        running.remove(kind);
        return "end " + kind + both(job, (store, ticket) -> store.endJob(ticket, JobState.FAILED, Reason.ABORTED));
    }

    /** On disk the next job of a kind releases what the dead one had claimed, so one of each begins. */
    private String kill() {
        memory.killRunningJob();
        disk.close();
        disk = open();
        running.values().forEach(job -> lost.addAll(job.claims));
        running.clear();
        compare("killed");
        begin(JobStart.Kind.LIVE);
        begin(JobStart.Kind.BUILD);
        return "kill";
    }

    private void compare(String what) {
        List<Function<EmbeddingStore, Object>> questions = List.of(
                store -> store.stats(FINGERPRINT).stream()
                        .filter(stats -> stats.embedded() + stats.pending() + stats.skipped() + stats.failed() > 0)
                        .toList(),
                store -> store.health(FINGERPRINT).stream()
                        .filter(health -> health.embedded() + health.pending() + health.skipped() + health.failed() > 0)
                        .toList(),
                store -> store.vectors(FINGERPRINT, texts),
                store -> store.jobs(1000),
                store -> store.job(JobStart.LIVE_ID),
                store -> store.costs(new CostQuery(null, null, ZoneOffset.UTC)),
                SameAsInMemory::allVectors);
        for (Job job : running.values()) {
            assertThat(disk.cancelRequested(job.onDisk)).as(what).isEqualTo(memory.cancelRequested(job.inMemory));
        }
        for (Function<EmbeddingStore, Object> question : questions) {
            assertThat(question.apply(disk)).as(what).isEqualTo(question.apply(memory));
        }
        for (RecordKey key : keys) {
            assertThat(disk.explain(FINGERPRINT, key))
                    .as(what + "; " + key)
                    .isEqualTo(memory.explain(FINGERPRINT, key));
        }
    }

    private static Set<StoredVector> allVectors(EmbeddingStore store) {
        Set<StoredVector> all = new HashSet<>();
        store.forEachVector(FINGERPRINT, null, all::add);
        return all;
    }
}
