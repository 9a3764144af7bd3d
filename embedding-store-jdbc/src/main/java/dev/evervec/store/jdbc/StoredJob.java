package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import java.math.BigDecimal;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A job as its rows tell of it.
 *
 * @param run whose work it is or was
 * @param info what is to be shown of it
 */
record StoredJob(Run run, JobInfo info) {
    private static final String SELECT = "select j.*, g.name generation_name, r.id resumed_id from evervec_job j"
            + " left join evervec_generation g on g.number = j.generation"
            + " left join evervec_job r on r.number = j.resumes where ";
    private static final String COUNTS = "select reason, records from evervec_job_count where job = ?";

    private static final String WORKERS = "select count(*), count(held_up_by), min(held_up_by) from evervec_worker"
            + " where job = ? and ended_at is null and lease_end > ?";

    /**
     * One run of a job: what is embedded live is one job that runs again and again.
     *
     * @param number of the job
     * @param scanner the worker that scans
     */
    record Run(JobStart.Kind kind, long number, String scanner) {}

    /** What the living workers of a job say. */
    private record Alive(int workers, @Nullable String heldUpBy) {
        static Alive of(Session session, long job, long now) throws SQLException {
            return session.first(
                            WORKERS,
                            row -> new Alive(row.getInt(1), row.getInt(1) == row.getInt(2) ? row.getString(3) : null),
                            job,
                            now)
                    .orElseThrow();
        }
    }

    /**
     * The latest builds, newest first.
     *
     * @param now workers whose leases end later are alive
     */
    static List<StoredJob> builds(Session session, int limit, long now) throws SQLException {
        return session.list(
                SELECT + "j.kind = ? order by j.number desc limit ?",
                row -> read(session, row, now),
                Codes.kind(JobStart.Kind.BUILD),
                limit);
    }

    /** The job of this id, if there is one. */
    static List<StoredJob> ofId(Session session, String id, long now) throws SQLException {
        return session.list(SELECT + "j.id = ?", row -> read(session, row, now), id);
    }

    boolean isRunning() {
        return info.state() == JobState.RUNNING;
    }

    /** What is to be shown of it if its worker is dead. */
    JobInfo interrupted() {
        return new JobInfo(
                info.jobId(),
                info.scope(),
                info.generation(),
                JobState.INTERRUPTED,
                info.startedAt(),
                null,
                info.embedded(),
                info.notEmbedded(),
                info.requests(),
                info.inputTokens(),
                info.outputTokens(),
                info.costUsd(),
                0,
                null,
                false,
                info.resumes());
    }

    private static StoredJob read(Session session, ResultSet row, long now) throws SQLException {
        long number = row.getLong("number");
        Map<Reason, Long> notEmbedded = new EnumMap<>(Reason.class);
        session.forEach(COUNTS, count -> notEmbedded.put(Reason.ofCode(count.getString(1)), count.getLong(2)), number);
        JobState stored = JobState.valueOf(row.getString("state").toUpperCase(Locale.ROOT));
        boolean working = stored == JobState.RUNNING;
        Alive alive = working ? Alive.of(session, number, now) : new Alive(0, null);
        JobState state = working && alive.workers == 0 ? Jobs.deserted(session, number) : stored;
        Sums sums = working ? Sums.read(row).plus(Workers.sums(session, number)) : Sums.read(row);
        return new StoredJob(
                new Run(Codes.kind(row.getString("kind")), number, row.getString("scanner")),
                new JobInfo(
                        row.getString("id"),
                        scope(row),
                        Objects.requireNonNullElse(row.getString("generation_name"), ""),
                        state,
                        Instant.ofEpochMilli(row.getLong("started_at")),
                        Codes.instant(row, row.findColumn("ended_at")),
                        sums.embedded(),
                        notEmbedded,
                        sums.requests(),
                        sums.inputTokens(),
                        sums.outputTokens(),
                        sums.usd(),
                        state == JobState.RUNNING ? alive.workers : 0,
                        alive.heldUpBy,
                        state == JobState.RUNNING && row.getInt("cancel_requested") == 1,
                        row.getString("resumed_id")));
    }

    static JobScope scope(ResultSet row) throws SQLException {
        int batchSize = row.getInt("batch_size");
        boolean asConfigured = row.wasNull();
        String budget = row.getString("budget_usd");
        return new JobScope(
                JobScope.Task.valueOf(row.getString("task").toUpperCase(Locale.ROOT)),
                row.getString("source"),
                row.getString("filter"),
                asConfigured ? null : Integer.valueOf(batchSize),
                budget == null ? null : new BigDecimal(budget));
    }
}
