package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.StoreException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * A dialect on whose connections a chosen statement fails, with a message that quotes what it must not. What is prepared,
 * executed, begun and committed counts as a statement, on readers too; a rollback does not. Thread-safe.
 */
final class FaultyDialect implements Dialect {
    static final String SECRET = "a text that a driver quotes";
    private static final int IO_ERROR = 10;
    private static final int DISK_FULL = 13;

    /** What happens at the chosen statement. */
    enum Fault {
        /** It fails before it does anything; the failure may pass. */
        BEFORE,
        /** It fails after it has done everything; the failure may pass. */
        AFTER,
        /** It fails before it does anything; somebody must act. */
        STOPPING,
        /** The connection is lost before it does anything. */
        LOST_BEFORE,
        /** The connection is lost after it has done everything. */
        LOST_AFTER,
        /** It is done, but nothing works after it until the store has said that it failed. */
        OUTAGE_AFTER,
        /** From it on nothing works any more, on no connection. */
        DEAD_BEFORE,
        /** It is the last that works, and nobody hears of it. */
        DEAD_AFTER;

        boolean isAfter() {
            return this == AFTER || this == LOST_AFTER || this == OUTAGE_AFTER || this == DEAD_AFTER;
        }

        boolean losesConnection() {
            return this == LOST_BEFORE || this == LOST_AFTER;
        }

        boolean isForGood() {
            return this == DEAD_BEFORE || this == DEAD_AFTER;
        }

        SQLException exception() {
            boolean stops = this == STOPPING || isForGood();
            return new SQLException(SECRET, stops ? "53100" : "08006", stops ? DISK_FULL : IO_ERROR);
        }
    }

    private final Dialect dialect;
    private volatile Session writer;
    private final List<JobLock> locks = new CopyOnWriteArrayList<>();
    private volatile Consumer<StoreException> watcher = failure -> {};
    private volatile Runnable beforeCommit = () -> {};
    private Fault fault = Fault.BEFORE;
    private int toFail;
    private boolean commitIsToFail;
    private boolean dead;
    private String met;

    FaultyDialect(Dialect dialect) {
        this.dialect = dialect;
    }

    /** The n-th statement from now on fails. */
    void failAt(int statement) {
        failAt(statement, Fault.BEFORE);
    }

    /** This happens to the next commit. */
    synchronized void failCommit(Fault what) {
        failAt(Integer.MAX_VALUE, what);
        commitIsToFail = true;
    }

    /** This happens to the n-th statement from now on. */
    synchronized void failAt(int statement, Fault what) {
        fault = what;
        toFail = statement;
        met = null;
    }

    synchronized void failNone() {
        toFail = 0;
        commitIsToFail = false;
    }

    /** What the chosen statement was, beginning with {@code writer} or {@code reader}, or null if it was not reached. */
    synchronized String met() {
        return met;
    }

    /** Tells of every failure that the store is about to throw. */
    void watch(Consumer<StoreException> listener) {
        watcher = listener;
    }

    /** Does this inside every transaction, when all is written. */
    void beforeCommit(Runnable action) {
        beforeCommit = action;
    }

    /** Executes a statement on the writer's connection. */
    void onWriter(String sql) throws SQLException {
        writer.execute(sql);
    }

    /** The fault of the statement that is about to run, or null. */
    private synchronized Fault next(String what) {
        boolean isChosen = toFail > 0 && --toFail == 0 || commitIsToFail && what.endsWith("commit");
        if (!isChosen) {
            return null;
        }
        failNone();
        met = what;
        dead = fault == Fault.DEAD_BEFORE;
        return fault;
    }

    private synchronized void die() {
        dead = true;
    }

    private synchronized void recover() {
        dead = dead && fault != Fault.OUTAGE_AFTER;
    }

    @Override
    public Session openWriter() throws SQLException {
        requireAlive();
        writer = faulty("writer", dialect.openWriter());
        return writer;
    }

    @Override
    public Session openReader() throws SQLException {
        requireAlive();
        return faulty("reader", dialect.openReader());
    }

    @Override
    public Session openReader(Schema schema) throws SQLException {
        throw new UnsupportedOperationException("faults are for stores that write");
    }

    @Override
    public boolean keepsReaders() {
        return dialect.keepsReaders();
    }

    private Session faulty(String name, Session sound) {
        return new Session(new FaultyConnection(name, sound.connection()).proxy(), dialect, sound.use());
    }

    private synchronized void requireAlive() throws SQLException {
        if (dead) {
            throw fault.exception();
        }
    }

    /** What a call on the real thing does. */
    @FunctionalInterface
    private interface Call {
        Object run() throws Throwable;
    }

    /** A connection and its statements. */
    private final class FaultyConnection {
        private final String name;
        private final Connection connection;
        private volatile boolean lost;

        FaultyConnection(String name, Connection connection) {
            this.name = name;
            this.connection = connection;
        }

