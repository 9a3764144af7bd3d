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
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Compares what a scan meets with the ledger. Owned by the writer; every method runs inside a transaction.
 *
 * <p>Scratch tables belong to a connection. When the writer's is lost, so is what the scan has met: it cannot go on, for it
 * would take every record met again for the first of its kind, and those met before for vanished ones.
 *
 * <p>A page is loaded into a scratch table and compared by one query, which answers only the records that need a look: a
 * page of embedded and unchanged records answers nothing. The keys met so far are in a second scratch table, on disk.
 */
final class Scan implements Marking {
    private static final String LOAD =
            "insert into evervec_page (ordinal, source, id, blank, content_hash) values (?, ?, ?, ?, ?)";
    private static final String REMEMBER = "insert into evervec_seen (source, id, blank, page)"
            + " select source, id, blank, ? from evervec_page where true on conflict do nothing";
    private static final String TAKE_OUT_SEEN = "delete from evervec_page where exists (select 1 from evervec_seen s"
            + " where s.source = evervec_page.source and s.id = evervec_page.id and s.page <> ?) returning ordinal";
    private static final String COMPARE = "select p.ordinal, " + Known.columns("p.content_hash")
            + " from evervec_page p left join evervec_ledger l on l.generation = ? and l.source = p.source"
            + " and l.id = p.id where case when p.blank = 1 then l.number is not null else ? = 1 or l.number is null"
            + " or l.state <> 'embedded' or l.content_hash <> p.content_hash end order by p.ordinal";
    private static final String MEET = "insert into evervec_seen (source, id, blank, page) select source, id, 0, 0"
            + " from evervec_ledger where met = ? and generation = ? on conflict do nothing";
    private static final String FORGET_MET = "update evervec_ledger set met = null where met = ?";
    private static final String NOT_SEEN = " where generation = ? and source = ? and not exists (select 1 from"
            + " evervec_seen s where s.source = %1$s.source and s.id = %1$s.id)";
    private static final String VANISHED =
            "select state, count(*), sum(coalesce(vector_hash <> content_hash, 0)) from evervec_ledger"
                    + NOT_SEEN.formatted("evervec_ledger") + " group by state";
    private static final String REMOVE_VANISHED = "delete from evervec_ledger" + NOT_SEEN.formatted("evervec_ledger");
    private static final String REMOVE_VANISHED_VECTORS =
            "delete from evervec_vector" + NOT_SEEN.formatted("evervec_vector");
    private static final String SUM =
            "select coalesce(sum(records), 0) from evervec_count where generation = ?" + " and source = ?";
    private static final String BLANK = "select count(*) from evervec_seen s where s.source = ? and s.blank = 1"
            + " and not exists (select 1 from evervec_ledger l where l.generation = ? and l.source = s.source"
            + " and l.id = s.id)";
    private static final String KEEP_SCAN = "insert into evervec_source_scan (generation, source, blank, as_of)"
            + " values (?, ?, ?, ?) on conflict (generation, source) do update set blank = excluded.blank,"
            + " as_of = excluded.as_of";
    private static final String FORGET_SCAN = "delete from evervec_source_scan where generation = ? and source = ?";

    private final JobTicket job;
    private final long generation;
    private final String location;
    private final long keepsFrom;
    private Session session;
    private boolean repeated;
    private long pages; // marked and committed

