package dev.evervec.store.jdbc;

import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.BudgetAsk;
import dev.evervec.pipeline.store.BudgetGrant;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.GenerationInfo;
import dev.evervec.pipeline.store.JobEnd;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.NearestQuery;
import dev.evervec.pipeline.store.Neighbour;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.Remaining;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.SourceHealth;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.SharedQuota;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A store in a SQL database: SQLite or PostgreSQL.
 *
 * <p>An SQLite file gets tables whose names begin with {@code evervec_}, so it may be the host's own, is switched to WAL mode,
 * and gets a file {@code <file>.evervec.lock} beside it, which is locked while a job runs: a job that its row calls running
 * while nobody holds the lock is answered as interrupted. Statements wait up to 5 seconds
 * for other programs that write to the file. A commit survives the death of the process; after a power cut the last commits
 * may be missing (never a part of one), and their records are pending again.
 *
 * <p>Any number of processes may open an SQLite file, but in one process only one copy of the driver at a time: of two that class
 * loaders have each loaded for themselves, the second is refused, because they would drop each other's locks. That goes for
 * connections of a host's own to the file, too, which nobody here sees.
 *
 * <p>In PostgreSQL any number of processes work on one build, each under a lease of its own that the database's clock judges. A
 * build none of whose workers has a lease any more is answered as interrupted; {@link #close()} gives leases up.
 *
 * <p>Thread-safe: one connection writes, behind a fair lock; readers have connections of their own and see the last
 * committed state. Consumers of {@link #forEachVector} and {@link #forEachOutcome} may call the store. After
 * {@link #close()} every method throws {@link IllegalStateException}. A job's records that were left untaken are kept as a
 * number and a reason, so {@link #forEachOutcome} has no rows for them: they are pending.
 */
public final class JdbcStore implements EmbeddingStore {
    private static final Logger LOG = LoggerFactory.getLogger(JdbcStore.class);
    private static final String SQLITE = "jdbc:sqlite:";
    private static final int MAX_IDLE_READERS = 4;

    /** What a worker has until it claims for the first time. */
    private static final Duration FIRST_LEASE = Duration.ofSeconds(60);

    /** Written in some 5 ms with vectors of 768 components, after which a writer that found the file taken looks for the third time. */
    private static final int ROWS_PER_SHARED_WRITE = 128;

    private static final Bulk KEEP_REWRITE = Bulk.insert(
            "fingerprint text, text_hash bytea, rewritten text, job bigint, now bigint",
            "evervec_rewrite (fingerprint, text_hash, rewritten, job, kept_at)",
            "r.fingerprint, r.text_hash, r.rewritten, r.job, r.now",
            "on conflict (fingerprint, text_hash) do update set rewritten = excluded.rewritten, job = excluded.job,"
                    + " kept_at = excluded.kept_at");

    private final Dialect dialect;
    /** Null if the database says what time it is. */
    private final @Nullable Clock clock;

    /** Guards the writer, the running job and {@link #closed}; taken before the lock of the readers, never after it. */
    private final ReentrantLock writing = new ReentrantLock(true);

    /** Null if the store was opened for reading. */
    private final @Nullable Writer writer;

    /** Null if there is none, or the store was opened for reading. */
    private final @Nullable PostgresQuota quota;

    private final Opening readers;
    private final Deque<Session> idleReaders = new ArrayDeque<>();

    /** By their workers' names. */
    private final Map<String, Running> running = new HashMap<>();

    private final LiveLead lead = new LiveLead();

    private long writes;
    private volatile boolean closed;

    /** A job that was begun. */
    private record Begun(JobTicket ticket, Marking marking) {}

    /** What a worker found that had nothing to claim. */
    private record Looked(Remaining remaining, Marking marking) {}

    /**
     * A job that this store works on.
     *
     * @param passed the number of the last record that it claimed, 0 if it has claimed none
     */
    private record Running(JobTicket ticket, Marking marking, JobLock lock, long passed) {
        Running(Begun begun, JobLock lock) {
            this(begun.ticket, begun.marking, lock, 0);
        }

        Running with(Marking other) {
            return new Running(ticket, other, lock, passed);
        }

        Running past(long number) {
            return new Running(ticket, marking, lock, number);
        }
    }

    /** A claim, and its record's number. */
    private record Claimed(long number, Claim claim) {}

    /** A read that hands out nothing. */
    @FunctionalInterface
    private interface Reading {
        void run(Session session) throws SQLException;
    }

    /** Opens a connection that reads. */
    @FunctionalInterface
    private interface Opening {
        Session open() throws SQLException;
    }

    private JdbcStore(Dialect dialect, @Nullable Clock clock, @Nullable Writer writer, Opening readers) {
        this.dialect = dialect;
        this.clock = clock;
        this.writer = writer;
        this.quota = writer == null ? null : dialect.openQuota();
        this.readers = readers;
    }

    /**
     * Opens the store that the settings name: {@code jdbc:sqlite:} and a path, or {@code jdbc:postgresql:} and server and
     * database. User, password and schema mean nothing to SQLite, and URL parameters and databases in memory are refused there.
     * For PostgreSQL see {@link Builder}.
     *
     * @throws StoreException if the URL is not supported, or the database cannot be opened or is not ours
     */
    public static JdbcStore open(StoreSettings settings) {
        return builder(settings).open();
    }

    /**
     * Opens the store in an SQLite file, which is made if it is not there; its folder must exist.
     *
     * @throws StoreException if the database cannot be opened or is not ours, or the driver is missing
     */
    public static JdbcStore openSqlite(Path file) {
        return open(SqliteDialect.in(file), null);
    }

    /**
     * Opens the store that the settings name for reading only. It makes neither a file nor a schema nor tables: where they are
     * not there it answers as an empty store. What changes anything throws {@link IllegalStateException}. A running build is
     * not disturbed.
     *
     * @throws StoreException if the URL is not supported, or the database cannot be read or is not ours
     */
    public static JdbcStore openForReading(StoreSettings settings) {
        return builder(settings).openForReading();
    }

    /** A store where the settings say. */
    public static Builder builder(StoreSettings settings) {
        String schema = settings.schema();
        return isPostgres(settings.url())
                ? new Builder(PostgresServer.of(settings), null, schema)
                : new Builder(null, sqliteFile(settings.url()), null);
    }

    /**
     * A store in PostgreSQL, over a host's connections. One of them is kept until the store is closed, because it writes; those
     * that read are given back after each use, as they were. Pools that change the server's connection between transactions
     * (transaction pooling) are not supported.
     */
    public static Builder builder(DataSource connections) {
        return new Builder(PostgresServer.of(connections), null, null);
    }

    /**
     * The statements that make the tables in SQLite, for people; the store applies them itself.
     *
     * @see Builder#ddl()
     */
    public static String ddl() {
        return Schema.ddl("sqlite");
    }

    /**
     * Says which store is to be opened.
     *
     * <p>In PostgreSQL (13 or newer, in a database with encoding UTF8) the tables are in a schema, {@value #DEFAULT_SCHEMA} if
     * none is named, which is made if it is not there and the database's user may; otherwise the database's owner makes it and
     * the tables with {@link #ddl()}. Vectors get a table for each generation, of the type {@code vector} if the extension
     * pgvector is there, else of {@code real[]}; the extension is never made. So the user needs the right to create tables in
     * the schema also later.
     *
     * <p>Connections of our own, opened from a URL, wait 10 seconds to be opened and 60 for an answer, keep their TCP connection
     * alive, rewrite batched inserts and put no values into the driver's messages, unless the URL's parameters {@code
     * connectTimeout}, {@code socketTimeout}, {@code tcpKeepAlive}, {@code reWriteBatchedInserts} and {@code
     * logServerErrorDetail} say otherwise. A host's connections are taken as they are; what they would better set is logged once.
     *
     * <p>Not thread-safe.
     */
    public static final class Builder {
        /** The schema of the tables if none is named. */
        public static final String DEFAULT_SCHEMA = PostgresDialect.DEFAULT_SCHEMA;

        private final @Nullable PostgresServer server;
        private final @Nullable Path file;
        private @Nullable String schema;
        private final List<HostColumn> hostColumns = new ArrayList<>();

        private Builder(@Nullable PostgresServer server, @Nullable Path file, @Nullable String schema) {
            this.server = server;
            this.file = file;
            this.schema = schema;
        }

        /**
         * The schema of the tables in PostgreSQL: small letters, digits and underscores. Means nothing to SQLite.
         *
         * @throws StoreException if it is no such name
         */
        public Builder schema(String name) {
            PostgresDialect.requireName(name);
            schema = name;
            return this;
        }

        /** Writes the vectors into a column of the host, too; may be called for several. */
        public Builder alsoWrite(HostColumn column) {
            hostColumns.add(Objects.requireNonNull(column, "column"));
            return this;
        }

        /**
         * Opens it, and makes what is missing of it.
         *
         * @throws StoreException if the database cannot be opened or is not ours, or the statement of a {@link HostColumn} cannot
         *     be executed
         */
        public JdbcStore open() {
            Dialect dialect = file == null ? postgres() : SqliteDialect.in(file);
            return JdbcStore.open(dialect, null, new Schema(dialect), hostColumns);
        }

        /**
         * Opens it for reading only, see {@link JdbcStore#openForReading}.
         *
         * @throws StoreException if the database cannot be read or is not ours
         */
        public JdbcStore openForReading() {
            return JdbcStore.openForReading(file == null ? postgres() : SqliteDialect.forReading(file));
        }

        /**
         * The statements that make the schema and its tables, for people; the store applies them itself if it may. Connects to
         * nothing. Tables of vectors are not among them: their names and dimensions are known when a model is configured.
         */
        public String ddl() {
            return file == null ? postgres().ddl() : Schema.ddl("sqlite");
        }

        private PostgresDialect postgres() {
            return new PostgresDialect(Objects.requireNonNull(server), schema);
        }
    }

    static JdbcStore open(Dialect dialect, @Nullable Clock clock) {
        return open(dialect, clock, new Schema(dialect));
    }

    static JdbcStore open(Dialect dialect, @Nullable Clock clock, Schema schema) {
        return open(dialect, clock, schema, List.of());
    }

    static JdbcStore open(Dialect dialect, @Nullable Clock clock, Schema schema, List<HostColumn> hostColumns) {
        try {
            Writer writer = Writer.open(dialect, schema, List.copyOf(hostColumns));
            return new JdbcStore(dialect, clock, writer, dialect::openReader);
        } catch (SQLException e) {
            throw dialect.failure("open the database", e);
        }
    }

    static JdbcStore openForReading(Dialect dialect) {
        Schema schema = new Schema(dialect);
        JdbcStore store = new JdbcStore(dialect, null, null, () -> dialect.openReader(schema));
        store.read("open the database", Queries::generations);
        return store;
    }

    private static boolean isPostgres(String url) {
        return url.toLowerCase(Locale.ROOT).startsWith(PostgresServer.PREFIX);
    }

    private static Path sqliteFile(String url) {
        if (!url.toLowerCase(Locale.ROOT).startsWith(SQLITE)) {
            throw unsupported("the store's URL is not supported: use " + SQLITE + "FILE, such as " + SQLITE
                    + "embeddings.db, or " + PostgresServer.PREFIX + "//HOST/DATABASE");
        }
        String file = url.substring(SQLITE.length());
        if (file.isBlank() || file.startsWith(":") || file.startsWith("file:") || file.indexOf('?') >= 0) {
            throw unsupported("the store's URL must be " + SQLITE
                    + " and the path of a file, without parameters; a database in memory cannot be used");
        }
        try {
            return Path.of(file);
        } catch (InvalidPathException e) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT, "cannot open the store: its URL has no valid path of a file", e);
        }
    }

    private static StoreException unsupported(String message) {
        return new StoreException(StoreException.Kind.PERMANENT, "cannot open the store: " + message, null);
    }

    // ---- a job ----

    @Override
    public JobTicket beginJob(JobStart start) {
        return exclusively(() -> {
            JobLock lock = lockForJob(start.kind());
            boolean begun = false;
            try {
                Begun job = write(
                        "begin the job " + start.jobId(),
                        start.kind(),
                        List.of("beginJob", start),
                        session -> begin(session, start),
                        (session, answer) -> Workers.isWorking(session, answer.ticket));
                running.put(job.ticket.owner(), new Running(job, lock));
                begun = true;
                return job.ticket;
            } finally {
                if (!begun) {
                    lock.release();
                }
            }
        });
    }

    private Begun begin(Session session, JobStart start) throws SQLException {
        writer().setShared(dialect.isShared(session));
        dialect.lockBeginning(session);
        interruptDead(session, start.kind());
        long now = now(session);
        long number = Jobs.generation(session, start.fingerprint(), now, location());
        Generation generation = Generation.prepare(session, dialect, start.fingerprint());
        Optional<RunningJob> current = RunningJob.find(session, start.kind());
        JobTicket ticket = current.isPresent()
                ? current.get().join(session, start, newOwner(), number, now, location())
                : Jobs.begin(session, start, newOwner(), role(start), number, now, location());
        Workers.enter(session, ticket, process(), now, now + FIRST_LEASE.toMillis());
        return new Begun(ticket, marking(session, ticket, generation));
    }

    /** Where jobs are not shared, they have no living workers: this process has the lock. */
    private void interruptDead(Session session, JobStart.Kind kind) throws SQLException {
        long now = now(session);
        Jobs.interruptDead(session, kind, dialect.sharesJobs() ? now : Long.MAX_VALUE, now);
    }

    /** Who has a lease that ends later is alive; where jobs are not shared, a lock tells that, and not the lease. */
    private long leasesOver(Session session) throws SQLException {
        return dialect.sharesJobs() ? now(session) : Long.MIN_VALUE;
    }

    private JobTicket.Role role(JobStart start) {
        return dialect.sharesJobs() && start.kind() == JobStart.Kind.BUILD
                ? JobTicket.Role.FIRST
                : JobTicket.Role.ALONE;
    }

    private Marking marking(Session session, JobTicket ticket, Generation generation) throws SQLException {
        if (ticket.start().kind() == JobStart.Kind.LIVE) {
            return new LiveMarking(ticket, generation);
        }
        return ticket.role() == JobTicket.Role.JOINED
                ? Marking.NONE
                : Scan.begin(session, ticket, generation, location());
    }

    private static String newOwner() {
        return ProcessHandle.current().pid() + "-"
                + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    }

    private static String process() {
        String process = "process " + ProcessHandle.current().pid();
        try {
            return process + " on " + InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return process;
        }
    }

    private JobLock lockForJob(JobStart.Kind kind) {
        return dialect.tryLock(kind).orElseThrow(() -> {
            String where = dialect.lockedHere(kind) ? "in this process" : "in another process";
            String job = read("look up the running job", session -> Jobs.runningId(session, kind))
                    .map(id -> "the job " + id)
                    .orElse("another job");
            return new JobRefusedException(
                    JobRefusedException.Kind.RUNNING,
                    job + " is running " + where + " on the store " + location()
                            + ": wait for it to end, or cancel it");
        });
    }

    @Override
    public MarkedPage mark(JobTicket job, List<ScannedRecord> page, MarkMode mode) {
        return exclusively(() -> {
            Marking marking = running(job).marking;
            MarkedPage marked = write("compare scanned records", job, List.of("mark", page, mode), session -> {
                Jobs.requireRunning(session, job, location());
                return scans(session, job, marking).mark(session, page, mode, now(session));
            });
            marking.pageCommitted();
            return marked;
        });
    }

    @Override
    public ScanSummary endScan(JobTicket job, ScanScope scope, double maxVanishedShare) {
        if (!(maxVanishedShare >= 0 && maxVanishedShare <= 1)) {
            throw new IllegalArgumentException("maxVanishedShare must be from 0 to 1: " + maxVanishedShare);
        }
        return exclusively(() -> {
            Marking marking = running(job).marking;
            return write("end the scan", job, List.of("endScan", scope, maxVanishedShare), session -> {
                Jobs.requireRunning(session, job, location());
                Marking scanning = scans(session, job, marking);
                if (scanning != Marking.NONE) {
                    Jobs.scanEnded(session, job, now(session));
                }
                return session.patiently(ending -> scanning.end(ending, scope, maxVanishedShare, now(ending)));
            });
        });
    }

    /** One who was taken for dead may have lost its scan to another, and scans in vain from then on. */
    private static Marking scans(Session session, JobTicket job, Marking marking) throws SQLException {
        return Jobs.isScanner(session, job) ? marking : Marking.NONE;
    }

    @Override
    public int markFailed(JobTicket job, FailedSelection selection, int limit) {
        requirePositive(limit);
        return exclusively(() -> {
            running(job);
            return write("put failed records on a list", job, List.of("markFailed", selection, limit), session -> {
                Jobs.requireRunning(session, job, location());
                return retries(session, job).mark(selection, limit);
            });
        });
    }

    private Retries retries(Session session, JobTicket job) throws SQLException {
        return new Retries(session, job, Jobs.generationOf(session, job), now(session));
    }

    @Override
    public Set<RecordKey> forget(JobTicket job, Set<RecordKey> gone) {
        return exclusively(() -> {
            running(job);
            return write("forget records", job, List.of("forget", gone), session -> {
                Jobs.requireRunning(session, job, location());
                return LiveMarking.forget(session, Generation.of(session, job), gone, now(session));
            });
        });
    }

    @Override
    public List<Claim> claim(JobTicket job, int limit, Duration lease) {
        requirePositive(limit);
        return exclusively(() -> {
            Running claiming = running(job);
            List<Claimed> claimed = write("claim records", job, List.of("claim", limit, lease), session -> {
                Jobs.requireRunning(session, job, location());
                Workers.renew(session, job, leaseEnd(session, lease));
                return claim(session, claiming, limit);
            });
            if (!claimed.isEmpty()) {
                running.put(job.owner(), claiming.past(claimed.get(claimed.size() - 1).number));
            }
            return claimed.stream().map(Claimed::claim).toList();
        });
    }

    private static void requirePositive(int limit) {
        if (limit < 1) {
            throw new IllegalArgumentException("limit must be positive: " + limit);
        }
    }

    /**
     * Goes on after the last claim, and takes the rest from the beginning when too little is left there: behind a worker the index
     * may be full of entries of rows that were claimed, which a database cannot drop while somebody reads an old state.
     */
    private List<Claimed> claim(Session session, Running claiming, int limit) throws SQLException {
        List<Claimed> claimed = claim(session, claiming.ticket, claiming.passed, limit);
        if (claiming.passed > 0 && claimed.size() < limit) {
            claimed.addAll(claim(session, claiming.ticket, 0, limit - claimed.size()));
        }
        return claimed;
    }

    private List<Claimed> claim(Session session, JobTicket job, long after, int limit) throws SQLException {
        // The order in which an update returns its rows is not defined.
        List<Claimed> claimed = new ArrayList<>(session.list(
                dialect.claim(),
                row -> new Claimed(
                        row.getLong(1),
                        new Claim(
                                Codes.key(row, 2),
                                Codes.locator(row, 4),
                                row.getLong(5),
                                row.getInt(6),
                                row.getLong(7))),
                job.owner(),
                job.number(),
                after,
                limit));
        claimed.sort(Comparator.comparingLong(Claimed::number));
        return claimed;
    }

    @Override
    public Remaining remaining(JobTicket job) {
        if (job.role() == JobTicket.Role.ALONE) {
            return Remaining.NOTHING;
        }
        return exclusively(() -> {
            Running asking = running(job);
            Looked looked = write("look what is left", job, List.of("remaining"), session -> {
                Jobs.requireRunning(session, job, location());
                Remaining remaining = Jobs.remaining(session, job, now(session));
                return new Looked(remaining, remaining == Remaining.SCAN ? scanAgain(session, job) : asking.marking);
            });
            running.put(job.owner(), asking.with(looked.marking));
            return looked.remaining;
        });
    }

    private Marking scanAgain(Session session, JobTicket job) throws SQLException {
        return Scan.again(session, job, Generation.of(session, job), location());
    }

    @Override
    public void renewLeases(JobTicket job, Duration lease) {
        writeAnyTimes("renew leases", session -> {
            Workers.renew(session, job, leaseEnd(session, lease));
            return job;
        });
    }

    private long leaseEnd(Session session, Duration lease) throws SQLException {
        return now(session) + lease.toMillis();
    }

    @Override
    public Set<RecordKey> commit(JobTicket job, List<RecordResult> results, List<ProviderCall> calls) {
        requireDimension(results, job.start().fingerprint().embedding().dimension());
        return write("commit results", job, List.of("commit", results, calls), session -> {
            Generation generation = Generation.of(session, job);
            return new Results(session, job, generation, now(session)).store(results, calls);
        });
    }

    private static void requireDimension(List<RecordResult> results, int dimension) {
        for (RecordResult result : results) {
            if (result instanceof RecordResult.Embedded embedded
                    && embedded.embedding().dimension() != dimension) {
                throw new IllegalArgumentException(
                        "a vector for " + embedded.claim().key() + " has dimension "
                                + embedded.embedding().dimension() + " in a generation of dimension " + dimension);
            }
        }
    }

    @Override
    public void keepRewrites(
            JobTicket job, String rewriteFingerprint, Map<Sha256, String> rewrites, List<ProviderCall> calls) {
        write("keep rewrites", job, List.of("keepRewrites", rewriteFingerprint, rewrites, calls), session -> {
            Rows rows = session.rows(KEEP_REWRITE);
            for (Map.Entry<Sha256, String> rewrite : rewrites.entrySet()) {
                rows.add(rewriteFingerprint, rewrite.getKey().bytes(), rewrite.getValue(), job.number(), now(session));
            }
            rows.run();
            Bill.add(session, job.number(), calls);
            Workers.add(session, job, Sums.of(0, calls));
            return rewrites.size();
        });
    }

    @Override
    public void keepOutcomes(JobTicket job, List<RecordOutcome> outcomes) {
        exclusively(() -> {
            Marking marking = running(job).marking;
            return write("keep outcomes", job, List.of("keepOutcomes", outcomes), session -> {
                Jobs.requireRunning(session, job, location());
                List<RecordOutcome> kept =
                        marking.isRepeated() ? Results.notNoted(session, job.number(), outcomes) : outcomes;
                Results.note(session, Jobs.generationOf(session, job), job.number(), kept, now(session));
                return job;
            });
        });
    }

    @Override
    public boolean cancelRequested(JobTicket job) {
        return read("look whether to stop", session -> Jobs.cancelRequested(session, job.number()));
    }

    @Override
    public void noteHeldUp(JobTicket job, @Nullable String cause) {
        write("note what holds a job up", job, Arrays.asList("noteHeldUp", cause), session -> {
            Workers.holdUp(session, job, cause);
            return job;
        });
    }

    @Override
    public BudgetGrant grantBudget(JobTicket job, BudgetAsk ask) {
        return exclusively(() -> {
            running(job);
            return write("grant a part of the budget", job, List.of("grantBudget", ask), session -> {
                Jobs.requireRunning(session, job, location());
                return Budgets.grant(session, job, ask, now(session));
            });
        });
    }

    @Override
    public JobEnd endJob(JobTicket job, JobState state, Reason untaken) {
        if (state == JobState.RUNNING) {
            throw new IllegalArgumentException("state: a job does not end running");
        }
        return exclusively(() -> {
            Running ending = running(job);
            try {
                JobEnd end =
                        write("end the job " + job.start().jobId(), job, List.of("endJob", state, untaken), session -> {
                            Jobs.requireRunning(session, job, location());
                            return Jobs.end(session, job, state, untaken, now(session));
                        });
                running.remove(job.owner());
                return end;
            } finally {
                // Also if its end was not stored: its worker has stopped, and nobody knows whether it will try again.
                // If it does,
                // the job's row tells it whether another job was first.
                ending.lock.release();
            }
        });
    }

    private Running running(JobTicket job) {
        Running current = running.get(job.owner());
        if (current == null) {
            throw new IllegalStateException(
                    "the job " + job.start().jobId() + " is not running on the store " + location());
        }
        return current;
    }

    // ---- beside a job ----

    /** {@inheritDoc} A file that has tables of others, or the outbox that a host writes to, is locked for 128 records at most. */
    @Override
    public int rowsPerWrite() {
        return read("look for others' tables", dialect::isShared) ? ROWS_PER_SHARED_WRITE : Integer.MAX_VALUE;
    }

    @Override
    public @Nullable SharedQuota sharedQuota() {
        return quota;
    }

    @Override
    public Map<Sha256, KeptRewrite> rewrites(String rewriteFingerprint, Set<Sha256> preparedTexts) {
        return read("look up rewrites", session -> Queries.rewrites(session, rewriteFingerprint, preparedTexts));
    }

    @Override
    public Map<Sha256, KeptVector> vectors(Fingerprint fingerprint, Set<Sha256> textHashes) {
        return ofGeneration(
                "look up vectors",
                fingerprint,
                Map.of(),
                (session, generation) -> Texts.find(session, generation, textHashes));
    }

    @Override
    public Map<RecordKey, Long> wouldTake(JobStart start, List<ScannedRecord> page, MarkMode mode) {
        return read("compare scanned records", session -> {
            Generation generation =
                    Generation.find(session, start.fingerprint().generation()).orElse(Generation.NONE);
            Judge judge = new Judge(start, mode, Jobs.keepsFrom(session, start));
            return LiveMarking.wouldTake(session, generation, page, judge, now(session));
        });
    }

    @Override
    public void keepCalls(List<ProviderCall> calls) {
        if (calls.isEmpty()) {
            return;
        }
        exclusively(() -> write(
                "keep provider calls",
                "keepCalls",
                calls,
                session -> Bill.add(session, null, calls),
                (session, last) -> Bill.isLast(session, last, calls)));
    }

    @Override
    public CostReport costs(CostQuery query) {
        return read("add up the bill", session -> Bill.costs(session, query));
    }

    @Override
    public @Nullable Duration latestLatency(ModelIdentity model) {
        return read("look up calls", session -> Optional.ofNullable(Bill.latestLatency(session, model)))
                .orElse(null);
    }

    @Override
    public boolean anyFailed(Fingerprint fingerprint, FailedSelection selection) {
        return ofGeneration(
                "look for failed records",
                fingerprint,
                false,
                (session, generation) -> Retries.any(session, generation.number(), selection));
    }

    @Override
    public List<SourceHealth> health(Fingerprint fingerprint) {
        return ofGeneration("read counts", fingerprint, List.of(), Queries::health);
    }

    @Override
    public boolean requestCancel(String jobId) {
        return exclusively(() -> dialect.isAlive(JobStart.Kind.BUILD)
                && writeAnyTimes(
                        "ask a job to stop", session -> Jobs.requestCancel(session, jobId, leasesOver(session))));
    }

    @Override
    public List<JobInfo> jobs(int limit) {
        requirePositive(limit);
        return infos("list jobs", session -> StoredJob.builds(session, limit, leasesOver(session)));
    }

    @Override
    public Optional<JobInfo> job(String jobId) {
        return infos("look up a job", session -> StoredJob.ofId(session, jobId, leasesOver(session))).stream()
                .findFirst();
    }

    private List<JobInfo> infos(String action, Session.Work<List<StoredJob>> query) {
        List<StoredJob> jobs = read(action, query);
        Set<StoredJob.Run> dead = jobs.stream()
                .filter(job -> job.isRunning() && !dialect.isAlive(job.run().kind()))
                .map(StoredJob::run)
                .collect(Collectors.toSet());
        // One that came to its end before the look is not dead: its row says so by now.
        return (dead.isEmpty() ? jobs : read(action, query))
                .stream()
                        .map(job -> job.isRunning() && dead.contains(job.run()) ? job.interrupted() : job.info())
                        .toList();
    }

    @Override
    public List<StoredVector> sample(Fingerprint fingerprint, int count, long seed) {
        return ofGeneration(
                "read a sample of vectors",
                fingerprint,
                List.of(),
                (session, generation) -> new Sample(session, generation, new Random(seed)).take(count));
    }

    @Override
    public List<SourceStats> stats(Fingerprint fingerprint) {
        return ofGeneration("read counts", fingerprint, List.of(), Queries::stats);
    }

    @Override
    public Optional<RecordTrace> explain(Fingerprint fingerprint, RecordKey key) {
        return ofGeneration(
                "explain a record",
                fingerprint,
                Optional.empty(),
                (session, generation) -> Queries.explain(session, generation, fingerprint.generation(), key));
    }

    @Override
    public void forEachVector(Fingerprint fingerprint, @Nullable String source, Consumer<StoredVector> consumer) {
        readEach("read vectors", session -> {
            Optional<Generation> generation = Generation.find(session, fingerprint.generation());
            if (generation.isPresent()) {
                Queries.forEachVector(session, generation.get(), source, consumer);
            }
        });
    }

    /**
     * {@inheritDoc} In PostgreSQL with pgvector the database compares, by the index of {@link #createVectorIndex} if it is there,
     * and counts with 32-bit floats: similarities are right to about six digits.
     */
    @Override
    public List<Neighbour> nearest(Fingerprint fingerprint, NearestQuery query) {
        query.requireComparableTo(fingerprint);
        return read("find the nearest vectors", session -> VectorSearch.nearest(session, fingerprint, query))
                .orElseGet(() -> EmbeddingStore.super.nearest(fingerprint, query));
    }

    @Override
    public void forEachOutcome(String jobId, Reason reason, Consumer<RecordOutcome> consumer) {
        readEach("read outcomes", session -> Queries.forEachOutcome(session, jobId, reason, consumer));
    }

    @Override
    public List<GenerationInfo> generations() {
        return read("list generations", Queries::generations);
    }

    /** Where the vectors of a generation are, or empty if there is no such generation. */
    public Optional<VectorStorage> vectorStorage(Fingerprint fingerprint) {
        return read("look where vectors are", session -> VectorStorage.of(session, fingerprint.generation()));
    }

    /**
     * Makes the index of a generation's vectors that {@link #nearest} asks in PostgreSQL with pgvector, if it is not there; what
     * an attempt left behind that was broken off is replaced. It is an HNSW index for the cosine: on the vectors up to 2,000
     * dimensions, on their halves in precision ({@code vector::halfvec(n)}) up to 4,000. Others may read and write meanwhile.
     * Best done after the first build of a large table, because an index slows down every write. May take hours; what waits for
     * it is the calling thread, over a connection of its own.
     *
     * @throws StoreException if there is no such generation, its vectors are of a type or dimension that cannot be indexed,
     *     somebody else is making it, or the database user may not
     */
    public VectorIndex createVectorIndex(Fingerprint fingerprint) {
        requireOpen();
        return told("make the index of the vectors", () -> {
            try (Session session = dialect.openWriter()) {
                return VectorIndexing.create(session, fingerprint);
            }
        });
    }

    /** The version of the store's tables; 0 if there are none, which is so only if it was opened for reading. */
    public int schemaVersion() {
        return read("look up the version of the tables", session ->
                (int) session.number("select coalesce(max(version), 0) from evervec_schema"));
    }

    @Override
    public Optional<Long> prune(String generation) {
        return exclusively(() -> {
            List<JobLock> locks = new ArrayList<>();
            try {
                for (JobStart.Kind kind : JobStart.Kind.values()) {
                    locks.add(lockForJob(kind));
                }
                return write(
                        "prune the generation " + generation,
                        "prune",
                        generation,
                        session -> session.patiently(pruning -> prune(pruning, generation)),
                        (session, vectors) -> vectors.isPresent()
                                && Jobs.findGeneration(session, generation).isEmpty());
            } finally {
                locks.forEach(JobLock::release);
            }
        });
    }

    private Optional<Long> prune(Session session, String name) throws SQLException {
        dialect.lockBeginning(session);
        for (JobStart.Kind kind : JobStart.Kind.values()) {
            interruptDead(session, kind);
            Optional<RunningJob> current = RunningJob.find(session, kind);
            if (current.isPresent()) {
                throw current.get().refusal(session, "", now(session), location());
            }
        }
        Optional<Generation> found = Generation.find(session, name);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        Generation generation = found.get();
        for (String table : List.of("evervec_ledger", "evervec_count", "evervec_source_scan")) {
            session.update("delete from " + table + " where generation = ?", generation.number());
        }
        Texts.prune(session, generation);
        session.update("delete from evervec_generation where number = ?", generation.number());
        return Optional.of(dialect.dropVectors(session, generation));
    }

    @Override
    public boolean leadLive(String embedder, Duration lease) {
        if (dialect.locksLeader()) {
            return exclusively(() -> lead.lock(dialect, embedder));
        }
        return writeAnyTimes(
                "say which live embedder works",
                session -> LiveLead.lease(session, embedder, now(session), leaseEnd(session, lease)));
    }

    @Override
    public void leaveLive(String embedder) {
        if (dialect.locksLeader()) {
            exclusively(() -> {
                lead.unlock(embedder);
                return embedder;
            });
        } else {
            writeAnyTimes("say that a live embedder has ended", session -> {
                LiveLead.endLease(session, embedder);
                return embedder;
            });
        }
    }

    @Override
    public String location() {
        return dialect.location();
    }

    @Override
    public void close() {
        writing.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            synchronized (idleReaders) {
                idleReaders.forEach(Session::closeQuietly);
                idleReaders.clear();
            }
            if (writer != null) {
                giveUpLeases(writer);
                writer.close();
            }
            // A job that was not ended is found as interrupted by the next one.
            running.values().forEach(job -> job.lock.release());
            running.clear();
            lead.unlock();
        } finally {
            writing.unlock();
        }
        if (quota != null) {
            quota.close();
        }
    }

    /** So that others need not wait for them to run out. */
    private void giveUpLeases(Writer current) {
        if (dialect.sharesJobs() && !running.isEmpty()) {
            try {
                current.inTransaction(session -> {
                    for (Running job : running.values()) {
                        Workers.renew(session, job.ticket, 0);
                    }
                    return running.size();
                });
            } catch (SQLException e) {
                LOG.debug("leases in {} are left to run out: SQLState {}", location(), e.getSQLState());
            }
        }
    }

    // ---- transactions ----

    /** What needs the writer for itself, over more than one transaction or together with the running job. */
    @FunctionalInterface
    private interface Exclusive<T> {
        T run();
    }

    /** What may fail in the database. */
    @FunctionalInterface
    private interface Writing<T> {
        T run() throws SQLException;
    }

    private <T> T exclusively(Exclusive<T> work) {
        writing.lock();
        try {
            requireOpen();
            writer();
            return work.run();
        } finally {
            writing.unlock();
        }
    }

    /** What a job writes once, also when the end of its commit was not seen; its trace is its number in its worker's row. */
    private <T> T write(String action, JobTicket job, Object call, Session.Work<T> work) {
        return exclusively(() -> {
            long number = ++writes;
            return write(
                    action,
                    job.owner(),
                    call,
                    session -> {
                        Workers.number(session, job, number);
                        return work.run(session);
                    },
                    (session, answer) -> Workers.hasWritten(session, job, number));
        });
    }

    /** The time of the transaction. */
    private long now(Session session) throws SQLException {
        return clock == null ? session.now() : clock.millis();
    }

    private <T> T write(String action, Object by, Object call, Session.Work<T> work, Writer.Trace<T> trace) {
        return told(action, () -> writer().once(new Writer.Write<>(by, call, work, trace)));
    }

    private <T> T writeAnyTimes(String action, Session.Work<T> work) {
        return exclusively(() -> told(action, () -> writer().inTransaction(work)));
    }

    private Writer writer() {
        if (writer == null) {
            throw new IllegalStateException("the store " + location() + " was opened for reading");
        }
        return writer;
    }

    private <T> T told(String action, Writing<T> writing) {
        try {
            return writing.run();
        } catch (SQLException e) {
            throw dialect.failure(action, e);
        }
    }

    private <T> T read(String action, Session.Work<T> work) {
        requireOpen();
        return told(action, () -> {
            try {
                return read(takeReader(), work);
            } catch (SQLException e) {
                // A connection may be lost while nobody uses it.
                LOG.debug("cannot {} over this connection: SQLState {}", action, e.getSQLState());
                return read(readers.open(), work);
            }
        });
    }

    /** What is read of one generation. */
    @FunctionalInterface
    private interface OfGeneration<T> {
        T read(Session session, Generation generation) throws SQLException;
    }

    private <T> T ofGeneration(String action, Fingerprint fingerprint, T none, OfGeneration<T> reading) {
        return read(action, session -> {
            Optional<Generation> generation = Generation.find(session, fingerprint.generation());
            return generation.isEmpty() ? none : reading.read(session, generation.get());
        });
    }

    /** Not tried again, because the reading hands out what it has read. */
    private void readEach(String action, Reading reading) {
        requireOpen();
        told(
                action,
                () -> read(takeReader(), session -> {
                    reading.run(session);
                    return action;
                }));
    }

    private <T> T read(Session session, Session.Work<T> work) throws SQLException {
        boolean sound = false;
        try {
            T result = session.inTransaction(work);
            sound = true;
            return result;
        } finally {
            giveBack(session, sound);
        }
    }

    private Session takeReader() throws SQLException {
        synchronized (idleReaders) {
            Session idle = idleReaders.poll();
            if (idle != null) {
                return idle;
            }
        }
        return readers.open();
    }

    private void giveBack(Session session, boolean sound) {
        synchronized (idleReaders) {
            if (sound && !closed && isKept(session) && idleReaders.size() < MAX_IDLE_READERS) {
                idleReaders.push(session);
                return;
            }
        }
        session.closeQuietly();
    }

    /** Where there are no tables, the next reader looks again whether there are. */
    private boolean isKept(Session session) {
        return dialect.keepsReaders() && !(session instanceof NoTables);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the store " + location() + " is closed");
        }
    }
}
