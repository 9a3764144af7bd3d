package dev.evervec.store.jdbc;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connection that writes, opened anew when it was lost. Guarded by the store's lock.
 *
 * <p>A commit that fails may have happened all the same: the database did it and its answer was lost. A repetition would then
 * find the traces of the first try and take them for somebody else's. So what a write answered is remembered while its commit
 * is in doubt, and the database is asked whether the write's trace is there: at once, and if that fails too, before the next
 * write of the same writer (a job, say). If it is, that answer counts, and the same call with the same arguments gets it.
 */
final class Writer {
    private static final Logger LOG = LoggerFactory.getLogger(Writer.class);

    private final Dialect dialect;
    private final Schema schema;
    private final List<HostColumn> hostColumns;
    private @Nullable Session session;
    private final Map<Object, Doubt<?>> doubts = new HashMap<>();
    private final Turns turns = new Turns();

    /** Finds in the database what only the write with this answer can have left. */
    @FunctionalInterface
    interface Trace<T> {
        boolean isIn(Session session, T answer) throws SQLException;
    }

    /**
     * What is to be written once.
     *
     * @param by whose write it is: several may write through one connection, and each has its own doubt
     * @param call the method and its arguments; a write whose call equals that of the last one, which failed, is its repetition
     */
    record Write<T>(Object by, Object call, Session.Work<T> work, Trace<T> trace) {}

    /** A write that was not seen to be committed. */
    private record Doubt<T>(Write<T> write, T answer) {
        boolean isCommitted(Session session) throws SQLException {
            return write.trace.isIn(session, answer);
        }
    }

    private Writer(Dialect dialect, Schema schema, List<HostColumn> hostColumns) {
        this.dialect = dialect;
        this.schema = schema;
        this.hostColumns = hostColumns;
    }

    /** Opens the connection, brings the tables up to date and looks whether the host's columns can be written. */
    static Writer open(Dialect dialect, Schema schema, List<HostColumn> hostColumns) throws SQLException {
        Writer writer = new Writer(dialect, schema, hostColumns);
        writer.session();
        if (!hostColumns.isEmpty()) {
            writer.checkHostColumns();
        }
        return writer;
    }

    private void checkHostColumns() throws SQLException {
        boolean sound = false;
        try {
            inTransaction(current -> {
                current.hostColumns().check();
                return hostColumns;
            });
            sound = true;
        } finally {
            if (!sound) {
                close();
            }
        }
    }

    /** From now on it leaves others their turn, or no longer does. */
    void setShared(boolean isShared) {
        turns.setShared(isShared);
    }

    /** Writes once, however often it is tried: all of it, or nothing if anything is thrown. */
    <T> T once(Write<T> write) throws SQLException {
        Optional<T> before = committedBefore(write);
        if (before.isPresent()) {
            return before.get();
        }
        try {
            T answer = inTransaction(current -> {
                T answered = write.work.run(current);
                doubts.put(write.by, new Doubt<>(write, answered));
                return answered;
            });
            doubts.remove(write.by);
            return answer;
        } catch (SQLException e) {
            return committedAllTheSame(write).orElseThrow(() -> e);
        }
    }

    /** Does what may as well be done twice in a transaction: all of it, or nothing if anything is thrown. */
    <T> T inTransaction(Session.Work<T> work) throws SQLException {
        Session current = session();
        turns.begin();
        try {
            return current.inTransaction(work);
        } finally {
            turns.end();
            if (current.isLost()) {
                LOG.warn("the connection that writes to {} was lost", dialect.location());
                session = null;
                current.closeQuietly();
            }
        }
    }

    /** The answer of a write that failed, if it was its commit that failed and happened all the same. */
    private <T> Optional<T> committedAllTheSame(Write<T> write) {
        try {
            return committedBefore(write);
        } catch (SQLException e) {
            LOG.debug("a commit to {} stays in doubt: SQLState {}", dialect.location(), e.getSQLState());
            return Optional.empty();
        }
    }

    /** The answer of the write in doubt, if it was committed and this one is its repetition. */
    @SuppressWarnings("unchecked") // Equal calls have answers of one type.
    private <T> Optional<T> committedBefore(Write<T> write) throws SQLException {
        Doubt<?> last = doubts.get(write.by);
        if (last == null) {
            return Optional.empty();
        }
        boolean committed = inTransaction(last::isCommitted);
        doubts.remove(write.by);
        return committed && last.write.call.equals(write.call) ? Optional.of((T) last.answer) : Optional.empty();
    }

    private Session session() throws SQLException {
        Session current = session;
        if (current == null) {
            current = dialect.openWriter();
            prepare(current);
            session = current;
        }
        return current;
    }

    private void prepare(Session current) throws SQLException {
        boolean ready = false;
        try {
            schema.apply(current);
            for (String table : dialect.scratchTables()) {
                current.execute(table);
            }
            current.alsoWrite(hostColumns);
            ready = true;
        } finally {
            if (!ready) {
                current.closeQuietly();
            }
        }
    }

    void close() {
        if (session != null) {
            session.closeQuietly();
            session = null;
        }
    }
}
