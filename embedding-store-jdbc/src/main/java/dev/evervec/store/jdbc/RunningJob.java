package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobStart.WhileRunning;
import dev.evervec.pipeline.store.JobTicket;
import java.math.BigDecimal;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A job that runs, for one that would join it.
 *
 * @param model of its generation
 * @param reconsidered the reasons, as its row has them
 * @param keepsFrom the first of the rebuilds that it carries on by request; 0 if it carries on none
 */
record RunningJob(
        long number,
        String id,
        long generation,
        String model,
        int maxAttempts,
        String reconsidered,
        JobScope scope,
        long keepsFrom,
        JobTicket.@Nullable Resumed resumed) {
    private static final String FIND = "select j.*, g.model, r.id resumed_id from evervec_job j"
            + " left join evervec_generation g on g.number = j.generation"
            + " left join evervec_job r on r.number = j.resumes"
            + " where j.state = 'running' and j.kind = ? order by j.number desc";

    /** The job of this kind that runs. */
    static Optional<RunningJob> find(Session session, JobStart.Kind kind) throws SQLException {
        return session.first(FIND, RunningJob::read, Codes.kind(kind));
    }

    private static RunningJob read(ResultSet row) throws SQLException {
        String resumed = row.getString("resumed_id");
        return new RunningJob(
                row.getLong("number"),
                row.getString("id"),
                row.getLong("generation"),
                row.getString("model"),
                row.getInt("max_attempts"),
                row.getString("reconsidered"),
                StoredJob.scope(row),
                row.getLong("keeps_from"),
                resumed == null
                        ? null
                        : new JobTicket.Resumed(
                                resumed, Money.usd(row.getLong("carried_usd"), row.getLong("carried_rest"))));
    }

    /** Reasons as a row has them. */
    static String codes(Set<Reason> reasons) {
        return new TreeSet<>(reasons).stream().map(Reason::code).collect(Collectors.joining(" "));
    }

    /**
     * The ticket of another worker.
     *
     * @param wanted the generation that it asks for
     * @throws JobRefusedException if it is not to join, or asks for something else
     */
    JobTicket join(Session session, JobStart start, String owner, long wanted, long now, String location)
            throws SQLException {
        boolean mayJoin = start.kind() == JobStart.Kind.BUILD && start.whileRunning() != WhileRunning.REFUSE;
        String why = mayJoin ? difference(start, wanted, Jobs.keepsFrom(session, start)) : "";
        if (!mayJoin || why != null) {
            throw refusal(session, mayJoin ? " and cannot be joined, because " + why : "", now, location);
        }
        return new JobTicket(number, owner, start.joining(id), resumed, JobTicket.Role.JOINED);
    }

    /** What to tell another one that would begin; names this job, and where it runs. */
    JobRefusedException refusal(Session session, String why, long now, String location) throws SQLException {
        String where = Workers.where(session, number, now);
        return new JobRefusedException(
                JobRefusedException.Kind.RUNNING,
                "the job " + id + " is running" + (where.isEmpty() ? "" : " (" + where + ")") + " on the store "
                        + location + why + ": wait for it to end, or cancel it" + ifItDied(session, now));
    }

    /** Where leases say who is alive, a dead process holds its job until its lease is over. */
    private String ifItDied(Session session, long now) throws SQLException {
        Duration left = Duration.ofMillis(Math.max(0, Workers.lastLease(session, number) - now));
        return session.locksRows()
                ? "; if what works on it has died, that is known in "
                        + left.plusMillis(999).toSeconds() + " s"
                : "";
    }

    /** What the job does otherwise than is asked, or null if it is the same. */
    private @Nullable String difference(JobStart start, long wanted, long keepsFromWanted) {
        JobScope asked = start.scope();
        if (start.whileRunning() == WhileRunning.JOIN_NAMED && !start.jobId().equals(id)) {
            return "its id is not " + start.jobId();
        }
        if (generation != wanted) {
            return "it embeds with the model " + model + ", or with other settings of it";
        }
        if (asked.task() != scope.task()) {
            return "its task is " + scope.task().code() + ", not "
                    + asked.task().code();
        }
        if (!asked.equalTo(scope)) {
            return differentScope(asked);
        }
        if (start.maxAttempts() != maxAttempts) {
            return "it tries a record " + maxAttempts + " times, not " + start.maxAttempts() + " (max_attempts)";
        }
        if (!codes(start.reconsidered()).equals(reconsidered)) {
            return "it treats texts that are too long otherwise (on_too_long)";
        }
        return keepsFrom == keepsFromWanted
                ? null
                : keepsFrom > 0 ? "it carries on another rebuild" : "it carries on no rebuild";
    }

    private String differentScope(JobScope asked) {
        if (!same(asked.source(), scope.source())) {
            return "it is of " + (scope.source() == null ? "all sources" : "the source " + scope.source());
        }
        if (!same(asked.filter(), scope.filter())) {
            return "it has " + (scope.filter() == null ? "no filter" : "the filter " + scope.filter());
        }
        BigDecimal budget = scope.budgetUsd();
        boolean sameBudget = budget == null
                ? asked.budgetUsd() == null
                : asked.budgetUsd() != null && budget.compareTo(asked.budgetUsd()) == 0;
        return sameBudget
                ? "a job with the task " + scope.task().code() + " has one worker"
                : "its budget is " + (budget == null ? "unlimited" : budget.toPlainString() + " USD");
    }

    private static boolean same(@Nullable String one, @Nullable String other) {
        return one == null ? other == null : one.equals(other);
    }
}
