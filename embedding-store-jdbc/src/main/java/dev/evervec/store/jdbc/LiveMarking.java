package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Compares single records with the ledger, those that a host has said to have changed. It has met only them, so it cannot
 * know what has vanished. A build that scans at the same time is told what was met here: its scan may have passed the place of
 * a record that is new.
 */
final class LiveMarking implements Marking {
    private static final String FIND = "select number, state, coalesce(vector_hash <> content_hash, 0),"
            + " case when exists (select 1 from evervec_worker w where w.owner = evervec_ledger.owner and w.lease_end > ?) then 1 else 0 end from evervec_ledger where generation = ? and source = ? and id = ?";
    private static final String REMOVE = "delete from evervec_ledger where number = ?";
    private static final String REMOVE_VECTORS =
            "delete from evervec_vector where generation = ? and source = ? and id = ?";

    private final JobTicket job;
    private final long generation;

    LiveMarking(JobTicket job, long generation) {
        this.job = job;
        this.generation = generation;
    }

    @Override
    public MarkedPage mark(Session session, List<ScannedRecord> page, MarkMode mode, long now) throws SQLException {
        Judge judge = new Judge(job.start(), mode, 0);
        Marks marks = new Marks(session, job, generation, judge, now, Jobs.scanning(session, generation));
        List<RecordKey> duplicates = new ArrayList<>();
        Set<RecordKey> keys = new HashSet<>();
        for (ScannedRecord record : page) {
            if (keys.add(record.key())) {
                marks.add(record, Known.find(session, generation, record, judge, now));
            } else {
                duplicates.add(record.key());
            }
        }
        return marks.store(duplicates);
    }

    @Override
    public void pageCommitted() {
        // Nothing is kept from page to page.
    }

    @Override
    public ScanSummary end(Session session, ScanScope scope, double maxVanishedShare, long now) throws SQLException {
        if (scope instanceof ScanScope.Complete) {
            throw new IllegalArgumentException("scope: what is embedded live never covers a source");
        }
        return new ScanSummary(Map.of(), Map.of());
    }

    /** Which records of a page a job would put on its list. Only reads. */
    static Map<RecordKey, Long> wouldTake(
            Session session, long generation, List<ScannedRecord> page, Judge judge, long now) throws SQLException {
        Set<RecordKey> keys = new HashSet<>();
        Map<RecordKey, Long> taken = new LinkedHashMap<>();
        for (ScannedRecord record : page) {
            Known known = Known.find(session, generation, record, judge, now);
            if (keys.add(record.key()) && judge.verdict(record, known).puts()) {
                Long fresh = judge.freshSince(Long.MAX_VALUE);
                taken.put(record.key(), fresh == null ? freshSince(session, known) : fresh);
            }
        }
        return taken;
    }

    private static long freshSince(Session session, @Nullable Known known) throws SQLException {
        return known == null
                ? 0
                : session.number(
                        "select coalesce(fresh_since, 0) from evervec_ledger where number = ?", known.number());
    }

    /** Takes records out of the ledger, vectors included; returns those that stay because they are claimed. */
    static Set<RecordKey> forget(Session session, long generation, Set<RecordKey> gone, long now) throws SQLException {
        record Row(long number, RecordState state, boolean stale, boolean claimed) {}
        Counts counts = new Counts();
        Set<RecordKey> claimed = new LinkedHashSet<>();
        for (RecordKey key : gone) {
            List<Row> rows = session.list(
                    FIND,
                    row -> new Row(
                            row.getLong(1), Codes.state(row.getString(2)), row.getInt(3) == 1, row.getInt(4) == 1),
                    now,
                    generation,
                    key.source(),
                    key.id());
            for (Row row : rows) {
                if (row.claimed) {
                    claimed.add(key);
                } else {
                    session.update(REMOVE, row.number);
                    session.update(REMOVE_VECTORS, generation, key.source(), key.id());
                    counts.leave(key.source(), row.state, row.stale);
                }
            }
        }
        counts.store(session, generation);
        return claimed;
    }
}
