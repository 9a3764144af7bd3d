package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobEnd;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.Remaining;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.ModelIdentity;
import java.math.BigDecimal;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The rows of jobs and generations. Every method runs inside a transaction of the writer. */
final class Jobs {
    /** Columns of a generation in the order in which {@link #fingerprint} reads them. */
    static final String FINGERPRINT = "provider, model, dimension, task_type, normalization, rewrite";

    private static final String ON_LIST =
            "job = ? and (owner is null or owner is not null)"; // there is an index for each
    private static final String RELEASE =
            "update evervec_ledger set job = null, owner = null, superseded = 0 where " + ON_LIST;
    private static final String ENTER = "insert into evervec_job (id, kind, generation, state, scanner, max_attempts,"
            + " reconsidered, task, source, filter, batch_size, budget_usd, started_at, carried_usd, carried_rest, resumes,"
            + " keeps_from) values (?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    private static final String BEGIN_AGAIN = "update evervec_job set generation = ?, state = 'running', scanner = ?,"
            + " max_attempts = ?, started_at = ?, scan_ended_at = null, ended_at = null, untaken = 0,"
            + " untaken_reason = null where number = ?";
    private static final String CANCEL = "update evervec_job set cancel_requested = 1 where id = ? and kind = ?"
            + " and state = 'running' and exists (select 1 from evervec_worker w where w.job = evervec_job.number"
            + " and w.ended_at is null and w.lease_end > ?)";
    private static final String ANY_OF_OTHERS = "select 1 from evervec_job where number = ?"
            + " and (exists (select 1 from evervec_ledger where job = ? and owner is null)"
            + " or exists (select 1 from evervec_ledger where job = ? and owner is not null and owner <> ?))";
    private static final String NOTHING_LEFT =
            "select 1 from evervec_job j where j.number = ? and j.scan_ended_at is not null"
                    + " and exists (select 1 from evervec_worker w where w.job = j.number and w.state <> '"
                    + Workers.INTERRUPTED
                    + "') and not exists (select 1 from evervec_ledger where job = j.number and owner is null)"
                    + " and not exists (select 1 from evervec_ledger where job = j.number and owner is not null)";
    private static final String RESUMABLE = "select j.kind, j.generation, g.name, j.state"
            + " from evervec_job j left join evervec_generation g on g.number = j.generation where j.id = ?";

    private Jobs() {}

    /** The id of the job of this kind that is marked as running, if there is one. */
    static Optional<String> runningId(Session session, JobStart.Kind kind) throws SQLException {
        return session.first(
                "select id from evervec_job where state = 'running' and kind = ? order by number desc",
                row -> row.getString(1),
                Codes.kind(kind));
    }

    /** The number of the build that scans records of a generation at the moment, as far as its row says, or null. */
    static @Nullable Long scanning(Session session, long generation) throws SQLException {
        return session.first(
                        "select number from evervec_job where state = 'running' and kind = ? and generation = ?"
                                + " and scan_ended_at is null order by number desc",
                        row -> row.getLong(1),
                        Codes.kind(JobStart.Kind.BUILD),
                        generation)
                .orElse(null);
    }

    /** Notes that a job's scan is over. */
    static void scanEnded(Session session, JobTicket job, long now) throws SQLException {
        session.update("update evervec_job set scan_ended_at = ? where number = ?", now, job.number());
    }

    /**
     * Asks a build to stop; answers whether its row says that it runs.
     *
     * @param now workers whose leases end later are alive
     */
    static boolean requestCancel(Session session, String jobId, long now) throws SQLException {
        return session.update(CANCEL, jobId, Codes.kind(JobStart.Kind.BUILD), now) > 0;
    }

    /** Whether a running job was asked to stop. */
    static boolean cancelRequested(Session session, long job) throws SQLException {
        return session.number(
                        "select count(*) from evervec_job where number = ? and state = 'running' and cancel_requested = 1",
                        job)
                > 0;
    }

    /**
     * Ends jobs whose workers are all dead.
     *
     * @param leasesOver whoever has a lease that ends later is alive
     */
    static void interruptDead(Session session, JobStart.Kind kind, long leasesOver, long now) throws SQLException {
        List<Long> running = session.list(
                forUpdate(
                        session, "select number from evervec_job where state = 'running' and kind = ? order by number"),
                row -> row.getLong(1),
                Codes.kind(kind));
        for (long job : running) {
            List<String> dead = Workers.dead(session, job, "", leasesOver);
            if (Workers.othersEvenDead(session, job, "") == dead.size()) {
                interrupt(session, job, dead, now);
            }
        }
    }

    private static void interrupt(Session session, long job, List<String> workers, long now) throws SQLException {
        JobState state = deserted(session, job);
        for (String owner : workers) {
            Workers.end(session, job, owner, Workers.INTERRUPTED, now);
        }
        session.update(
                "update evervec_job set state = ?, ended_at = ?, untaken = ? where number = ?",
                state.code(),
                now,
                release(session, job),
                job);
    }

