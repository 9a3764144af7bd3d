package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import java.sql.SQLException;
import java.util.ArrayList;
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
    private static final String KEY = "generation bigint, source text, id text, now bigint";
    private static final String OF_KEY = "l.generation = r.generation and l.source = r.source and l.id = r.id";
    private static final Bulk FIND = Bulk.lock(
            KEY,
            "l.number, l.state, case when l.vector_hash <> l.content_hash then 1 else 0 end," + " case when "
                    + Known.CLAIMED + " then 1 else 0 end",
            OF_KEY);

    private final JobTicket job;
    private final Generation generation;

    LiveMarking(JobTicket job, Generation generation) {
        this.job = job;
        this.generation = generation;
    }

    @Override
    public MarkedPage mark(Session session, List<ScannedRecord> page, MarkMode mode, long now) throws SQLException {
        generation.lock(session);
        Judge judge = new Judge(job.start(), mode, 0);
        Marks marks = new Marks(session, job, generation, judge, now, Jobs.scanning(session, generation.number()));
        List<RecordKey> duplicates = new ArrayList<>();
        Map<RecordKey, ScannedRecord> first = firstOfEach(page, duplicates);
        marks.compare(List.copyOf(first.values()));
        return marks.store(duplicates);
    }

    private static Map<RecordKey, ScannedRecord> firstOfEach(List<ScannedRecord> page, List<RecordKey> duplicates) {
        Map<RecordKey, ScannedRecord> first = new LinkedHashMap<>();
        for (ScannedRecord record : page) {
            if (first.putIfAbsent(record.key(), record) != null) {
                duplicates.add(record.key());
            }
        }
        return first;
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
            Session session, Generation generation, List<ScannedRecord> page, Judge judge, long now)
            throws SQLException {
        List<ScannedRecord> records =
                List.copyOf(firstOfEach(page, new ArrayList<>()).values());
        @Nullable Known[] known = new Known[records.size()];
        Known.find(session, generation, records, judge, now, (place, found) -> known[place] = found);
        Map<RecordKey, Long> taken = new LinkedHashMap<>();
        for (int place = 0; place < known.length; place++) {
            Known found = known[place];
            if (judge.verdict(records.get(place), found).puts()) {
                Long fresh = judge.freshSince(Long.MAX_VALUE);
                taken.put(records.get(place).key(), fresh != null ? fresh : found == null ? 0 : found.freshSince());
            }
        }
        return taken;
    }

    /** Takes records out of the ledger, vectors included; returns those that stay because they are claimed. */
    static Set<RecordKey> forget(Session session, Generation generation, Set<RecordKey> gone, long now)
            throws SQLException {
        generation.lock(session);
        List<RecordKey> keys = List.copyOf(gone);
        Counts counts = new Counts();
        Set<RecordKey> claimed = new LinkedHashSet<>();
        Rows vectors = session.rows(generation.sql(Marks.REMOVE_VECTORS));
        Rows records = session.rows(Marks.REMOVE);
        HostColumns columns = session.hostColumns();
        rowsOf(session, FIND, generation, keys, now).forEach((place, row) -> {
            RecordKey key = keys.get(place);
            if (row.getInt(4) == 1) {
                claimed.add(key);
            } else {
                vectors.add(generation.number(), key.source(), key.id());
                columns.remove(key);
                records.add(row.getLong(1));
                counts.leave(key.source(), Codes.state(row.getString(2)), row.getInt(3) == 1);
            }
        });
        if (claimed.size() < keys.size() && generation.exists()) {
            vectors.run();
            columns.run();
            records.run();
        }
        counts.store(session, generation.number());
        return claimed;
    }

    private static Rows rowsOf(Session session, Bulk bulk, Generation generation, List<RecordKey> keys, long now)
            throws SQLException {
        Rows rows = session.rows(bulk);
        for (RecordKey key : keys) {
            rows.add(generation.number(), key.source(), key.id(), now);
        }
        return rows;
    }
}
