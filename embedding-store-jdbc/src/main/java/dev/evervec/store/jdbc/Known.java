package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.ScannedRecord;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
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
 * @param freshSince the first job whose vectors may serve it; 0 if all may
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
        long boughtBy,
        long freshSince) {
    private static final String ROW =
            "generation bigint, source text, id text, blank bigint, content_hash bytea, now bigint, rebuild bigint,"
                    + " asks_who_bought bigint";
    /** Of a ledger row named {@code l} at a time {@code r.now}: whether somebody works on it. */
    static final String CLAIMED =
            "exists (select 1 from evervec_worker w where w.owner = l.owner and w.lease_end > r.now)";

    private static final String COLUMNS = "case when r.blank = 1 or r.rebuild = 1 or l.state <> 'embedded'"
            + " or l.content_hash <> r.content_hash then 1 else 0 end, l.number, l.state, l.reason,"
            + " case when l.content_hash = r.content_hash then 1 else 0 end, l.attempts,"
            + " case when " + CLAIMED + " then 1 else 0 end,"
            + " case when l.vector_hash <> l.content_hash then 1 else 0 end,"
            + " case when case l.state when 'embedded' then l.content_hash else l.vector_hash end <> r.content_hash"
            + " then 1 else 0 end, coalesce(case when r.asks_who_bought = 1 then (select v.bought_by from {vectors} v"
            + " where v.generation = l.generation and v.source = l.source and v.id = l.id and v.part = 0) end, 0),"
            + " coalesce(l.fresh_since, 0)";
    private static final String OF_KEY = "l.generation = r.generation and l.source = r.source and l.id = r.id";
    static final Bulk COMPARE = Bulk.select(ROW, COLUMNS, "evervec_ledger l", OF_KEY);
    private static final Bulk LOCK = Bulk.lock(ROW, COLUMNS, OF_KEY);

    /** Whether it is embedded as it was scanned. */
    boolean hasVectorOfItsContent() {
        return state == RecordState.EMBEDDED && sameContent;
    }

    /** Takes what is known of a record. */
    @FunctionalInterface
    interface Found {
        /**
         * Takes one.
         *
         * @param place of the record in its page
         */
        void accept(int place, Known known);
    }

    /** What is known of these records; nothing of those that are not in the ledger. */
    static void find(
            Session session, Generation generation, List<ScannedRecord> records, Judge judge, long now, Found found)
            throws SQLException {
        read(session, COMPARE, generation, records, judge, now, found);
    }

    /** What is known of these records, which nobody else changes any more until the transaction ends. */
    static void lock(
            Session session, Generation generation, List<ScannedRecord> records, Judge judge, long now, Found found)
            throws SQLException {
        read(session, LOCK, generation, records, judge, now, found);
    }

    private static void read(
            Session session,
            Bulk query,
            Generation generation,
            List<ScannedRecord> records,
            Judge judge,
            long now,
            Found found)
            throws SQLException {
        if (generation.exists()) {
            rows(session, generation.sql(query), generation, records, judge, now)
                    .forEach((place, row) -> found.accept(place, read(row)));
        }
    }

    private static Rows rows(
            Session session, Bulk bulk, Generation generation, List<ScannedRecord> records, Judge judge, long now)
            throws SQLException {
        Rows rows = session.rows(bulk);
        for (ScannedRecord record : records) {
            rows.add(
                    generation.number(),
                    record.key().source(),
                    record.key().id(),
                    Judge.isBlank(record) ? 1 : 0,
                    record.contentHash().bytes(),
                    now,
                    judge.mode() == MarkMode.REBUILD ? 1 : 0,
                    judge.asksWhoBought() ? 1 : 0);
        }
        return rows;
    }

    private static Known read(ResultSet row) throws SQLException {
        boolean isSettled = row.getInt(1) == 0;
        // Nearly all records of a scan are, and reading a column takes its time.
        return isSettled
                ? new Known(row.getLong(2), RecordState.EMBEDDED, null, true, 0, false, false, false, 0, 0)
                : new Known(
                        row.getLong(2),
                        Codes.state(row.getString(3)),
                        Codes.reason(row.getString(4)),
                        row.getInt(5) == 1,
                        row.getInt(6),
                        row.getInt(7) == 1,
                        row.getInt(8) == 1,
                        row.getInt(9) == 1,
                        row.getLong(10),
                        row.getLong(11));
    }
}
