package dev.evervec.benchmarks;

import dev.evervec.examples.admin.AdminSecret;
import dev.evervec.examples.admin.AdminServer;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * How much longer a build takes while people watch it on the admin page: some pages ask every 3 seconds, others are told. Build and
 * server are in this process, as in a host; who watches is in a process of its own on the same machine.
 */
public final class AdminPageLoad {
    private static final double GOAL = 1.05;
    private static final Duration PROVIDER_LATENCY = Duration.ofMillis(100);
    private static final long LOOK_NANOS = Duration.ofMillis(100).toNanos();
    private static final int CHARS = 500;
    private static final String SENTENCE = " The quick brown fox jumps over the lazy dog, and nobody counts how often.";

    private AdminPageLoad() {}

    /**
     * How much to measure.
     *
     * @param records in each build
     * @param pairs of builds, one watched and one not
     * @param pollers pages that ask every 3 seconds
     * @param streams pages that are told
     */
    record Effort(int records, int pairs, int pollers, int streams) {}

    /** What a build took, and what of the processors this process used meanwhile. */
    private record Cost(double seconds, double cpuSeconds) {}

    /** Two builds after each other. */
    private record Pair(Cost alone, Cost watched) {
        double ratio() {
            return watched.seconds / alone.seconds;
        }
    }

    /** Arguments: records (60,000 if left out) and pairs (5). */
    public static void main(String[] args) throws IOException {
        int records = args.length > 0 ? Integer.parseInt(args[0]) : 60_000;
        int pairs = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        System.out.println(measured(new Effort(records, pairs, 50, 20)));
    }

    static String measured(Effort effort) throws IOException {
        List<SourceRecord> records = records(effort.records());
        pair(records, effort, true); // warms up
        List<Pair> pairs = new ArrayList<>();
        for (int i = 0; i < effort.pairs(); i++) {
            pairs.add(pair(records, effort, i % 2 == 0));
        }
        return table(effort, pairs);
    }

    private static Pair pair(List<SourceRecord> records, Effort effort, boolean aloneFirst) throws IOException {
        PageVisitors.Crowd crowd = new PageVisitors.Crowd(effort.pollers(), effort.streams());
        if (aloneFirst) {
            Cost alone = build(records, PageVisitors.NOBODY);
            return new Pair(alone, build(records, crowd));
        }
        Cost watched = build(records, crowd);
        return new Pair(build(records, PageVisitors.NOBODY), watched);
    }

    private static List<SourceRecord> records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of(
                        "id-" + i,
                        (i + SENTENCE).repeat(CHARS / SENTENCE.length() + 1).substring(0, CHARS)))
                .toList();
    }

    /** A first build of these records. */
    private static Cost build(List<SourceRecord> records, PageVisitors.Crowd crowd) throws IOException {
        Path folder = Files.createTempDirectory("evervec-admin-page");
        AdminSecret secret = AdminSecret.generate();
        try (EmbeddingStore store = JdbcStore.openSqlite(folder.resolve("embeddings.db"))) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(InMemorySource.of(records))
                    .embedder(new SteadyProvider(PROVIDER_LATENCY))
                    .store(store)
                    .logs(folder.resolve("logs"))
                    .build();
            try (EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline).build();
                    AdminServer server =
                            AdminServer.builder(jobs, pipeline, secret).start("127.0.0.1", 0)) {
                PageVisitors.Outside visitors = PageVisitors.start(server.url(), secret.reveal(), crowd);
                try (visitors) {
                    return cost(jobs, store);
                }
            }
        } finally {
            Site.delete(folder);
        }
    }

    private static Cost cost(EmbeddingJobs jobs, EmbeddingStore store) {
        double cpuBefore = cpuSeconds();
        String id = jobs.trigger(JobRequest.ALL);
        while (jobs.status(id).filter(JobStatus::isRunning).isPresent()) {
            LockSupport.parkNanos(LOOK_NANOS);
        }
        JobInfo job = store.job(id).orElseThrow();
        if (job.state() != JobState.COMPLETED) {
            throw new IllegalStateException("the build did not complete: " + job);
        }
        Duration took = Duration.between(job.startedAt(), Objects.requireNonNull(job.endedAt()));
        return new Cost(took.toMillis() / 1e3, cpuSeconds() - cpuBefore);
    }

    private static double cpuSeconds() {
        Duration used = ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
        return used.toMillis() / 1e3;
    }

    private static String table(Effort effort, List<Pair> pairs) {
        StringBuilder table = new StringBuilder(String.format(
                Locale.ROOT,
                "%,d records of %d characters, %d requests of %d texts at a time, %d ms each; %d pollers, %d event streams;"
                        + " Java %d, %d processors%n%n| pair | alone | watched | ratio | CPU time alone | watched |%n|---|---|---|---|---|---|%n",
                effort.records(),
                CHARS,
                SteadyProvider.REQUESTS_AT_A_TIME,
                SteadyProvider.TEXTS_PER_REQUEST,
                PROVIDER_LATENCY.toMillis(),
                effort.pollers(),
                effort.streams(),
                Runtime.version().feature(),
                Runtime.getRuntime().availableProcessors()));
        for (int i = 0; i < pairs.size(); i++) {
            Pair pair = pairs.get(i);
            table.append(String.format(
                    Locale.ROOT,
                    "| %d | %.2f s | %.2f s | %.3f | %.2f s | %.2f s |%n",
                    i + 1,
                    pair.alone.seconds,
                    pair.watched.seconds,
                    pair.ratio(),
                    pair.alone.cpuSeconds,
                    pair.watched.cpuSeconds));
        }
        double[] ratios = pairs.stream().mapToDouble(Pair::ratio).sorted().toArray();
        double median = (ratios[(ratios.length - 1) / 2] + ratios[ratios.length / 2]) / 2;
        return table.append(String.format(
                        Locale.ROOT,
                        "%nmedian of the ratios %.3f, from %.3f to %.3f; goal below %.2f: %s",
                        median,
                        ratios[0],
                        ratios[ratios.length - 1],
                        GOAL,
                        median < GOAL ? "met" : "MISSED"))
                .toString();
    }
}
