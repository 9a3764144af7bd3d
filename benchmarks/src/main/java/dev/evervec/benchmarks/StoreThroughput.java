package dev.evervec.benchmarks;

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
import java.io.IOException;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * The sixth goal: how many vectors a second a store commits, with ledger, bill and counts, against a bare upsert of the same vectors by
 * key in batches through the driver, in the same run. What closing takes counts, as what is left to be copied then was put off before.
 */
public final class StoreThroughput {
    private static final String GOAL = "6 store";
    private static final double LEAST = 0.8;
    private static final int DIMENSION = 1_536;
    private static final Duration LEASE = Duration.ofHours(1);
    private static final int PAGE = 500;
    private static final int WARM_UP = 1;
    private static final List<Integer> ALL_SIZES = List.of(100, 256, 2_048);

    private final Amount amount;
    private final List<Embedding> vectors;

    /**
     * How much to measure.
     *
     * @param rows in each run
     * @param pairs of runs, one bare and one of the store
     * @param batchSizes rows in a transaction
     */
    private record Amount(int rows, int pairs, List<Integer> batchSizes) {}

    /** A kind of store. */
    private record Kind(String name, FreshDatabase.Maker databases) {}

    /** Two runs after each other. */
    private record Pair(double bareRowsPerSecond, double storeRowsPerSecond) {
        double ratio() {
            return storeRowsPerSecond / bareRowsPerSecond;
        }
    }

    private StoreThroughput(Amount amount) {
        this.amount = amount;
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
        System.out.println(measure(new Amount(rows, pairs, ALL_SIZES)).details());
    }

    static Findings measure(Effort effort) throws IOException, SQLException {
        return measure(new Amount(
                effort.of(200, 4_000, 20_000),
                effort.of(1, 3, 5),
                effort.size() == Effort.Size.FULL ? ALL_SIZES : List.of(256)));
    }

    private static Findings measure(Amount amount) throws IOException, SQLException {
        StoreThroughput benchmark = new StoreThroughput(amount);
        List<Verdict> verdicts = new ArrayList<>();
        StringBuilder table = new StringBuilder(String.format(
                Locale.ROOT,
                "%,d rows of %,d dimensions in each run%n%n| store | rows a commit | bare rows/s | store rows/s"
                        + " | ratio | from | to |%n|---|---|---|---|---|---|---|%n",
                amount.rows(),
                DIMENSION));
        try (BenchServer server = BenchServer.start()) {
            List<Kind> kinds = List.of(
                    new Kind("SQLite", FreshDatabase::sqlite),
                    new Kind("PostgreSQL from a URL", () -> FreshDatabase.postgres(server, true)),
                    new Kind("PostgreSQL with a host's connections", () -> FreshDatabase.postgres(server, false)));
            for (Kind kind : kinds) {
                for (int batchSize : amount.batchSizes()) {
                    benchmark.compare(kind, batchSize, verdicts, table);
                }
            }
        }
        return new Findings(verdicts, table.toString());
    }

    private void compare(Kind kind, int batchSize, List<Verdict> verdicts, StringBuilder table)
            throws IOException, SQLException {
        for (int i = 0; i < WARM_UP; i++) {
            pair(kind, batchSize, i);
        }
        List<Pair> pairs = new ArrayList<>();
        for (int i = 0; i < amount.pairs(); i++) {
            pairs.add(pair(kind, batchSize, i));
        }
        double[] ratios = pairs.stream().mapToDouble(Pair::ratio).sorted().toArray();
        double median = Verdict.median(ratios);
        verdicts.add(Verdict.atLeast(
                GOAL,
                String.format(Locale.ROOT, "%s, %,d rows a commit: store / bare rows/s", kind.name(), batchSize),
                median,
                LEAST));
        table.append(String.format(
                Locale.ROOT,
                "| %s | %,d | %,.0f | %,.0f | %.2f | %.2f | %.2f |%n",
                kind.name(),
                batchSize,
                median(pairs, Pair::bareRowsPerSecond),
                median(pairs, Pair::storeRowsPerSecond),
                median,
                ratios[0],
                ratios[ratios.length - 1]));
    }

    private static double median(List<Pair> pairs, ToDoubleFunction<Pair> figure) {
        return Verdict.median(pairs.stream().mapToDouble(figure).toArray());
    }

    /** In a database of its own, now the one first and now the other. */
    private Pair pair(Kind kind, int batchSize, int number) throws IOException, SQLException {
        try (FreshDatabase database = kind.databases().make()) {
            if (number % 2 == 0) {
                double bare = bare(database, batchSize);
                return new Pair(bare, store(database, batchSize));
            }
            double store = store(database, batchSize);
            return new Pair(bare(database, batchSize), store);
        }
    }

    // ---- bare ----

    private double bare(FreshDatabase database, int batchSize) throws SQLException {
        long nanos = 0;
        Connection connection = database.bare();
        try (PreparedStatement upsert = connection.prepareStatement("insert into bare (id, vector) values (?, ?)"
                + " on conflict (id) do update set vector = excluded.vector")) {
            for (int from = 0; from < amount.rows(); from += batchSize) {
                int to = Math.min(amount.rows(), from + batchSize);
                long begin = System.nanoTime();
                upsert(database, upsert, from, to);
                nanos += System.nanoTime() - begin;
            }
        } finally {
            nanos += nanosToClose(connection::close);
        }
        return amount.rows() / (nanos / 1e9);
    }

    private void upsert(FreshDatabase database, PreparedStatement upsert, int from, int to) throws SQLException {
        for (int i = from; i < to; i++) {
            upsert.setString(1, "id-" + i);
            upsert.setObject(2, database.value(vector(i)));
            upsert.addBatch();
        }
        upsert.executeBatch();
        upsert.getConnection().commit();
    }

    /** Something that is closed. */
    @FunctionalInterface
    private interface Closing {
        void close() throws SQLException;
    }

    private static long nanosToClose(Closing closing) throws SQLException {
        long begin = System.nanoTime();
        closing.close();
        return System.nanoTime() - begin;
    }

    private Embedding vector(int number) {
        return vectors.get(number % vectors.size());
    }

    // ---- the store ----

    private double store(FreshDatabase database, int batchSize) throws SQLException {
        long nanos = 0;
        EmbeddingStore store = database.store();
        try {
            ModelIdentity model = ModelIdentity.embedding("bench", "bench", DIMENSION, "", "none");
            JobTicket job = store.beginJob(new JobStart("job", new Fingerprint(model, ""), 3));
            scan(store, job);
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
            if (next != amount.rows()) {
                throw new IllegalStateException(next + " records were committed");
            }
        } finally {
            nanos += nanosToClose(store::close);
        }
        return amount.rows() / (nanos / 1e9);
    }

    private void scan(EmbeddingStore store, JobTicket job) {
        for (int from = 0; from < amount.rows(); from += PAGE) {
            List<ScannedRecord> page = IntStream.range(from, Math.min(amount.rows(), from + PAGE))
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