        Connection proxy() {
            return FaultyDialect.proxy(Connection.class, (proxy, method, arguments) -> {
                boolean prepares = method.getName().equals("prepareStatement");
                boolean commits = method.getName().equals("commit");
                String what = prepares ? "prepare " + arguments[0] : commits ? "commit" : "";
                Object answer = run(method, prepares || commits, what, () -> invoke(connection, method, arguments));
                if (answer instanceof PreparedStatement prepared) {
                    return statement(PreparedStatement.class, prepared, String.valueOf(arguments[0]));
                }
                return answer instanceof Statement plain ? statement(Statement.class, plain, "") : answer;
            });
        }

        private <S extends Statement> S statement(Class<S> type, S statement, String sql) {
            return FaultyDialect.proxy(type, (proxy, method, arguments) -> {
                String what = sql.isEmpty() && arguments != null ? String.valueOf(arguments[0]) : sql;
                boolean executes = method.getName().startsWith("execute") && !what.equals("rollback");
                return run(method, executes, what, () -> invoke(statement, method, arguments));
            });
        }

        private Object run(Method method, boolean counts, String what, Call call) throws Throwable {
            if (method.getName().equals("close")) {
                return call.run();
            }
            requireAlive();
            if (lost) {
                throw Fault.LOST_BEFORE.exception();
            }
            if (what.equals("commit")) {
                beforeCommit.run();
            }
            Fault now = counts ? next(name + " " + what) : null;
            if (now == null) {
                return call.run();
            }
            if (now.isAfter() && call.run() instanceof AutoCloseable unseen) {
                unseen.close();
            }
            if (now.losesConnection()) {
                lost = true;
                connection.close();
            }
            if (now.isForGood() || now == Fault.OUTAGE_AFTER) {
                die();
            }
            throw now.exception();
        }
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(FaultyDialect.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private static Object invoke(Object target, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    @Override
    public String name() {
        return dialect.name();
    }

    @Override
    public String location() {
        return dialect.location();
    }

    @Override
    public String container() {
        return dialect.container();
    }

    @Override
    public <T> T look(Session session, Session.Work<T> work) throws SQLException {
        return dialect.look(session, work);
    }

    @Override
    public void beginDdl(Session session) throws SQLException {
        dialect.beginDdl(session);
    }

    @Override
    public List<String> scratchTables() {
        return dialect.scratchTables();
    }

    @Override
    public void begin(Session session) throws SQLException {
        dialect.begin(session);
    }

    @Override
    public void commit(Session session) throws SQLException {
        dialect.commit(session);
    }

    @Override
    public void rollBack(Session session) throws SQLException {
        dialect.rollBack(session);
    }

    @Override
    public boolean isUsable(Session session) {
        return dialect.isUsable(session);
    }

    @Override
    public void fitPlans(Session session) throws SQLException {
        dialect.fitPlans(session);
    }

    @Override
    public <T> T patiently(Session session, Session.Work<T> work) throws SQLException {
        return dialect.patiently(session, work);
    }

    @Override
    public Rows rows(Session session, Bulk bulk) throws SQLException {
        return dialect.rows(session, bulk);
    }

    @Override
    public List<Long> newNumbers(Session session, String table, int count) throws SQLException {
        return dialect.newNumbers(session, table, count);
    }

    @Override
    public VectorType makeVectors(Session session, String generation, int dimension) throws SQLException {
        return dialect.makeVectors(session, generation, dimension);
    }

    @Override
    public long dropVectors(Session session, Generation generation) throws SQLException {
        return dialect.dropVectors(session, generation);
    }

    @Override
    public long now(Session session) throws SQLException {
        return dialect.now(session);
    }

    @Override
    public boolean hasTable(Session session, String table) throws SQLException {
        return dialect.hasTable(session, table);
    }

    @Override
    public boolean isShared(Session session) throws SQLException {
        return dialect.isShared(session);
    }

    @Override
    public String claim() {
        return dialect.claim();
    }

    @Override
    public boolean locksRows() {
        return dialect.locksRows();
    }

    @Override
    public boolean sharesJobs() {
        return dialect.sharesJobs();
    }

    @Override
    public void lockBeginning(Session session) throws SQLException {
        dialect.lockBeginning(session);
    }

    @Override
    public Optional<JobLock> tryLock(JobStart.Kind kind) {
        Optional<JobLock> taken = dialect.tryLock(kind);
        taken.ifPresent(locks::add);
        return taken;
    }

    /** Lets others have the locks, as after the death of this process. */
    void loseLocks() {
        locks.forEach(JobLock::release);
    }

    @Override
    public boolean isAlive(JobStart.Kind kind) {
        return dialect.isAlive(kind);
    }

    @Override
    public boolean locksLeader() {
        return dialect.locksLeader();
    }

    @Override
    public Optional<JobLock> tryLockLeader() {
        return dialect.tryLockLeader();
    }

    @Override
    public VectorType hostVectors() {
        return dialect.hostVectors();
    }

    @Override
    public boolean lockedHere(JobStart.Kind kind) {
        return dialect.lockedHere(kind);
    }

    @Override
    public PostgresQuota openQuota() {
        return dialect.openQuota();
    }

    @Override
    public StoreException failure(String action, SQLException cause) {
        recover();
        StoreException failure = dialect.failure(action, cause);
        watcher.accept(failure);
        return failure;
    }
}
