package dev.evervec.benchmarks;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a claim costs on PostgreSQL, from the first record of a long list to its last, with several workers that claim and
 * commit, while nothing is vacuumed. It must not depend on how much has been claimed before. Shows the plans that the server
 * used at the start, in the middle and at the end.
 */
public final class ClaimCost {
    private static final int CLAIM = 256;
    private static final int PARTS = 10;
    private static final Duration LEASE = Duration.ofHours(1);
    private static final Fingerprint FINGERPRINT =
            new Fingerprint(ModelIdentity.embedding("bench", "bench", 4, "", "none"), "");
    private static final Embedding VECTOR = Embedding.of(1, 2, 3, 4);
    private static final Pattern PLAN = Pattern.compile(
            "plan:\\s+(Query Text: update evervec_ledger set version.*?)\\n(?=\\d{4}-|\\z)", Pattern.DOTALL);
    private static final String EXPLAINING = "&options=-c%20session_preload_libraries=auto_explain"
            + "%20-c%20auto_explain.log_min_duration=0%20-c%20auto_explain.log_analyze=on"
            + "%20-c%20auto_explain.log_buffers=on";

    private final BenchServer server;
    private final String database;
    private final int rows;
    private final long[] nanos = new long[PARTS]; // guarded by this
    private final long[] claimed = new long[PARTS]; // guarded by this
    private long before; // guarded by this

    private ClaimCost(BenchServer server, String database, int rows) {
        this.server = server;
        this.database = database;
        this.rows = rows;
    }

    /**
     * How much to measure.
     *
     * @param rows pending in the beginning
     * @param workers at a time, run by run
     */
    record Effort(int rows, List<Integer> workers) {}

    /** Argument: rows (1,000,000 if left out). */
    public static void main(String[] args) throws Exception {
        int rows = args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000;
        System.out.println(measured(new Effort(rows, List.of(1, 4, 16))));
    }

    static String measured(Effort effort) throws IOException, SQLException, InterruptedException, ExecutionException {
        try (BenchServer server = BenchServer.start()) {
            StringBuilder text = new StringBuilder(String.format(
                    Locale.ROOT,
                    "%,d records, claimed %d at a time; Java %d, %d processors%n%nmicroseconds a record, by tenths of the list:%n%n"
                            + "| workers | 1st | 2nd | 3rd | 4th | 5th | 6th | 7th | 8th | 9th | 10th | 10th / 1st |%n"
                            + "|---|---|---|---|---|---|---|---|---|---|---|---|%n",
                    effort.rows(),
                    CLAIM,
                    Runtime.version().feature(),
                    Runtime.getRuntime().availableProcessors()));
            for (int workers : effort.workers()) {
                String database = server.newDatabase();
                text.append(new ClaimCost(server, database, effort.rows()).run(workers));
                server.drop(database);
            }
            return text.append(plans(server)).toString();
        }
    }

    private String run(int workers) throws SQLException, InterruptedException, ExecutionException {
        ExecutorService threads = Executors.newFixedThreadPool(workers);
        try (EmbeddingStore first = open("")) {
            JobTicket job = first.beginJob(start());
            fill(job);
            explainOne();
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < workers; i++) {
                running.add(threads.submit(this::work));
            }
            for (Future<?> worker : running) {
                worker.get();
            }
        } finally {
            threads.shutdownNow();
        }
        return line(workers);
    }

    private EmbeddingStore open(String options) {
        return JdbcStore.open(new StoreSettings(server.url(database) + options, null, null, null));
    }

    private static JobStart start() {
        return new JobStart(
                "job",
                FINGERPRINT,
                3,
                Set.of(),
                JobStart.Kind.BUILD,
                JobScope.ALL,
                null,
                JobStart.WhileRunning.JOIN_NAMED);
    }

    private void fill(JobTicket job) throws SQLException {
        server.execute(database, "alter table evervec.evervec_ledger set (autovacuum_enabled = false)");
        server.execute(database, String.format(Locale.ROOT, """
            insert into evervec.evervec_ledger
              (generation, source, id, state, content_hash, locator, attempts, job, version, changed_at)
            select generation, 'default', 'id-' || n, 'pending', sha256(n::text::bytea), '', 0, %d, 0, 0
            from evervec.evervec_job, generate_series(1, %d) n where number = %d
            """, job.number(), rows, job.number()));
        server.execute(database, String.format(Locale.ROOT, """
            insert into evervec.evervec_count (generation, source, state, records, stale)
            select generation, 'default', 'pending', %d, 0 from evervec.evervec_job where number = %d
            """, rows, job.number()));
    }

    /** A worker, until the list is empty. */
    private void work() {
        try (EmbeddingStore store = open("")) {
            JobTicket job = store.beginJob(start());
            for (int got = claim(store, job); got > 0; got = claim(store, job)) {
                if (passed(got)) {
                    explainOne();
                }
            }
        }
    }

    private int claim(EmbeddingStore store, JobTicket job) {
        long begin = System.nanoTime();
        List<Claim> claims = store.claim(job, CLAIM, LEASE);
        note(System.nanoTime() - begin, claims.size());
        if (!claims.isEmpty()) {
            commit(store, job, claims);
        }
        return claims.size();
    }

    private static void commit(EmbeddingStore store, JobTicket job, List<Claim> claims) {
        List<RecordResult> results = new ArrayList<>(claims.size());
        for (Claim claim : claims) {
            Sha256 hash = Sha256.ofText(claim.key().id());
            results.add(new RecordResult.Embedded(claim, hash, hash, VECTOR, null, new RecordCost(1, BigDecimal.ZERO)));
        }
        store.commit(job, results, List.of());
    }

    private synchronized void note(long took, int got) {
        int part = (int) Math.min(PARTS - 1, before * PARTS / rows);
        nanos[part] += took;
        claimed[part] += got;
        before += got;
    }

    /** Whether the last claim passed the middle of the list or came near its end. */
    private synchronized boolean passed(int got) {
        long half = rows / 2L;
        long late = rows - rows / 20L;
        return (before >= half && before - got < half) || (before >= late && before - got < late);
    }

    /** One claim more, on a connection whose plans the server tells. */
    private void explainOne() {
        try (EmbeddingStore store = open(EXPLAINING)) {
            JobTicket job = store.beginJob(start());
            commit(store, job, store.claim(job, CLAIM, LEASE));
        }
    }

    private synchronized String line(int workers) {
        StringBuilder line = new StringBuilder("| " + workers + " |");
        for (int i = 0; i < PARTS; i++) {
            line.append(String.format(Locale.ROOT, " %.1f |", micros(i)));
        }
        return line.append(String.format(Locale.ROOT, " %.2f |%n", micros(PARTS - 1) / micros(0)))
                .toString();
    }

    private synchronized double micros(int part) {
        return nanos[part] / 1e3 / Math.max(1, claimed[part]);
    }

    private static String plans(BenchServer server) throws IOException {
        StringBuilder plans = new StringBuilder("\nclaims at the start, in the middle and at the end of each run:\n\n");
        Matcher plan = PLAN.matcher(Files.readString(server.log()));
        while (plan.find()) {
            plans.append(plan.group(1)).append("\n\n");
        }
        return plans.toString();
    }
}
