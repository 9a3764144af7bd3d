package dev.evervec.store.jdbc;

import java.sql.SQLException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies what SQLite has in its write-ahead log into the database, in a thread of its own and beside the writer. A writer that does
 * this itself stands still for it, with vectors every few thousand rows and for as long as the disk takes.
 *
 * <p>A log in which somebody goes on writing is never copied to its end, and only then it begins anew. So when it has become long,
 * the writer copies, as soon as the thread has done so, the little that is left.
 *
 * <p>Where others write to the same file, all is as usual: SQLite lets whoever commits copy a log of more than 32 MB, and it would be
 * theirs to copy ours.
 *
 * <p>The methods are the writer's; the thread ends when it has had nothing to do for a second.
 */
final class Checkpoints implements Session.Companion {
    /** Pages of a log that the writer lets begin anew: 64 MB. */
    private static final int LONG_LOG = 2000;

    /** Pages at which the writer copies all of them after all, should the thread not keep up: 128 MB. */
    private static final int TOO_LONG = 4000;

    /** So many pages more in the database are worth it: 32 MB, which are as many as SQLite waits for by itself. */
    private static final int WORTH_IT = 1000;

    private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

    private final Opening opening;
    private final Session.Work<Boolean> isShared;
    private final ThreadPoolExecutor thread =
            new ThreadPoolExecutor(0, 1, 1, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Checkpoints::daemon);
    private @Nullable Session session; // the thread's own, and the writer's after its end
    private volatile boolean copying;
    private volatile int log; // its pages, as far as that is known
    private long pagesThen;
    private boolean alone;

    /** Opens another connection to the same file. */
    @FunctionalInterface
    interface Opening {
        Session open() throws SQLException;
    }

    /** @param isShared whether others write to the file */
    Checkpoints(Opening opening, Session.Work<Boolean> isShared) {
        this.opening = opening;
        this.isShared = isShared;
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "evervec-checkpoint");
        thread.setDaemon(true);
        return thread;
    }

    /** Has the log copied if the database has grown by enough, and lets it begin anew if it is long. */
    @Override
    public void committed(Session writer) {
        try {
            if (log >= LONG_LOG && !copying) {
                copy(writer);
                log = 0;
            }
            long pages = writer.number("pragma page_count");
            if (pagesThen == 0 || pages < pagesThen) {
                pagesThen = pages;
            } else if (pages - pagesThen >= WORTH_IT && !copying) {
                pagesThen = pages;
                setAlone(!isShared.run(writer), writer);
                if (alone) {
                    copying = true;
                    thread.execute(this::copyBesideTheWriter);
                }
            }
        } catch (SQLException e) {
            putOff(e);
        }
    }

    private void setAlone(boolean isAlone, Session writer) throws SQLException {
        if (isAlone != alone) {
            writer.execute("pragma wal_autocheckpoint = " + (isAlone ? TOO_LONG : WORTH_IT));
            alone = isAlone;
        }
    }

    private void copyBesideTheWriter() {
        try {
            if (session == null) {
                session = opening.open();
            }
            log = copy(session);
        } catch (SQLException e) {
            putOff(e);
        } finally {
            copying = false;
        }
    }

    /** As far as nobody stands in the way; answers how long the log is. */
    private static int copy(Session session) throws SQLException {
        return session.first("pragma wal_checkpoint(passive)", row -> row.getInt(2))
                .orElse(0);
    }

    /** Nothing is lost: it is tried again when the database has grown further, and when it is closed. */
    private static void putOff(SQLException e) {
        LOG.debug("a checkpoint failed: SQLState {}, code {}", e.getSQLState(), e.getErrorCode());
    }

    /** Waits for the end of what is being copied. */
    @Override
    public void end(Session writer) {
        thread.shutdown();
        boolean interrupted = false;
        boolean ended = false;
        while (!ended) {
            try {
                ended = thread.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (session != null) {
            session.closeQuietly();
        }
    }
}
