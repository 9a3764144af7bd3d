package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoreException.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * SQLite in a file, in WAL mode: one connection writes, any number read beside it.
 *
 * <p>{@code synchronous} is NORMAL: a commit survives the death of the process at any moment; after a power cut the last
 * commits before it may be missing, but never a part of one, and what is missing is pending again.
 */
final class SqliteDialect implements Dialect {
    private static final String DRIVER = "org.sqlite.JDBC";
    private static final Duration BUSY_TIMEOUT = Duration.ofSeconds(5);

    /** Holds vectors of up to about 8,000 components without an overflow page; only a new file gets it. */
    private static final int PAGE_BYTES = 32768;

    private static final int SQLITE_OPEN_READONLY = 1;
    private static final int SQLITE_OPEN_READWRITE = 2;
    private static final int BUSY = 5;
    private static final int WAL_ATTEMPTS = 20;

    private static final Map<Integer, String> CODES = Map.ofEntries(
            Map.entry(3, "SQLITE_PERM"),
            Map.entry(5, "SQLITE_BUSY"),
            Map.entry(6, "SQLITE_LOCKED"),
            Map.entry(7, "SQLITE_NOMEM"),
            Map.entry(8, "SQLITE_READONLY"),
            Map.entry(9, "SQLITE_INTERRUPT"),
            Map.entry(10, "SQLITE_IOERR"),
            Map.entry(11, "SQLITE_CORRUPT"),
            Map.entry(13, "SQLITE_FULL"),
            Map.entry(14, "SQLITE_CANTOPEN"),
            Map.entry(15, "SQLITE_PROTOCOL"),
            Map.entry(17, "SQLITE_SCHEMA"),
            Map.entry(18, "SQLITE_TOOBIG"),
            Map.entry(19, "SQLITE_CONSTRAINT"),
            Map.entry(23, "SQLITE_AUTH"),
            Map.entry(26, "SQLITE_NOTADB"));

    /** Result codes of failures that may pass by themselves: busy, locked, interrupted, input or output, WAL locking. */
    private static final Set<Integer> PASSING = Set.of(5, 6, 9, 10, 15);

    private final Path file;
    private final Duration busyTimeout;
    private final Map<JobStart.Kind, LockFile> locks;
    private final LockFile leaderLock;

    private SqliteDialect(Path file, Duration busyTimeout) {
        this.file = file;
        this.busyTimeout = busyTimeout;
        this.locks = Map.of(
                JobStart.Kind.BUILD, new LockFile(file.resolveSibling(file.getFileName() + ".evervec.lock")),
                JobStart.Kind.LIVE, new LockFile(file.resolveSibling(file.getFileName() + ".evervec-live.lock")));
        this.leaderLock = new LockFile(file.resolveSibling(file.getFileName() + ".evervec-leader.lock"));
    }

    /**
     * SQLite in this file, which is made when it is first opened.
     *
     * @throws StoreException if it cannot be one, for a reason that can be seen from outside
     */
    static SqliteDialect in(Path path) {
        return in(path, BUSY_TIMEOUT);
    }

