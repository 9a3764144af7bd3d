package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.StoreException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Compares what a scan meets with the ledger. Owned by the writer; every method runs inside a transaction.
 *
 * <p>The keys met so far are in a table, because they may be many. It is no part of what a database keeps for good: SQLite's
 * belongs to the writer's connection, PostgreSQL's is emptied after a crash of the server. A scan whose keys are lost cannot go
 * on, for it would take every record met again for the first of its kind, and those met before for vanished ones.
 */
final class Scan implements Marking {
    private static final String KEY = "job bigint, source text, id text, blank bigint";
    private static final Bulk MET_BEFORE =
            Bulk.select(KEY, "1", "evervec_seen s", "s.job = r.job and s.source = r.source and s.id = r.id");
    private static final Bulk REMEMBER =
            Bulk.insert(KEY, "evervec_seen (job, source, id, blank)", "r.job, r.source, r.id, r.blank", "");
    private static final String KNOWS = "select count(*) from evervec_seen where job = ? and source = ? and id = ?";
    private static final String MEET = "insert into evervec_seen (job, source, id, blank)"
            + " select met, source, id, 0 from evervec_ledger where met = ? and generation = ? on conflict do nothing";
    private static final String LOCK_MET =
            "select count(*) from (select number from evervec_ledger where met = ? order by number for update) locked";
    private static final String FORGET_MET = "update evervec_ledger set met = null where met = ?";
    private static final String FORGET_SEEN = "delete from evervec_seen where job = ?";
    private static final String NOT_SEEN =
            " from %1$s where generation = ? and source = ? and not exists (select 1 from"
                    + " evervec_seen s where s.job = ? and s.source = %1$s.source and s.id = %1$s.id)";
    private static final String GONE = NOT_SEEN.formatted("evervec_ledger") + " and coalesce(met, 0) <> ?";
    private static final String LOCK_VANISHED =
            "select count(*) from (select number" + GONE + " order by number for update) locked";
    private static final String VANISHED =
            "select state, count(*), sum(case when vector_hash <> content_hash then 1 else 0 end)" + GONE
                    + " group by state";
    private static final String VANISHED_IDS = "select id" + GONE;
    private static final String REMOVE_VANISHED = "delete" + GONE;
    private static final String REMOVE_VANISHED_VECTORS =
            "delete from {vectors} where generation = ? and source = ?" + " and id in (select id" + GONE + ")";
    private static final String SOURCES_SEEN = "select distinct source from evervec_seen where job = ?";
    private static final String SUM =
            "select coalesce(sum(records), 0) from evervec_count where generation = ?" + " and source = ?";
    private static final String BLANK =
            "select count(*) from evervec_seen s where s.job = ? and s.source = ? and s.blank = 1"
                    + " and not exists (select 1 from evervec_ledger l where l.generation = ? and l.source = s.source"
                    + " and l.id = s.id)";
    private static final String KEEP_SCAN = "insert into evervec_source_scan (generation, source, blank, as_of)"
            + " values (?, ?, ?, ?) on conflict (generation, source) do update set blank = excluded.blank,"
            + " as_of = excluded.as_of";
    private static final String FORGET_SCAN = "delete from evervec_source_scan where generation = ? and source = ?";

    private static final String OF_JOB = "v.job = r.job and v.source = r.source and v.id = r.id";
    private static final Bulk COME_TO = Bulk.select(
            "job bigint, generation bigint, source text, id text",
            "case when l.job = r.job and l.owner is not null"
                    + " or exists (select 1 from {vectors} v where v.generation = r.generation and " + OF_JOB + ")"
                    + " or exists (select 1 from evervec_outcome v where " + OF_JOB + ") then 1 else 0 end,"
                    + " case when l.job = r.job then 1 else 0 end",
            "evervec_ledger l",
            "l.generation = r.generation and l.source = r.source and l.id = r.id");

    private final JobTicket job;
    private final Generation generation;
    private final String location;
    private final long keepsFrom;
    private final boolean repeated;
    private @Nullable RecordKey lastOfPage;
    private @Nullable RecordKey last; // of the pages that were committed