    private Scan(Session session, JobTicket job, long generation, String location, long keepsFrom) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.location = location;
        this.keepsFrom = keepsFrom;
    }

    /** Begins a scan that has met nothing. */
    static Scan begin(Session session, JobTicket job, long generation, String location) throws SQLException {
        session.update("delete from evervec_seen");
        session.update("delete from evervec_page");
        return new Scan(session, job, generation, location, Jobs.keepsFrom(session, job.start()));
    }

    /** Begins a scan anew whose worker died; it leaves alone what its job has come to already. */
    static Scan again(Session session, JobTicket job, long generation, String location) throws SQLException {
        Scan scan = begin(session, job, generation, location);
        scan.repeated = true;
        return scan;
    }

    @Override
    public boolean isRepeated() {
        return repeated;
    }

    private void goOnWith(Session current) {
        if (current != session && pages > 0) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the connection to the store " + location
                            + " was lost in the middle of a scan, and with it what the"
                            + " scan had met: run again; what was stored stays",
                    null);
        }
        session = current;
    }

    @Override
    public void pageCommitted() {
        pages++;
    }

    @Override
    public MarkedPage mark(Session current, List<ScannedRecord> records, MarkMode mode, long now) throws SQLException {
        goOnWith(current);
        Set<Integer> duplicates = load(records);
        Judge judge = new Judge(job.start(), mode, keepsFrom);
        Marks marks = new Marks(session, job, generation, judge, now, null);
        // Written when all is read: the query reads the tables that are written to.
        session.forEach(
                COMPARE,
                row -> marks.add(records.get(row.getInt(1)), Known.joined(row, 2)),
                now,
                judge.asksWhoBought() ? 1 : 0,
                generation,
                mode == MarkMode.REBUILD ? 1 : 0);
        session.update("delete from evervec_page");
        return marks.store(
                duplicates.stream().map(ordinal -> records.get(ordinal).key()).toList());
    }

    /** Loads the records that this scan has not met before; returns the places of the others, ascending. */
    private Set<Integer> load(List<ScannedRecord> records) throws SQLException {
        Set<Integer> duplicates = new TreeSet<>();
        Set<RecordKey> keys = new HashSet<>();
        Session.Batch batch = session.batch(LOAD);
        for (int ordinal = 0; ordinal < records.size(); ordinal++) {
            ScannedRecord record = records.get(ordinal);
            if (keys.add(record.key())) {
                batch.add(
                        ordinal,
                        record.key().source(),
                        record.key().id(),
                        Judge.isBlank(record) ? 1 : 0,
                        record.contentHash().bytes());
            } else {
                duplicates.add(ordinal);
            }
        }
        batch.run();
        long page = pages + 1;
        if (session.update(REMEMBER, page) < keys.size()) {
            session.forEach(TAKE_OUT_SEEN, row -> duplicates.add(row.getInt(1)), page);
        }
        return duplicates;
    }

    @Override
    public ScanSummary end(Session current, ScanScope scope, double maxVanishedShare, long now) throws SQLException {
        goOnWith(current);
        Map<String, Long> removed = new HashMap<>();
        Map<String, Long> kept = new HashMap<>();
        if (scope instanceof ScanScope.Complete complete) {
            session.update(MEET, job.number(), generation);
            Set<String> met =
                    new HashSet<>(session.list("select distinct source from evervec_seen", row -> row.getString(1)));
            for (String source : sources(complete.source(), met)) {
                long inLedger = session.number(SUM, generation, source);
                Counts gone = new Counts();
                long vanished = vanished(source, gone);
                if (vanished > 0 && vanished > maxVanishedShare * inLedger) {
                    kept.put(source, vanished);
                } else if (vanished > 0) {
                    session.update(REMOVE_VANISHED_VECTORS, generation, source);
                    session.update(REMOVE_VANISHED, generation, source);
                    gone.store(session, generation);
                    removed.put(source, vanished);
                    inLedger -= vanished;
                }
                if (inLedger == 0 && !met.contains(source)) {
                    forget(source);
                } else {
                    session.update(KEEP_SCAN, generation, source, session.number(BLANK, source, generation), now);
                }
            }
        }
        session.update(FORGET_MET, job.number());
        session.update("delete from evervec_seen");
        return new ScanSummary(removed, kept);
    }

    private Set<String> sources(@Nullable String only, Set<String> met) throws SQLException {
        if (only != null) {
            return Set.of(only);
        }
        Set<String> all = new TreeSet<>(met);
        all.addAll(session.list(
                "select source from evervec_count where generation = ? union select source from evervec_source_scan"
                        + " where generation = ?",
                row -> row.getString(1),
                generation,
                generation));
        return all;
    }

    private long vanished(String source, Counts gone) throws SQLException {
        long[] vanished = new long[1];
        session.forEach(
                VANISHED,
                row -> {
                    gone.add(source, Codes.state(row.getString(1)), -row.getLong(2), -row.getLong(3));
                    vanished[0] += row.getLong(2);
                },
                generation,
                source);
        return vanished[0];
    }

    /** A source without records in the host or in the ledger is no source any more. */
    private void forget(String source) throws SQLException {
        session.update(FORGET_SCAN, generation, source);
        session.update("delete from evervec_count where generation = ? and source = ?", generation, source);
    }
}
