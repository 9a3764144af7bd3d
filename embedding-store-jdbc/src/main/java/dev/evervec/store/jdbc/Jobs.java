package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobEnd;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.ModelIdentity;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Map;
import java.util.Optional;

/** The rows of jobs and generations. Every method runs inside a transaction of the writer. */
final class Jobs {
    /** Columns of a generation in the order in which {@link #fingerprint} reads them. */
    static final String FINGERPRINT = "provider, model, dimension, task_type, normalization, rewrite";

    private static final String RELEASE =
            "update evervec_ledger set job = null, owner = null, lease_end = null where job = ?";

    private Jobs() {}

    /** The id of the job that is marked as running, if there is one. */
    static Optional<String> runningId(Session session) throws SQLException {
        return session.first(
                "select id from evervec_job where state = 'running' order by number desc", row -> row.getString(1));
    }

    /** Ends what dead workers left behind; only for the holder of the job lock, who knows that they are dead. */
    static void interruptDead(Session session, long now) throws SQLException {
        for (long job : session.list("select number from evervec_job where state = 'running'", row -> row.getLong(1))) {
            long untaken = session.update(RELEASE, job);
            session.update(
                    "update evervec_job set state = 'interrupted', ended_at = ?, untaken = ? where number = ?",
                    now,
                    untaken,
                    job);
        }
    }

    /** Enters a job as running. */
    static JobTicket begin(Session session, JobStart start, String owner, long generation, long now, String location)
            throws SQLException {
        if (session.number("select count(*) from evervec_job where id = ?", start.jobId()) > 0) {
            throw new JobRefusedException("the job id " + start.jobId() + " was used before in the store " + location
                    + ": give the job another id, or none to get a new one");
        }
        long number = session.insert(
                "insert into evervec_job (id, generation, state, owner, max_attempts, started_at)"
                        + " values (?, ?, 'running', ?, ?, ?)",
                start.jobId(),
                generation,
                owner,
                start.maxAttempts(),
                now);
        return new JobTicket(number, owner, start, null);
    }

    /**
     * Puts the number of a write into its job's row, in the transaction of the write. Numbers of one job are never used twice.
     */
    static void number(Session session, JobTicket job, long write) throws SQLException {
        session.update(
                "update evervec_job set last_write = ? where number = ? and owner = ?",
                write,
                job.number(),
                job.owner());
    }

    /**
     * Whether the write of this number is the last one that was committed. An update, because that waits for a lost connection
     * whose commit is still under way.
     */
    static boolean hasWritten(Session session, JobTicket job, long write) throws SQLException {
        return session.update(
                        "update evervec_job set last_write = last_write where number = ? and owner = ? and last_write = ?",
                        job.number(),
                        job.owner(),
                        write)
                > 0;
    }

    /** Whether the job runs and is this worker's. */
    static boolean isRunning(Session session, JobTicket job) throws SQLException {
        return session.number(
                        "select count(*) from evervec_job where number = ? and owner = ? and state = 'running'",
                        job.number(),
                        job.owner())
                > 0;
    }

    /** Refuses a worker that was taken for dead: its job was marked interrupted, and its records may be another's by now. */
    static void requireRunning(Session session, JobTicket job, String location) throws SQLException {
        if (!isRunning(session, job)) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the job " + job.start().jobId() + " in the store " + location
                            + " was taken over while its worker was away: what it had stored stays; run again",
                    null);
        }
    }

    /** Ends a job and empties its list. */
    static JobEnd end(Session session, JobTicket job, JobState state, Reason untaken, long now) throws SQLException {
        long left = session.update(RELEASE, job.number());
        session.update(
                "update evervec_job set state = ?, ended_at = ?, untaken = ?, untaken_reason = ? where number = ?",
                state.code(),
                now,
                left,
                left > 0 ? untaken.code() : null,
                job.number());
        if (left > 0) {
            Results.count(session, job.number(), Map.of(untaken, left));
        }
        return new JobEnd(left);
    }

    /** The number of the generation of a job. */
    static long generationOf(Session session, JobTicket job) throws SQLException {
        return session.number("select generation from evervec_job where number = ?", job.number());
    }

    /** The number of the generation of this name, if it is registered. */
    static Optional<Long> findGeneration(Session session, String name) throws SQLException {
        return session.first("select number from evervec_generation where name = ?", row -> row.getLong(1), name);
    }

    /** The number of a fingerprint's generation, which is registered if it is new. */
    static long generation(Session session, Fingerprint fingerprint, long now, String location) throws SQLException {
        Optional<Fingerprint> registered = session.first(
                "select " + FINGERPRINT + " from evervec_generation where name = ?",
                row -> fingerprint(row, 1),
                fingerprint.generation());
        if (registered.isEmpty()) {
            ModelIdentity model = fingerprint.embedding();
            return session.insert(
                    "insert into evervec_generation (name, " + FINGERPRINT + ", created_at)"
                            + " values (?, ?, ?, ?, ?, ?, ?, ?)",
                    fingerprint.generation(),
                    model.provider(),
                    model.model(),
                    model.dimension(),
                    model.taskType(),
                    model.normalization(),
                    fingerprint.rewrite(),
                    now);
        }
        if (!sameVectors(registered.get(), fingerprint)) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the generation " + fingerprint.generation() + " in the store " + location + " is that of "
                            + registered.get().embedding().model()
                            + ", whose fingerprint begins alike: prune it, or use another store",
                    null);
        }
        return findGeneration(session, fingerprint.generation()).orElseThrow();
    }

    /** Everything but the temperature, which embeddings do not have. */
    private static boolean sameVectors(Fingerprint one, Fingerprint other) {
        ModelIdentity a = one.embedding();
        ModelIdentity b = other.embedding();
        return a.provider().equals(b.provider())
                && a.model().equals(b.model())
                && a.dimension() == b.dimension()
                && a.taskType().equals(b.taskType())
                && a.normalization().equals(b.normalization())
                && one.rewrite().equals(other.rewrite());
    }

    static Fingerprint fingerprint(ResultSet row, int column) throws SQLException {
        return new Fingerprint(
                ModelIdentity.embedding(
                        row.getString(column),
                        row.getString(column + 1),
                        row.getInt(column + 2),
                        row.getString(column + 3),
                        row.getString(column + 4)),
                row.getString(column + 5));
    }
}
