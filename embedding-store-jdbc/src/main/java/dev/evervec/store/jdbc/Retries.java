package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.RecordState;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Puts what failed on a job's list; runs inside a transaction. */
final class Retries {
    private static final String FIND = "select number, source, state,"
            + " case when vector_hash <> content_hash then 1 else 0 end from evervec_ledger where generation = ?"
            + " and reason in (" + reasons() + ") and attempts < ? and (cast(? as text) is null or source = ?)"
            + " and (cast(? as bigint) is null or retry_due is null or retry_due <= ?) limit ?";
    private static final Bulk TAKE = Bulk.update(
            "number bigint, job bigint, now bigint",
            "evervec_ledger",
            "state = 'pending', reason = null, detail = null, retry_due = null, job = r.job, changed_at = r.now",
            "number = r.number");

    private final Session session;
    private final JobTicket job;
    private final long generation;
    private final long now;

    /** A failed record. */
    private record Failed(long number, String source, RecordState state, boolean stale) {}

    Retries(Session session, JobTicket job, long generation, long now) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.now = now;
    }

    private static String reasons() {
        return Arrays.stream(Reason.values())
                .filter(reason -> reason.ledger() == Reason.Ledger.ATTEMPTED)
                .map(reason -> "'" + reason.code() + "'")
                .collect(Collectors.joining(", "));
    }

    /** Whether there is any. */
    static boolean any(Session session, long generation, FailedSelection selection) throws SQLException {
        return !find(session, generation, selection, 1).isEmpty();
    }

    /** Puts up to so many on the list; returns how many it were. */
    int mark(FailedSelection selection, int limit) throws SQLException {
        List<Failed> found = find(session, generation, selection, limit);
        Counts counts = new Counts();
        Rows rows = session.rows(TAKE);
        for (Failed failed : found) {
            rows.add(failed.number, job.number(), now);
            counts.move(failed.source, failed.state, failed.stale, RecordState.PENDING, failed.stale);
        }
        rows.run();
        counts.store(session, generation);
        return found.size();
    }

    private static List<Failed> find(Session session, long generation, FailedSelection selection, int limit)
            throws SQLException {
        Long dueBy = Codes.millis(selection.dueBy());
        return session.list(
                FIND,
                row -> new Failed(row.getLong(1), row.getString(2), Codes.state(row.getString(3)), row.getInt(4) == 1),
                generation,
                selection.maxAttempts(),
                selection.source(),
                selection.source(),
                dueBy,
                dueBy,
                limit);
    }
}