    /** How a job stands none of whose workers lives: interrupted, unless one of them has left it because nothing was left to do. */
    static JobState deserted(Session session, long job) throws SQLException {
        return session.first(NOTHING_LEFT, row -> true, job).isPresent() ? settled(session, job) : JobState.INTERRUPTED;
    }

    /** How a job ended that has come to its end. */
    private static JobState settled(Session session, long job) throws SQLException {
        if (cancelRequested(session, job)) {
            return JobState.CANCELLED;
        }
        boolean failed = session
                .list("select reason from evervec_job_count where job = ?", row -> Reason.ofCode(row.getString(1)), job)
                .stream()
                .anyMatch(reason -> reason.kind() == Reason.Kind.FAILED);
        return failed ? JobState.FAILED : JobState.COMPLETED;
    }

    /** Takes everything off a job's list; answers how many records it were. */
    private static long release(Session session, long job) throws SQLException {
        lockRows(session, " from evervec_ledger where " + ON_LIST, job);
        return session.update(RELEASE, job);
    }

    private static String forUpdate(Session session, String query) {
        return session.locksRows() ? query + " for update" : query;
    }

    /** Lets nobody else change these rows of the ledger until the transaction ends, in the order in which all lock them. */
    static void lockRows(Session session, String fromWhere, @Nullable Object... values) throws SQLException {
        if (session.locksRows()) {
            session.number(
                    "select count(*) from (select number" + fromWhere + " order by number for update) locked", values);
        }
    }

    /** Lets nobody else change a job until the transaction ends; the row of the worker that does so is locked before. */
    static void lock(Session session, long job) throws SQLException {
        session.first(
                forUpdate(session, "select number from evervec_job where number = ?"), row -> row.getLong(1), job);
    }

    /** Enters a job as running. */
    static JobTicket begin(
            Session session,
            JobStart start,
            String owner,
            JobTicket.Role role,
            long generation,
            long now,
            String location)
            throws SQLException {
        Optional<Long> used =
                session.first("select number from evervec_job where id = ?", row -> row.getLong(1), start.jobId());
        if (start.kind() == JobStart.Kind.BUILD) {
            if (used.isPresent()) {
                throw new JobRefusedException(
                        JobRefusedException.Kind.ID_USED,
                        "the job id " + start.jobId() + " was used before in the store " + location
                                + ": give the job another id, or none to get a new one");
            }
            List<PastBuild> past = PastBuild.latest(session, generation);
            requireResumable(session, start, generation, past, location);
            return beginBuild(session, start, owner, role, generation, now, PastBuild.carriedOn(past, start));
        }
        long number = used.isPresent() ? used.get() : enter(session, start, owner, generation, now, null);
        Workers.forgetEnded(session, number);
        session.update(BEGIN_AGAIN, generation, owner, start.maxAttempts(), now, number);
        return new JobTicket(number, owner, start, null, JobTicket.Role.ALONE);
    }

    private static void requireResumable(
            Session session, JobStart start, long generation, List<PastBuild> past, String location)
            throws SQLException {
        String id = start.resumes();
        if (id != null) {
            String refusal = session.first(RESUMABLE, row -> refusal(row, id, generation, past), id)
                    .orElse("there is no job of this id: check the id, or run a new build");
            if (!refusal.isEmpty()) {
                throw new JobRefusedException(
                        JobRefusedException.Kind.NOT_RESUMABLE,
                        "the job " + id + " in the store " + location + " cannot be resumed: " + refusal);
            }
        }
    }

    /** Why a job cannot be carried on, or nothing. */
    private static String refusal(ResultSet row, String id, long generation, List<PastBuild> past) throws SQLException {
        if (Codes.kind(row.getString(1)) != JobStart.Kind.BUILD) {
            return "it is no build; what is embedded live goes on by itself";
        }
        if (row.getLong(2) != generation) {
            String name = row.getString(3);
            return name == null
                    ? "its generation was pruned: run a new build"
                    : "it works on the generation " + name
                            + ", not on the configured one: configure its model, or run a new build";
        }
        if (!row.getString(4).equals(JobState.INTERRUPTED.code())) {
            return "it was not interrupted, it is " + row.getString(4) + ": run a new build";
        }
        return PastBuild.takenOverBy(past, id)
                .map(later -> "the job " + later
                        + " has run since: resume that one if it was interrupted, or run a new build")
                .orElse("");
    }

    /**
     * The number of the first job whose vectors a rebuild leaves alone, because it carries on a rebuild that began with that job;
     * 0 if it carries on none.
     */
    static long keepsFrom(Session session, JobStart start) throws SQLException {
        return session.first(
                        "select coalesce(keeps_from, number) from evervec_job where id = ? and task = ?",
                        row -> row.getLong(1),
                        start.resumes(),
                        JobScope.Task.REBUILD.code())
                .orElse(0L);
    }

