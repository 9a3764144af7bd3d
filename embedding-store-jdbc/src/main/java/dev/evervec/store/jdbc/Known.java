package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.ScannedRecord;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * What the ledger knows of a scanned record.
 *
 * @param number its row
 * @param sameContent whether its content is as the ledger knows it
 * @param claimed whether somebody works on it, under a lease that has not ended
 * @param stale whether it has a vector of another content than the ledger knows
 * @param staleNow whether it has a vector of another content than the scanned one
 * @param boughtBy number of the job that bought its vector; 0 if it has none, or nobody asks
 */
record Known(
        long number,
        RecordState state,
        @Nullable Reason reason,
        boolean sameContent,
        int attempts,
        boolean claimed,
        boolean stale,
        boolean staleNow,
        long boughtBy) {
    /** Columns of a ledger row named {@code l}; values: the scanned content's hash, the time, the hash again, 1 to ask who bought. */
    private static final String COLUMNS = "l.number, l.state, l.reason, l.content_hash = %1$s, l.attempts,"
            + " case when exists (select 1 from evervec_worker w where w.owner = l.owner and w.lease_end > ?) then 1 else 0 end, coalesce(l.vector_hash <> l.content_hash, 0),"
            + " coalesce(case l.state when 'embedded' then l.content_hash else l.vector_hash end <> %1$s, 0),"
            + " coalesce(case when ? = 1 then (select v.bought_by from evervec_vector v where v.generation = l.generation"
            + " and v.source = l.source and v.id = l.id and v.part = 0) end, 0)";

    private static final String FIND =
            "select " + columns("?") + " from evervec_ledger l where l.generation = ? and l.source = ? and l.id = ?";

    /** Whether it is embedded as it was scanned. */
    boolean hasVectorOfItsContent() {
        return state == RecordState.EMBEDDED && sameContent;
    }

    /** Columns for {@link #read}; to be bound: a time, and 1 to ask who bought the vector. */
    static String columns(String contentHash) {
        return COLUMNS.formatted(contentHash);
    }

    /** Reads the columns of a join, beginning with this one; null if there is no row. */
    static @Nullable Known joined(ResultSet row, int column) throws SQLException {
        row.getLong(column);
        return row.wasNull() ? null : read(row, column);
    }

    private static Known read(ResultSet row, int column) throws SQLException {
        return new Known(
                row.getLong(column),
                Codes.state(row.getString(column + 1)),
                Codes.reason(row.getString(column + 2)),
                row.getInt(column + 3) == 1,
                row.getInt(column + 4),
                row.getInt(column + 5) == 1,
                row.getInt(column + 6) == 1,
                row.getInt(column + 7) == 1,
                row.getLong(column + 8));
    }

    /** What is known of a single record, or null if it is not in the ledger. */
    static @Nullable Known find(Session session, long generation, ScannedRecord record, Judge judge, long now)
            throws SQLException {
        byte[] hash = record.contentHash().bytes();
        return session.first(
                        FIND,
                        row -> read(row, 1),
                        hash,
                        now,
                        hash,
                        judge.asksWhoBought() ? 1 : 0,
                        generation,
                        record.key().source(),
                        record.key().id())
                .orElse(null);
    }
}