    /** SQLite in this file, with statements that wait so long for other programs' locks. */
    static SqliteDialect in(Path path, Duration busyTimeout) {
        Path absolute = path.toAbsolutePath().normalize();
        if (absolute.toString().indexOf('?') >= 0) {
            throw refused("the path " + absolute + " has a question mark, where SQLite URLs end: use another path");
        }
        if (Files.isDirectory(absolute)) {
            throw refused(absolute + " is a folder: name a file in it");
        }
        Path folder = absolute.getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw refused("the folder of " + absolute + " does not exist: create it, or use another path");
        }
        if (!Files.isWritable(folder)) {
            throw refused("the folder of " + absolute
                    + " is not writable, and SQLite puts files beside the database: grant write access to it, or use"
                    + " another path");
        }
        if (Files.exists(absolute) && !Files.isWritable(absolute)) {
            throw refused(absolute + " is read-only: grant write access to it, or use another file");
        }
        return new SqliteDialect(real(absolute), busyTimeout);
    }

    /** SQLite in this file, which need not be there, for {@link #openReader(Schema)} alone. */
    static SqliteDialect forReading(Path path) {
        return new SqliteDialect(real(path.toAbsolutePath().normalize()), BUSY_TIMEOUT);
    }

    private static StoreException refused(String message) {
        return new StoreException(Kind.PERMANENT, "cannot open the store: " + message, null);
    }

    /** Without symbolic links, so that one file has one lock whatever it is called. */
    private static Path real(Path absolute) {
        try {
            if (Files.exists(absolute)) {
                return absolute.toRealPath();
            }
            Path folder = absolute.getParent();
            return folder == null || !Files.exists(folder)
                    ? absolute
                    : folder.toRealPath().resolve(absolute.getFileName());
        } catch (IOException e) {
            throw new StoreException(Kind.PERMANENT, "cannot open the store: " + absolute + " cannot be resolved", e);
        }
    }

    @Override
    public String name() {
        return "sqlite";
    }

    @Override
    public String location() {
        return file.toString();
    }

    @Override
    public boolean keepsReaders() {
        return true;
    }

    @Override
    public String container() {
        return "file";
    }

    @Override
    public <T> T look(Session session, Session.Work<T> work) throws SQLException {
        return work.run(session);
    }

    @Override
    public void beginDdl(Session session) {
        // A transaction that writes is alone.
    }

    @Override
    public Session openWriter() throws SQLException {
        Session session = connect(
                OpenMode.AS_USUAL,
                Session.Use.WRITING,
                new Checkpoints(() -> connect(OpenMode.WITHOUT_CREATING, Session.Use.READING), this::isShared));
        boolean ready = false;
        try {
            // The page size counts only until the file has its first table and before it is switched to WAL.
            session.execute("pragma page_size = " + PAGE_BYTES);
            switchToWal(session);
            session.execute("pragma synchronous = normal");
            session.execute("pragma foreign_keys = off");
            // A scan's scratch tables grow with the number of records: to a temporary file, not to the heap.
            session.execute("pragma temp_store = file");
            session.execute("pragma cache_size = -16384");
            ready = true;
            return session;
        } finally {
            if (!ready) {
                session.close();
            }
        }
    }

    @Override
    public Session openReader() throws SQLException {
        return reading(connect(OpenMode.AS_USUAL, Session.Use.READING));
    }

    @Override
    public Session openReader(Schema schema) throws SQLException {
        if (Files.exists(file)) {
            Session session = reading(connect(OpenMode.WITHOUT_CREATING, Session.Use.READING));
            boolean ours = false;
            try {
                ours = schema.isThere(session);
                if (ours) {
                    return session;
                }
            } finally {
                if (!ours) {
                    session.close();
                }
            }
        }
        return new NoTables(this);
    }

    private static Session reading(Session session) throws SQLException {
        boolean ready = false;
        try {
            session.execute("pragma query_only = on");
            session.execute("pragma temp_store = file");
            ready = true;
            return session;
        } finally {
            if (!ready) {
                session.close();
            }
        }
    }

    /**
     * SQLite answers busy at once, whatever its timeout, when two connections switch a file together. The other one is
     * waited for by asking for the write lock, for which the timeout does count.
     */
    private void switchToWal(Session session) throws SQLException {
        String mode = journalMode(session, "pragma journal_mode");
        for (int attempt = 1; !mode.equals("wal"); attempt++) {
            try {
                mode = journalMode(session, "pragma journal_mode = wal");
                if (!mode.equals("wal")) {
                    throw refused(file + " cannot be used in WAL mode (it stays in mode " + mode
                            + "): put it on a local file system");
                }
            } catch (SQLException e) {
                if ((e.getErrorCode() & 0xff) != BUSY || attempt == WAL_ATTEMPTS) {
                    throw e;
                }
                session.inTransaction(waited -> waited);
                mode = journalMode(session, "pragma journal_mode");
            }
        }
    }

    private static String journalMode(Session session, String pragma) throws SQLException {
        return session.first(pragma, row -> row.getString(1)).orElse("unknown");
    }

    /** Whether a file is made if it is not there. */
    private enum OpenMode {
        AS_USUAL,
        WITHOUT_CREATING
    }

    private Session connect(OpenMode mode, Session.Use use) throws SQLException {
        return connect(mode, use, session -> {});
    }

    private Session connect(OpenMode mode, Session.Use use, Session.Companion companion) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("busy_timeout", Long.toString(busyTimeout.toMillis()));
        if (mode == OpenMode.WITHOUT_CREATING) {
            int flags = Files.isWritable(file) ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
            properties.setProperty("open_mode", Integer.toString(flags));
        }
        Runnable closed = new DriverCopy(driver(), file).open();
        Connection connection = null;
        try {
            connection = DriverManager.getConnection("jdbc:sqlite:" + file, properties);
        } finally {
            if (connection == null) {
                closed.run();
            }
        }
        return new Session(connection, this, use, companion) {
            @Override
            public void close() throws SQLException {
                try {
                    super.close();
                } finally {
                    closed.run();
                }
            }
        };
    }

    private Class<?> driver() {
        try {
            return Class.forName(DRIVER);
        } catch (ClassNotFoundException e) {
            throw new StoreException(
                    Kind.PERMANENT,
                    "cannot open the store " + file
                            + ": the SQLite driver is not on the class path; add the Maven artifact"
                            + " org.xerial:sqlite-jdbc",
                    e);
        }
    }

    @Override
    public List<String> scratchTables() {
        return List.of("create temp table evervec_seen (job integer not null, source text not null, id text not null,"
                + " blank integer not null, primary key (job, source, id)) without rowid");
    }

    @Override
    public void begin(Session session) throws SQLException {
        session.execute(session.use() == Session.Use.WRITING ? "begin immediate" : "begin");
    }

    @Override
    public void commit(Session session) throws SQLException {
        session.execute("commit");
    }

    @Override
    public void rollBack(Session session) throws SQLException {
        session.execute("rollback");
    }

    @Override
    public boolean isUsable(Session session) {
        try {
            session.execute("begin");
            session.execute("rollback");
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    @Override
    public boolean locksRows() {
        return false;
    }

    /** They follow the statements' joins. */
    @Override
    public void fitPlans(Session session) {}

    /** Nothing cuts them off here. */
    @Override
    public <T> T patiently(Session session, Session.Work<T> work) throws SQLException {
        return work.run(session);
    }

    @Override
    public Rows rows(Session session, Bulk bulk) throws SQLException {
        return new ValueRows(session, bulk);
    }

    @Override
    public List<Long> newNumbers(Session session, String table, int count) throws SQLException {
        long last = session.number("select coalesce(max(number), 0) from " + table);
        return LongStream.rangeClosed(last + 1, last + count).boxed().toList();
    }

    @Override
    public long now(Session session) {
        return System.currentTimeMillis();
    }

    @Override
    public boolean hasTable(Session session, String table) throws SQLException {
        return session.number("select count(*) from sqlite_master where type = 'table' and name = ?", table) > 0;
    }

    @Override
    public boolean isShared(Session session) throws SQLException {
        return session.number(
                        "select count(*) from sqlite_master where type = 'table' and name not like 'sqlite@_%' escape '@'"
                                + " and (name not like 'evervec@_%' escape '@' or name = '" + EmbeddingQueue.TABLE
                                + "')")
                > 0;
    }

    @Override
    public VectorType makeVectors(Session session, String generation, int dimension) {
        return VectorType.BLOB;
    }

    @Override
    public long dropVectors(Session session, Generation generation) throws SQLException {
        return session.update("delete from evervec_vector where generation = ?", generation.number());
    }

    @Override
    public String claim() {
        return "update evervec_ledger set version = version + 1, owner = ?, superseded = 0 where number in"
                + " (select number from evervec_ledger where job = ? and owner is null and number > ? order by number limit ?)"
                + " returning number, source, id, locator, version, attempts, coalesce(fresh_since, 0)";
    }

    @Override
    public boolean sharesJobs() {
        return false;
    }

    @Override
    public void lockBeginning(Session session) {
        // One transaction writes at a time.
    }

    @Override
    public Optional<JobLock> tryLock(JobStart.Kind kind) {
        return tryLock(lock(kind), "a job");
    }

    private Optional<JobLock> tryLock(LockFile lock, String what) {
        try {
            return lock.tryLock();
        } catch (UncheckedIOException e) {
            throw new StoreException(
                    Kind.PERMANENT,
                    "cannot lock the store " + file + " for " + what
                            + ": the lock file beside it cannot be opened or locked;"
                            + " grant write access to the folder",
                    e);
        }
    }

    @Override
    public boolean isAlive(JobStart.Kind kind) {
        return lock(kind).isHeld();
    }

    @Override
    public boolean locksLeader() {
        return true;
    }

    @Override
    public Optional<JobLock> tryLockLeader() {
        return tryLock(leaderLock, "a live embedder");
    }

    @Override
    public VectorType hostVectors() {
        return VectorType.BLOB;
    }

    @Override
    public boolean lockedHere(JobStart.Kind kind) {
        return lock(kind).heldHere();
    }

    private LockFile lock(JobStart.Kind kind) {
        return Objects.requireNonNull(locks.get(kind), "every kind of job has a lock");
    }

    @Override
    public @Nullable PostgresQuota openQuota() {
        return null;
    }

    @Override
    public StoreException failure(String action, SQLException cause) {
        // sqlite-jdbc hands out result codes, which may be extended ones: the primary code is their last byte.
        int code = cause.getErrorCode() & 0xff;
        String name = CODES.getOrDefault(code, "SQLite result code " + code);
        return new StoreException(
                PASSING.contains(code) ? Kind.TRANSIENT : Kind.PERMANENT,
                "cannot " + action + " in the store " + file + ": " + advice(code) + " (" + name + ")",
                Failures.withoutMessage(cause));
    }

    private static String advice(int code) {
        return switch (code) {
            case 5, 6, 15 -> "another program keeps the database locked; let it finish, then try again";
            case 7 -> "out of memory; give the process more";
            case 3, 8, 23 -> "the file or its folder is read-only; grant write access to both";
            case 9 -> "the statement was interrupted; try again";
            case 10 -> "the file cannot be read or written; check the disk";
            case 11 -> "the file is damaged; restore it, or delete it and build again";
            case 13 -> "no space is left on its disk or on that of temporary files; free some, then run again";
            case 14 -> "a file cannot be opened; check that the folder exists and grant write access to it";
            case 26 -> "the file is not an SQLite database; name another file";
            default -> "the driver or the database refused a statement";
        };
    }
}
