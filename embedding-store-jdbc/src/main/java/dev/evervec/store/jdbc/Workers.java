package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.JobTicket;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The rows of workers. Every method runs inside a transaction of the writer.
 *
 * <p>A worker lives until its lease is over, which is judged by the transaction's time. Whoever writes for a job changes its
 * own row first, so a row that cannot be locked at once is that of a worker that writes at this moment: it lives too, however
 * late it is. Rows of others are therefore never waited for. Claims of a dead worker that are put back on the list get another
 * version, by which its late results are refused; the worker itself may go on as long as its job runs.
 */
final class Workers {
    private static final String ENTER = "insert into evervec_worker (job, owner, role, process, began_at, lease_end)"
            + " values (?, ?, ?, ?, ?, ?)";
    private static final String WORKING = " from evervec_worker where job = ? and owner <> ? and ended_at is null";
    private static final String DEAD = "select owner" + WORKING + " and lease_end <= ? order by number";
    private static final String ON_ITS_LIST = " from evervec_ledger where job = ? and owner = ?";
    private static final String PUT_BACK =
            "update evervec_ledger set owner = null, superseded = 0, version = version + 1"
                    + " where job = ? and owner = ?";
    private static final String SUMS =
            "select embedded, requests, input_tokens, output_tokens, tokens_estimated, cost_usd, cost_rest, cost_unknown"
                    + " from evervec_worker where ";

    private Workers() {}

    /** What a worker ended as that did not end itself. */
    static final String INTERRUPTED = "interrupted";

    static void enter(Session session, JobTicket job, String process, long now, long leaseEnd) throws SQLException {
        session.update(ENTER, job.number(), job.owner(), Codes.role(job.role()), process, now, leaseEnd);
    }

    /** Puts the number of a write into its worker's row, in the transaction of the write. No number is used twice. */
    static void number(Session session, JobTicket job, long write) throws SQLException {
        session.update("update evervec_worker set last_write = ? where owner = ?", write, job.owner());
    }

    /**
     * Whether the write of this number is the last one that was committed. An update, because that waits for a lost connection
     * whose commit is still under way.
     */
    static boolean hasWritten(Session session, JobTicket job, long write) throws SQLException {
        return session.update(
                        "update evervec_worker set last_write = last_write where owner = ? and last_write = ?",
                        job.owner(),
                        write)
                > 0;
    }

    /** Whether it works on its job, which runs then; its lease may be over. */
    static boolean isWorking(Session session, JobTicket job) throws SQLException {
        return works(session, job.owner());
    }

    /** Whether the worker of this name has not ended; its lease may be over. */
    static boolean works(Session session, String owner) throws SQLException {
        return session.number("select count(*) from evervec_worker where owner = ? and ended_at is null", owner) > 0;
    }

    /** How many a job has had, or for what is embedded live, its current run. */
    static long ever(Session session, long job) throws SQLException {
        return session.number("select count(*) from evervec_worker where job = ?", job);
    }

    /** Gives it a lease that ends then. */
    static void renew(Session session, JobTicket job, long leaseEnd) throws SQLException {
        session.update(
                "update evervec_worker set lease_end = ? where owner = ? and ended_at is null", leaseEnd, job.owner());
    }

    /** Whether its claims went back to the list once. */
    static boolean isLost(Session session, JobTicket job) throws SQLException {
        return session.number("select count(*) from evervec_worker where owner = ? and lost = 1", job.owner()) > 0;
    }

    /** Notes what holds it up, or that nothing does. */
    static void holdUp(Session session, JobTicket job, @Nullable String cause) throws SQLException {
        session.update(
                "update evervec_worker set held_up_by = ? where owner = ? and ended_at is null", cause, job.owner());
    }

    /** How many others work on the job and live. */
    static long others(Session session, JobTicket job, long now) throws SQLException {
        return session.number("select count(*)" + WORKING + " and lease_end > ?", job.number(), job.owner(), now);
    }

    /** How many others work on the job, dead ones included. */
    static long othersEvenDead(Session session, long job, String owner) throws SQLException {
        return session.number("select count(*)" + WORKING, job, owner);
    }

    /**
     * Those of the others whose lease is over; from now on they cannot write until this transaction ends.
     *
     * @param owner which one not to look at, or nothing
     */
    static List<String> dead(Session session, long job, String owner, long now) throws SQLException {
        return session.list(
                session.locksRows() ? DEAD + " for update skip locked" : DEAD,
                row -> row.getString(1),
                job,
                owner,
                now);
    }

    /** Puts what these workers have claimed back on their job's list. */
    static void takeBack(Session session, long job, List<String> dead) throws SQLException {
        for (String owner : dead) {
            session.update("update evervec_worker set lost = 1 where owner = ? and lost = 0", owner);
            putBack(session, job, owner);
        }
    }

    /** Puts what a worker has claimed back on its job's list. */
    static void putBack(Session session, long job, String owner) throws SQLException {
        Jobs.lockRows(session, ON_ITS_LIST, job, owner);
        session.update(PUT_BACK, job, owner);
    }

    /** Ends a worker; what it embedded and spent is its job's from now on. */
    static void end(Session session, long job, String owner, String state, long now) throws SQLException {
        Optional<Sums> sums = session.first(SUMS + "owner = ? and ended_at is null", Sums::read, owner);
        if (sums.isPresent()) {
            sums.get().addToJob(session, job);
            session.update(
                    "update evervec_worker set state = ?, ended_at = ?, held_up_by = null where owner = ?",
                    state,
                    now,
                    owner);
        }
    }

    /** What those that work on a job have embedded and spent. */
    static Sums sums(Session session, long job) throws SQLException {
        return session.list(SUMS + "job = ? and ended_at is null", Sums::read, job).stream()
                .reduce(Sums.NONE, Sums::plus);
    }

    /** Adds to what a worker has embedded and spent; if it has been ended meanwhile, to what its job has. */
    static void add(Session session, JobTicket job, Sums sums) throws SQLException {
        if (!sums.addToWorker(session, job.owner())) {
            sums.addToJob(session, job.number());
        }
    }

    /** Forgets those that ended before: what is embedded live has a new one for every run. */
    static void forgetEnded(Session session, long job) throws SQLException {
        session.update("delete from evervec_worker where job = ? and ended_at is not null", job);
    }

    /** When the last lease on a job ends, 0 if nobody works on it. */
    static long lastLease(Session session, long job) throws SQLException {
        return session.number("select coalesce(max(lease_end), 0)" + WORKING, job, "");
    }

    /** Where the workers of a job run, for people. */
    static String where(Session session, long job, long now) throws SQLException {
        return String.join(
                ", ",
                session.list(
                        "select process" + WORKING + " and lease_end > ? order by number",
                        row -> row.getString(1),
                        job,
                        "",
                        now));
    }
}
