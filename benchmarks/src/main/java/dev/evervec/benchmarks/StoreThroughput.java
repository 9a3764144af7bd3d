package dev.evervec.benchmarks;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * How many vectors a second the store commits to PostgreSQL, with ledger, bill and counts, against a bare upsert of the same vectors
 * by key in batches through the driver, in the same run.
 */
public final class StoreThroughput {
    private static final double GOAL = 0.8;
    private static final int DIMENSION = 1_536;
    private static final Duration LEASE = Duration.ofHours(1);
    private static final int PAGE = 500;
    private static final int WARM_UP = 2;

    private final BenchServer server;
    private final Effort effort;
    private final List<Embedding> vectors;

    /**
     * How much to measure.
     *
     * @param rows in each run
     * @param pairs of runs, one bare and one of the store
     * @param batchSizes rows in a transaction
     */
    record Effort(int rows, int pairs, List<Integer> batchSizes) {}

    /** Whose connections the store has. */
    private enum Connections {
        /** Its own, opened from a URL. */
        URL,
        /** A host's, from a data source without any option. */
        DATA_SOURCE
    }

    /** Two runs after each other. */
    private record Pair(double bareRowsPerSecond, double storeRowsPerSecond) {
        double ratio() {
            return storeRowsPerSecond / bareRowsPerSecond;
        }
    }

    private StoreThroughput(BenchServer server, Effort effort) {
        this.server = server;
        this.effort = effort;
        SplittableRandom random = new SplittableRandom(1);
        this.vectors = IntStream.range(0, 500)
                .mapToObj(i -> {
                    float[] components = new float[DIMENSION];
                    for (int k = 0; k < DIMENSION; k++) {
                        components[k] = (float) random.nextDouble(-1, 1);
                    }
                    return Embedding.of(components);
                })
                .toList();
    }

    /** Arguments: rows (10,000 if left out) and pairs (5). */
    public static void main(String[] args) throws IOException, SQLException {
        int rows = args.length > 0 ? Integer.parseInt(args[0]) : 10_000;
        int pairs = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        System.out.println(measured(new Effort(rows, pairs, List.of(100, 256, 2_048))));
    }

    static String measured(Effort effort) throws IOException, SQLException {
        try (BenchServer server = BenchServer.start()) {
            StoreThroughput benchmark = new StoreThroughput(server, effort);
            StringBuilder table = new StringBuilder(String.format(
                    Locale.ROOT,
                    "%,d rows of %,d dimensions in each run; Java %d, %d processors%n%n| rows a commit | connections | bare rows/s"
                            + " | store rows/s | ratio | from | to | |%n|---|---|---|---|---|---|---|---|%n",
                    effort.rows(),
                    DIMENSION,
                    Runtime.version().feature(),
                    Runtime.getRuntime().availableProcessors()));
            for (int batchSize : effort.batchSizes()) {
                for (Connections connections : Connections.values()) {
                    table.append(benchmark.line(batchSize, connections));
                }
            }
            return table.append(String.format(Locale.ROOT, "%ngoal: a median of the ratios of at least %.1f", GOAL))
                    .toString();
        }
    }

    private String line(int batchSize, Connections connections) throws SQLException {
        for (int i = 0; i < WARM_UP; i++) {
            pair(batchSize, connections, i);
        }
        List<Pair> pairs = new ArrayList<>();
        for (int i = 0; i < effort.pairs(); i++) {
            pairs.add(pair(batchSize, connections, i));
        }
        double[] ratios = pairs.stream().mapToDouble(Pair::ratio).sorted().toArray();
        double median = median(ratios);
        return String.format(
                Locale.ROOT,
                "| %,d | %s | %,.0f | %,.0f | %.2f | %.2f | %.2f | %s |%n",
                batchSize,
                connections == Connections.URL ? "from a URL" : "a host's",
                median(pairs.stream()
                        .mapToDouble(Pair::bareRowsPerSecond)
                        .sorted()
                        .toArray()),
                median(pairs.stream()
                        .mapToDouble(Pair::storeRowsPerSecond)
                        .sorted()
                        .toArray()),
                median,
                ratios[0],
                ratios[ratios.length - 1],
                median >= GOAL ? "met" : "MISSED");
    }

