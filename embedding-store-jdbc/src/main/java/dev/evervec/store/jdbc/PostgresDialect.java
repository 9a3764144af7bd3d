package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.StoreException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * PostgreSQL: tables in a schema of their own, and one table of vectors for each generation.
 *
 * <p>What a transaction needs of its connection (the path to the tables, plans that fit tables which grow from nothing) is
 * set once on connections of our own; on those of a host it is set by each transaction for itself, so that they are given
 * back as they were.
 */
final class PostgresDialect implements Dialect {
    /** Where the tables are if nobody says otherwise. */
    static final String DEFAULT_SCHEMA = "evervec";

    private static final Logger LOG = LoggerFactory.getLogger(PostgresDialect.class);
    private static final Pattern SCHEMA = Pattern.compile("[a-z_][a-z0-9_]{0,62}");
    /** For one statement about a whole ledger; a connection that was cut off meanwhile is noticed no sooner. */
    private static final int MILLIS_OF_PATIENCE =
            Math.toIntExact(Duration.ofMinutes(10).toMillis());

    private static final String READING = "set transaction isolation level repeatable read, read only";
    /** Whoever waited for a row goes on with what it has become. */
    private static final String WRITING = "set transaction isolation level read committed";

    private static final String NOW = "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";
    private static final int LARGEST_PGVECTOR = 16_000;
    private static final int PAGE_HEADER = 32;
    private static final int BESIDE_VECTOR = 250; // bytes of a row, with a short id
    private static final int SECONDS_TO_ANSWER = 5;

    private final PostgresServer server;
    private final String schema;

    PostgresDialect(PostgresServer server, @Nullable String schema) {
        this.server = server;
        this.schema = schema == null ? DEFAULT_SCHEMA : schema;
        requireName(this.schema);
    }