    private static JobTicket beginBuild(
            Session session,
            JobStart start,
            String owner,
            JobTicket.Role role,
            long generation,
            long now,
            @Nullable PastBuild before)
            throws SQLException {
        long number = enter(session, start, owner, generation, now, before);
        JobTicket.Resumed resumed =
                before == null ? null : new JobTicket.Resumed(before.id(), Money.usd(before.dollars(), before.rest()));
        return new JobTicket(number, owner, start, resumed, role);
    }

    private static long enter(
            Session session, JobStart start, String owner, long generation, long now, @Nullable PastBuild before)
            throws SQLException {
        JobScope scope = start.scope();
        long keepsFrom = keepsFrom(session, start);
        BigDecimal budget = scope.budgetUsd();
        return session.insert(
                ENTER,
                start.jobId(),
                Codes.kind(start.kind()),
                generation,
                owner,
                start.maxAttempts(),
                RunningJob.codes(start.reconsidered()),
                scope.task().code(),
                scope.source(),
                scope.filter(),
                scope.batchSize(),
                budget == null ? null : budget.toPlainString(),
                now,
                before == null ? 0 : before.dollars(),
                before == null ? 0 : before.rest(),
                before == null ? null : Long.valueOf(before.number()),
                keepsFrom == 0 ? null : Long.valueOf(keepsFrom));
    }

    /** Refuses a worker of a job that has ended or was taken over meanwhile: its records may be another's by now. */
    static void requireRunning(Session session, JobTicket job, String location) throws SQLException {
        if (!Workers.isWorking(session, job)) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the job " + job.start().jobId() + " in the store " + location
                            + " was taken over while its worker was away: what it had stored stays; run again",
                    null);
        }
    }

    /** Whether this worker scans for its job. */
    static boolean isScanner(Session session, JobTicket job) throws SQLException {
        return session.number(
                        "select count(*) from evervec_job where number = ? and scanner = ?", job.number(), job.owner())
                > 0;
    }

    /** What is left for a worker that has found nothing to claim. */
    static Remaining remaining(Session session, JobTicket job, long now) throws SQLException {
        List<String> dead = Workers.dead(session, job.number(), job.owner(), now);
        lock(session, job.number());
        Workers.takeBack(session, job.number(), dead);
        Optional<String> scanner = session.first(
                "select scanner from evervec_job where number = ? and scan_ended_at is null and scanner <> ?",
                row -> row.getString(1),
                job.number(),
                job.owner());
        if (scanner.isPresent()) {
            boolean scans = Workers.works(session, scanner.get()) && !dead.contains(scanner.get());
            return scans ? Remaining.LATER : takeOverScan(session, job);
        }
        boolean anyOfOthers = session.first(
                        ANY_OF_OTHERS, row -> true, job.number(), job.number(), job.number(), job.owner())
                .isPresent();
        return anyOfOthers ? Remaining.LATER : Remaining.NOTHING;
    }

    private static Remaining takeOverScan(Session session, JobTicket job) throws SQLException {
        session.update("update evervec_job set scanner = ? where number = ?", job.owner(), job.number());
        return Remaining.SCAN;
    }

    /** Ends a worker, and if no other one works on its job, that too: its list is emptied. */
    static JobEnd end(Session session, JobTicket job, JobState state, Reason untaken, long now) throws SQLException {
        lock(session, job.number());
        List<String> dead = Workers.dead(session, job.number(), job.owner(), now);
        boolean last = Workers.othersEvenDead(session, job.number(), job.owner()) == dead.size();
        Workers.end(session, job.number(), job.owner(), state.code(), now);
        if (!last) {
            Workers.putBack(session, job.number(), job.owner());
            return new JobEnd(0);
        }
        Workers.takeBack(session, job.number(), dead);
        for (String owner : dead) {
            Workers.end(session, job.number(), owner, Workers.INTERRUPTED, now);
        }
        long left = release(session, job.number());
        if (left > 0) {
            Results.count(session, job.number(), Map.of(untaken, left));
        }
        session.update(
                "update evervec_job set state = ?, ended_at = ?, untaken = ?, untaken_reason = ? where number = ?",
                endState(session, job, state).code(),
                now,
                left,
                left > 0 ? untaken.code() : null,
                job.number());
        return new JobEnd(left);
    }

    /** How a job ends whose last worker ends like this: others may have done what that one could not. */
    private static JobState endState(Session session, JobTicket job, JobState last) throws SQLException {
        if (Workers.ever(session, job.number()) == 1) {
            return last;
        }
        if (last == JobState.CANCELLED) {
            return JobState.CANCELLED;
        }
        boolean complete = last == JobState.COMPLETED
                || session.number(
                                "select count(*) from evervec_job where number = ? and scan_ended_at is not null",
                                job.number())
                        > 0;
        JobState settled = settled(session, job.number());
        return settled == JobState.COMPLETED && !complete ? JobState.FAILED : settled;
    }

    /** The number of the generation of a job, 0 if it was pruned. */
    static long generationOf(Session session, JobTicket job) throws SQLException {
        return findGeneration(session, job.start().fingerprint().generation()).orElse(0L);
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