    private static double median(double[] sorted) {
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    /** In a database of its own, now the one first and now the other. */
    private Pair pair(int batchSize, Connections connections, int number) throws SQLException {
        String database = server.newDatabase();
        try {
            if (number % 2 == 0) {
                double bare = bare(database, batchSize);
                return new Pair(bare, store(database, batchSize, connections));
            }
            double store = store(database, batchSize, connections);
            return new Pair(bare(database, batchSize), store);
        } finally {
            server.drop(database);
        }
    }

    // ---- bare ----

    private double bare(String database, int batchSize) throws SQLException {
        try (Connection connection = DriverManager.getConnection(server.url(database) + "&reWriteBatchedInserts=true");
                Statement statement = connection.createStatement()) {
            statement.execute("create table bare (id text primary key, vector real[] not null)");
            // Random numbers do not get smaller, and the store does not try either.
            statement.execute("alter table bare alter column vector set storage external");
            connection.setAutoCommit(false);
            try (PreparedStatement upsert = connection.prepareStatement("insert into bare (id, vector) values (?, ?)"
                    + " on conflict (id) do update set vector = excluded.vector")) {
                long nanos = 0;
                for (int from = 0; from < effort.rows(); from += batchSize) {
                    int to = Math.min(effort.rows(), from + batchSize);
                    long begin = System.nanoTime();
                    upsert(upsert, from, to);
                    nanos += System.nanoTime() - begin;
                }
                return effort.rows() / (nanos / 1e9);
            }
        }
    }

    private void upsert(PreparedStatement upsert, int from, int to) throws SQLException {
        for (int i = from; i < to; i++) {
            upsert.setString(1, "id-" + i);
            upsert.setObject(2, vector(i).toArray());
            upsert.addBatch();
        }
        upsert.executeBatch();
        upsert.getConnection().commit();
    }

    private Embedding vector(int number) {
        return vectors.get(number % vectors.size());
    }

    // ---- the store ----

    private double store(String database, int batchSize, Connections connections) throws SQLException {
        try (EmbeddingStore store = open(database, connections)) {
            ModelIdentity model = ModelIdentity.embedding("bench", "bench", DIMENSION, "", "none");
            JobTicket job = store.beginJob(new JobStart("job", new Fingerprint(model, ""), 3));
            scan(store, job);
            long nanos = 0;
            int next = 0;
            for (List<Claim> claims = claim(store, job, batchSize);
                    !claims.isEmpty();
                    claims = claim(store, job, batchSize)) {
                List<RecordResult> results = results(claims, next);
                List<ProviderCall> calls = List.of(call(claims.size()));
                long begin = System.nanoTime();
                store.commit(job, results, calls);
                nanos += System.nanoTime() - begin;
                next += claims.size();
            }
            if (next != effort.rows()) {
                throw new IllegalStateException(next + " records were committed");
            }
            return effort.rows() / (nanos / 1e9);
        }
    }

    private EmbeddingStore open(String database, Connections connections) {
        return connections == Connections.URL
                ? JdbcStore.open(new StoreSettings(server.url(database), null, null, null))
                : JdbcStore.builder(server.dataSource(database)).open();
    }

    private void scan(EmbeddingStore store, JobTicket job) {
        for (int from = 0; from < effort.rows(); from += PAGE) {
            List<ScannedRecord> page = IntStream.range(from, Math.min(effort.rows(), from + PAGE))
                    .mapToObj(i -> new ScannedRecord(
                            new RecordKey(RecordKey.DEFAULT_SOURCE, "id-" + i),
                            Sha256.ofText("text " + i),
                            ScannedRecord.Content.PRESENT,
                            Locator.NONE))
                    .toList();
            store.mark(job, page, MarkMode.PENDING);
        }
        store.endScan(job, new ScanScope.Complete(null), 1);
    }

    private static List<Claim> claim(EmbeddingStore store, JobTicket job, int batchSize) {
        return store.claim(job, batchSize, LEASE);
    }

    private List<RecordResult> results(List<Claim> claims, int first) {
        List<RecordResult> results = new ArrayList<>(claims.size());
        for (Claim claim : claims) {
            Sha256 hash = Sha256.ofText("text " + claim.key().id().substring("id-".length()));
            results.add(new RecordResult.Embedded(
                    claim, hash, hash, vector(first + results.size()), null, new RecordCost(100, BigDecimal.ZERO)));
        }
        return results;
    }

    private static ProviderCall call(int texts) {
        return new ProviderCall(
                Instant.now(),
                Duration.ofMillis(100),
                "bench",
                "bench",
                Capability.EMBEDDING,
                texts,
                TokenUsage.reported(100L * texts, 0),
                BigDecimal.ZERO,
                null,
                List.of(new ProviderCall.Share(RecordKey.DEFAULT_SOURCE, texts, 100L * texts, 0, BigDecimal.ZERO)));
    }
}