    /** Refuses names of schemas that would have to be quoted. */
    static void requireName(String schema) {
        if (!SCHEMA.matcher(schema).matches() || schema.startsWith("pg_") || schema.equals("information_schema")) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "cannot open the store: the schema's name must be small letters, digits and underscores, must not"
                            + " begin with a digit or pg_, is not information_schema and has at most 63 characters",
                    null);
        }
    }

    @Override
    public String name() {
        return "postgresql";
    }

    @Override
    public String location() {
        return server.place() + ", schema " + schema;
    }

    @Override
    public boolean keepsReaders() {
        return !server.isLent();
    }

    @Override
    public String container() {
        return "schema";
    }

    @Override
    public <T> T look(Session session, Session.Work<T> work) throws SQLException {
        return session.inTransaction(work);
    }

    @Override
    public Session openWriter() throws SQLException {
        return open(Session.Use.WRITING);
    }

    @Override
    public Session openReader() throws SQLException {
        return open(Session.Use.READING);
    }

    @Override
    public Session openReader(Schema schema) throws SQLException {
        Session session = openReader();
        boolean ours = false;
        try {
            ours = schema.isThere(session);
        } finally {
            if (!ours) {
                session.close();
            }
        }
        return ours ? session : new NoTables(this);
    }

    private Session open(Session.Use use) throws SQLException {
        Connection connection = server.connect();
        boolean autoCommit = connection.getAutoCommit();
        Session session = new Session(connection, this, use, closed -> {
            if (server.isLent()) {
                closed.closeStatements();
                connection.rollback();
                connection.setAutoCommit(autoCommit);
            }
        });
        boolean ready = false;
        try {
            connection.setAutoCommit(false);
            prepare(session);
            ready = true;
            return session;
        } finally {
            if (!ready) {
                session.closeQuietly();
            }
        }
    }

    private void prepare(Session session) throws SQLException {
        requireUtf8(session);
        if (!server.isLent()) {
            session.execute("set default_transaction_isolation to 'read committed'; " + settings("set", session.use()));
        }
        session.connection().commit();
    }

    private void requireUtf8(Session session) throws SQLException {
        String encoding =
                session.first("show server_encoding", row -> row.getString(1)).orElse("");
        if (!encoding.equals("UTF8")) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "cannot open the store in " + location() + ": the database's encoding is " + encoding
                            + "; create one with encoding UTF8",
                    null);
        }
    }

    private String settings(String set, Session.Use use) {
        return set + " search_path to " + SqlNames.quoted(schema) + "; " + set + " jit to off; " + set
                + " client_min_messages to warning; "
                + (use == Session.Use.WRITING ? forWriting(set) : forReading(set));
    }

    /**
     * What is written is found by its key: by an index, row by row. Such plans need not be made anew for every statement, and with
     * every other kind ruled out none is kept that was made for a small table which has grown since.
     */
    private static String forWriting(String set) {
        return set + " plan_cache_mode to force_generic_plan; " + otherJoins(set, "off")
                // A worker that is cut off or stands still must not keep its locks for longer than its lease.
                + "; " + set + " idle_in_transaction_session_timeout to '15s'";
    }

    private static String forReading(String set) {
        return set + " plan_cache_mode to force_custom_plan; " + set + " idle_in_transaction_session_timeout to '60s'";
    }

    private static String otherJoins(String set, String onOrOff) {
        return Stream.of("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
                .map(kind -> set + " " + kind + " to " + onOrOff)
                .collect(Collectors.joining("; "));
    }

    @Override
    public void begin(Session session) throws SQLException {
        if (session.use() == Session.Use.READING) {
            session.execute(server.isLent() ? READING + "; " + settings("set local", session.use()) : READING);
        } else if (server.isLent()) {
            session.execute(WRITING + "; " + settings("set local", session.use()));
        }
    }

    @Override
    public void commit(Session session) throws SQLException {
        session.connection().commit();
    }

    @Override
    public void rollBack(Session session) throws SQLException {
        session.connection().rollback();
    }

    @Override
    public boolean isUsable(Session session) {
        try {
            return session.connection().isValid(SECONDS_TO_ANSWER);
        } catch (SQLException e) {
            return false;
        }
    }

    @Override
    public boolean locksRows() {
        return true;
    }

    /** Tables that have just been filled are taken for small ones until somebody has looked at them, and joined row by row. */
    @Override
    public void fitPlans(Session session) throws SQLException {
        session.execute(
                "analyze (skip_locked) evervec_ledger, evervec_seen; set local plan_cache_mode to force_custom_plan; "
                        + otherJoins("set local", "on"));
    }

    @Override
    public <T> T patiently(Session session, Session.Work<T> work) throws SQLException {
        Connection connection = session.connection();
        int usual = connection.getNetworkTimeout(); // 0: none
        if (usual == 0 || usual >= MILLIS_OF_PATIENCE) {
            return work.run(session);
        }
        connection.setNetworkTimeout(Runnable::run, MILLIS_OF_PATIENCE);
        try {
            return work.run(session);
        } finally {
            if (!connection.isClosed()) {
                connection.setNetworkTimeout(Runnable::run, usual);
            }
        }
    }

    @Override
    public Rows rows(Session session, Bulk bulk) {
        return new ArrayRows(session, bulk);
    }

    @Override
    public List<Long> newNumbers(Session session, String table, int count) throws SQLException {
        return session.list(
                "select nextval(pg_get_serial_sequence('" + table + "', 'number')) from generate_series(1, ?)",
                row -> row.getLong(1),
                count);
    }

    @Override
    public long now(Session session) throws SQLException {
        return session.number(NOW);
    }

    @Override
    public List<String> scratchTables() {
        return List.of();
    }

    @Override
    public boolean hasTable(Session session, String table) throws SQLException {
        return session.number(
                        "select count(*) from pg_catalog.pg_tables where schemaname = ? and tablename = ?",
                        schema,
                        table)
                > 0;
    }

    /** The statements that make the schema and its tables. */
    String ddl() {
        String quoted = schema.equals(DEFAULT_SCHEMA) ? schema : SqlNames.quoted(schema);
        // "if not exists" asks for the right to make one even if it is there.
        return "do $$ begin if to_regnamespace('" + quoted + "') is null then create schema " + quoted
                + "; end if; end $$;\nset search_path to " + quoted + ";\n\n" + Schema.ddl(name());
    }

    @Override
    public void beginDdl(Session session) throws SQLException {
        session.first("select pg_advisory_xact_lock(hashtext('evervec'), hashtext(?))", row -> 0, schema);
        if (session.number("select count(*) from pg_catalog.pg_namespace where nspname = ?", schema) == 0) {
            session.execute("create schema " + SqlNames.quoted(schema));
            LOG.info("made the schema {} in {}", schema, server.place());
        }
    }

    @Override
    public boolean isShared(Session session) {
        return false;
    }

    @Override
    public VectorType makeVectors(Session session, String generation, int dimension) throws SQLException {
        Optional<PgVector> extension = PgVector.of(session);
        VectorType type =
                extension.isPresent() && dimension <= LARGEST_PGVECTOR ? VectorType.PGVECTOR : VectorType.REAL_ARRAY;
        String column = type == VectorType.PGVECTOR
                ? extension.orElseThrow().schema() + ".vector(" + dimension + ")"
                : type.code();
        if (type == VectorType.REAL_ARRAY) {
            LOG.info(
                    "vectors of the generation {} are kept as real[] in {}: {}",
                    generation,
                    location(),
                    extension.isPresent()
                            ? "the extension vector takes " + LARGEST_PGVECTOR + " components at most"
                            : "the extension vector is not there; a generation that begins after \"create extension"
                                    + " vector\" uses it");
        }
        int pageSize = Math.toIntExact(session.number("select cast(current_setting('block_size') as bigint)"));
        for (String statement :
                Schema.vectorTable(Generation.table(generation, type), column, bytesInPlace(pageSize, dimension))) {
            session.execute(statement);
        }
        return type;
    }

    /**
     * How long a row may be before its vector is moved to pages of its own, in pieces. Vectors are written and compared faster where
     * they stand in their rows, which must not leave much of a page empty.
     */
    static int bytesInPlace(int pageSize, int dimension) {
        int page = pageSize - PAGE_HEADER;
        int row = BESIDE_VECTOR + Float.BYTES * dimension;
        boolean fillsPages = page / row * row >= page * 3 / 4;
        return fillsPages ? page : page / 4;
    }

    @Override
    public long dropVectors(Session session, Generation generation) throws SQLException {
        long vectors = session.number("select count(*) from " + generation.table());
        session.execute("drop table " + generation.table());
        return vectors;
    }

    /** Ordered by the owner too, of which there is none: or the whole ledger might be read in the order of its numbers. */
    @Override
    public String claim() {
        return "update evervec_ledger set version = version + 1, owner = ?, superseded = 0 where number ="
                + " any(array(select number from evervec_ledger where job = ? and owner is null and number > ? order by owner, number limit ?"
                + " for update skip locked)) returning number, source, id, locator, version, attempts,"
                + " coalesce(fresh_since, 0)";
    }

    @Override
    public boolean sharesJobs() {
        return true;
    }

    @Override
    public void lockBeginning(Session session) throws SQLException {
        session.first("select pg_advisory_xact_lock(hashtext('evervec jobs'), hashtext(?))", row -> 0, schema);
    }

    /** Nothing to take: leases say who is alive. */
    @Override
    public Optional<JobLock> tryLock(JobStart.Kind kind) {
        return Optional.of(() -> {});
    }

    @Override
    public boolean isAlive(JobStart.Kind kind) {
        return true;
    }

    @Override
    public boolean locksLeader() {
        return false;
    }

    @Override
    public Optional<JobLock> tryLockLeader() {
        throw new IllegalStateException("a live embedder has a lease here, and no lock");
    }

    @Override
    public VectorType hostVectors() {
        return VectorType.REAL_ARRAY;
    }

    @Override
    public boolean lockedHere(JobStart.Kind kind) {
        return false;
    }

    @Override
    public PostgresQuota openQuota() {
        return new PostgresQuota(server, this, schema, null);
    }

    @Override
    public StoreException failure(String action, SQLException cause) {
        return PostgresFailures.of(action, location(), cause);
    }
}