    private Scan(JobTicket job, Generation generation, String location, long keepsFrom, boolean repeated) {
        this.job = job;
        this.generation = generation;
        this.location = location;
        this.keepsFrom = keepsFrom;
        this.repeated = repeated;
    }

    /** Begins a scan that has met nothing. */
    static Scan begin(Session session, JobTicket job, Generation generation, String location) throws SQLException {
        return begin(session, job, generation, location, false);
    }

    /** Begins a scan anew whose worker died. What its job has come to already it leaves alone. */
    static Scan again(Session session, JobTicket job, Generation generation, String location) throws SQLException {
        return begin(session, job, generation, location, true);
    }

    private static Scan begin(Session session, JobTicket job, Generation generation, String location, boolean repeated)
            throws SQLException {
        session.update(FORGET_SEEN, job.number());
        return new Scan(job, generation, location, Jobs.keepsFrom(session, job.start()), repeated);
    }

    @Override
    public boolean isRepeated() {
        return repeated;
    }

    private void goOn(Session session) throws SQLException {
        generation.lock(session);
        RecordKey key = last;
        if (key != null && session.number(KNOWS, job.number(), key.source(), key.id()) == 0) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the connection to the store " + location
                            + " was lost in the middle of a scan, and with it what the"
                            + " scan had met: run again; what was stored stays",
                    null);
        }
    }

    @Override
    public void pageCommitted() {
        last = lastOfPage;
    }

    @Override
    public MarkedPage mark(Session session, List<ScannedRecord> records, MarkMode mode, long now) throws SQLException {
        goOn(session);
        Set<Integer> duplicates = new TreeSet<>();
        List<ScannedRecord> met = firstMet(session, records, duplicates);
        lastOfPage = met.isEmpty() ? last : met.get(met.size() - 1).key();
        Judge judge = new Judge(job.start(), mode, keepsFrom);
        Marks marks = new Marks(session, job, generation, judge, now, null);
        List<RecordKey> again =
                duplicates.stream().map(ordinal -> records.get(ordinal).key()).toList();
        if (!repeated) {
            marks.compare(met);
            return marks.store(again);
        }
        ComeTo comeTo = comeTo(session, met, judge, now);
        marks.compare(comeTo.left);
        MarkedPage marked = marks.store(again);
        return new MarkedPage(marked.taken() - comeTo.listed, again, marked.exhausted(), marked.busy());
    }

    /**
     * What a job has come to, of some records.
     *
     * @param left those that it has neither settled nor claimed
     * @param listed how many of these are on its list already
     */
    private record ComeTo(List<ScannedRecord> left, int listed) {}

    private ComeTo comeTo(Session session, List<ScannedRecord> records, Judge judge, long now) throws SQLException {
        if (session.locksRows()) {
            Known.lock(session, generation, records, judge, now, (place, known) -> {});
        }
        Rows asked = session.rows(generation.sql(COME_TO));
        for (ScannedRecord record : records) {
            asked.add(
                    job.number(),
                    generation.number(),
                    record.key().source(),
                    record.key().id());
        }
        Set<Integer> done = new HashSet<>();
        int[] listed = new int[1];
        asked.forEach((place, row) -> {
            if (row.getInt(1) == 1) {
                done.add(place);
            } else if (!Judge.isBlank(records.get(place))) {
                listed[0] += row.getInt(2);
            }
        });
        List<ScannedRecord> left = IntStream.range(0, records.size())
                .filter(place -> !done.contains(place))
                .mapToObj(records::get)
                .toList();
        return new ComeTo(left, listed[0]);
    }

    /** The records that this scan has not met before, which it remembers; and the places of the others. */
    private List<ScannedRecord> firstMet(Session session, List<ScannedRecord> records, Set<Integer> duplicates)
            throws SQLException {
        Set<RecordKey> keys = new HashSet<>();
        Rows asked = session.rows(MET_BEFORE);
        for (int place = 0; place < records.size(); place++) {
            add(asked, records.get(place));
            if (!keys.add(records.get(place).key())) {
                duplicates.add(place);
            }
        }
        asked.forEach((place, row) -> duplicates.add(place));
        List<ScannedRecord> met = new ArrayList<>();
        Rows remembered = session.rows(REMEMBER);
        for (int place = 0; place < records.size(); place++) {
            if (!duplicates.contains(place)) {
                met.add(records.get(place));
                add(remembered, records.get(place));
            }
        }
        remembered.run();
        return met;
    }

    private void add(Rows rows, ScannedRecord record) throws SQLException {
        rows.add(job.number(), record.key().source(), record.key().id(), Judge.isBlank(record) ? 1 : 0);
    }

    @Override
    public ScanSummary end(Session session, ScanScope scope, double maxVanishedShare, long now) throws SQLException {
        goOn(session);
        Map<String, Long> removed = new HashMap<>();
        Map<String, Long> kept = new HashMap<>();
        if (scope instanceof ScanScope.Complete complete) {
            session.fitPlans();
            session.update(MEET, job.number(), generation.number());
            Set<String> met = new HashSet<>(session.list(SOURCES_SEEN, row -> row.getString(1), job.number()));
            for (String source : sources(session, complete.source(), met)) {
                long inLedger = session.number(SUM, generation.number(), source);
                Counts gone = new Counts();
                long vanished = vanished(session, source, gone);
                if (vanished > 0 && vanished > maxVanishedShare * inLedger) {
                    kept.put(source, vanished);
                } else if (vanished > 0) {
                    remove(session, source);
                    gone.store(session, generation.number());
                    removed.put(source, vanished);
                    inLedger -= vanished;
                }
                if (inLedger == 0 && !met.contains(source)) {
                    forget(session, source);
                } else {
                    long blank = session.number(BLANK, job.number(), source, generation.number());
                    session.update(KEEP_SCAN, generation.number(), source, blank, now);
                }
            }
        }
        if (session.locksRows()) {
            session.number(LOCK_MET, job.number());
        }
        session.update(FORGET_MET, job.number());
        session.update(FORGET_SEEN, job.number());
        return new ScanSummary(removed, kept);
    }

    private Set<String> sources(Session session, @Nullable String only, Set<String> met) throws SQLException {
        if (only != null) {
            return Set.of(only);
        }
        Set<String> all = new TreeSet<>(met);
        all.addAll(session.list(
                "select source from evervec_count where generation = ? union select source from evervec_source_scan"
                        + " where generation = ?",
                row -> row.getString(1),
                generation.number(),
                generation.number()));
        return all;
    }

    private long vanished(Session session, String source, Counts gone) throws SQLException {
        if (session.locksRows()) {
            session.number(LOCK_VANISHED, generation.number(), source, job.number(), job.number());
        }
        long[] vanished = new long[1];
        session.forEach(
                VANISHED,
                row -> {
                    gone.add(source, Codes.state(row.getString(1)), -row.getLong(2), -row.getLong(3));
                    vanished[0] += row.getLong(2);
                },
                generation.number(),
                source,
                job.number(),
                job.number());
        return vanished[0];
    }

    private void remove(Session session, String source) throws SQLException {
        session.update(
                generation.sql(REMOVE_VANISHED_VECTORS),
                generation.number(),
                source,
                generation.number(),
                source,
                job.number(),
                job.number());
        HostColumns columns = session.hostColumns();
        if (!columns.isEmpty()) {
            session.forEach(
                    VANISHED_IDS,
                    row -> columns.remove(new RecordKey(source, row.getString(1))),
                    generation.number(),
                    source,
                    job.number(),
                    job.number());
            columns.run();
        }
        session.update(REMOVE_VANISHED, generation.number(), source, job.number(), job.number());
    }

    /** A source without records in the host or in the ledger is no source any more. */
    private void forget(Session session, String source) throws SQLException {
        session.update(FORGET_SCAN, generation.number(), source);
        session.update("delete from evervec_count where generation = ? and source = ?", generation.number(), source);
    }
}
