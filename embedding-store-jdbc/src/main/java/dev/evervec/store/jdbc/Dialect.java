package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.StoreException;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What differs between databases. Everything else is SQL that they share. Implementations are thread-safe. */
interface Dialect {
    /** The folder of the schema's DDL among the resources. */
    String name();

    /** Where the data is, for people. */
    String location();

    /** What the tables are in, for people. */
    String container();

    /** Opens the connection that writes. */
    Session openWriter() throws SQLException;

    /** Opens a connection that only reads. */
    Session openReader() throws SQLException;

    /**
     * Opens a connection that only reads and makes nothing. What is not there reads as empty tables.
     *
     * @throws StoreException if a newer or another Evervec has made the tables
     */
    Session openReader(Schema schema) throws SQLException;

    /** Whether connections that read are kept for the next use. */
    boolean keepsReaders();

    /** Reads what needs no transaction. */
    <T> T look(Session session, Session.Work<T> work) throws SQLException;

    /** Begins to make tables, in a transaction in which nobody else makes them. */
    void beginDdl(Session session) throws SQLException;

    /** Statements that make the scratch tables of a scan, which live and die with the writer's connection. */
    List<String> scratchTables();

    /** Begins a transaction: one that will write, or one that sees one state of the database. */
    void begin(Session session) throws SQLException;

    /** Ends a transaction and keeps what it did. */
    void commit(Session session) throws SQLException;

    /** Ends a transaction, if there is one, and keeps nothing of it. */
    void rollBack(Session session) throws SQLException;

    /** Whether a connection on which a transaction failed can be used again. */
    boolean isUsable(Session session);

    /** Whether others may write at the same time, so that rows are locked before they are read and then changed. */
    boolean locksRows();

    /** Lets the plans of statements fit what a scan has put into the tables. */
    void fitPlans(Session session) throws SQLException;

    /** Runs statements that may take minutes, because they are about a whole ledger. */
    <T> T patiently(Session session, Session.Work<T> work) throws SQLException;

    /** Rows for a statement. */
    Rows rows(Session session, Bulk bulk) throws SQLException;

    /** Numbers for rows that are going to be inserted into this table, ascending. */
    List<Long> newNumbers(Session session, String table, int count) throws SQLException;

    /** What time it is, in milliseconds since 1970. */
    long now(Session session) throws SQLException;

    /** Whether a table of this name exists. */
    boolean hasTable(Session session, String table) throws SQLException;

    /**
     * Whether others write to the database too, and have to wait while a job writes; asked when a job begins. False where
     * writers do not wait for each other.
     */
    boolean isShared(Session session) throws SQLException;

    /** Makes a place for the vectors of a generation, if there is none; answers how it holds them. */
    VectorType makeVectors(Session session, String generation, int dimension) throws SQLException;

    /** Deletes the vectors of a generation; answers how many they were. */
    long dropVectors(Session session, Generation generation) throws SQLException;

    /** Claims rows of a job's list; values: owner, job, the number after which to begin, limit. */
    String claim();

    /**
     * Whether builds may have several workers, of which each lives as long as its lease; if not, whoever gets {@link #tryLock}
     * knows that no other one is alive.
     */
    boolean sharesJobs();

    /** Lets one job begin at a time, until the transaction ends. */
    void lockBeginning(Session session) throws SQLException;

    /** Takes the right to run a job of this kind, or answers empty if another store has it. */
    Optional<JobLock> tryLock(JobStart.Kind kind);

    /** Whether a job of this kind is alive, in whatever process; yes if that cannot be told. Disturbs none that begins. */
    boolean isAlive(JobStart.Kind kind);

    /**
     * Whether the live embedder that works holds a lock, which dies with its process. If not, {@code evervec_leader} says by
     * leases which one it is.
     */
    boolean locksLeader();

    /** Takes that lock, or answers empty if another store has it. Only where {@link #locksLeader()}. */
    Optional<JobLock> tryLockLeader();

    /** How a host's own column is given vectors. */
    VectorType hostVectors();

    /** Whether the job that keeps {@link #tryLock} empty runs in this process. */
    boolean lockedHere(JobStart.Kind kind);

    /** Quotas that all processes draw on which use the database; null where there is one process. Connects to nothing yet. */
    @Nullable
    PostgresQuota openQuota();

    /**
     * A failure in our own words.
     *
     * @param action what was being done, to be read after "cannot"
     */
    StoreException failure(String action, SQLException cause);
}
