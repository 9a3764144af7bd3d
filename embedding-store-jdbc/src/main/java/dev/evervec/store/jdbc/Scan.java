package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.StoreException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
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
final class Scan {
    private static final String LOAD =
            "insert into evervec_page (ordinal, source, id, blank, content_hash) values (?, ?, ?, ?, ?)";
    private static final String REMEMBER = "insert into evervec_seen (source, id, blank, page)"
            + " select source, id, blank, ? from evervec_page where true on conflict do nothing";
    private static final String TAKE_OUT_SEEN = "delete from evervec_page where exists (select 1 from evervec_seen s"
            + " where s.source = evervec_page.source and s.id = evervec_page.id and s.page <> ?) returning ordinal";
    private static final String COMPARE = "select p.ordinal, p.blank, l.number, l.state, l.reason,"
            + " l.content_hash = p.content_hash, l.attempts from evervec_page p left join evervec_ledger l"
            + " on l.generation = ? and l.source = p.source and l.id = p.id where case when p.blank = 1"
            + " then l.number is not null else ? = 1 or l.number is null or l.state <> 'embedded'"
            + " or l.content_hash <> p.content_hash end order by p.ordinal";
    private static final String ENTER = "insert into evervec_ledger (generation, source, id, state, content_hash,"
            + " locator, attempts, job, version, changed_at) values (?, ?, ?, 'pending', ?, ?, 0, ?, 0, ?)";
    private static final String TAKE = "update evervec_ledger set state = 'pending', reason = null, detail = null,"
            + " content_hash = ?, locator = ?, attempts = ?, retry_due = null, job = ?, owner = null, lease_end = null,"
            + " changed_at = case when state = 'pending' then changed_at else ? end where number = ?";
    private static final String REMOVE = "delete from evervec_ledger where number = ?";
    private static final String REMOVE_VECTORS =
            "delete from evervec_vector where generation = ? and source = ? and id = ?";
    private static final String NOT_SEEN = " where generation = ? and source = ? and not exists (select 1 from"
            + " evervec_seen s where s.source = %1$s.source and s.id = %1$s.id)";
    private static final String VANISHED =
            "select state, count(*) from evervec_ledger" + NOT_SEEN.formatted("evervec_ledger") + " group by state";
    private static final String REMOVE_VANISHED = "delete from evervec_ledger" + NOT_SEEN.formatted("evervec_ledger");
    private static final String REMOVE_VANISHED_VECTORS =
            "delete from evervec_vector" + NOT_SEEN.formatted("evervec_vector");
    private static final String SUM =
            "select coalesce(sum(records), 0) from evervec_count where generation = ?" + " and source = ?";
    private static final String KEEP_TOTAL = "insert into evervec_source_total (generation, source, total,"
            + " with_content, as_of) values (?, ?, ?, ?, ?) on conflict (generation, source) do update set"
            + " total = excluded.total, with_content = excluded.with_content, as_of = excluded.as_of";
    private static final String FORGET_TOTAL = "delete from evervec_source_total where generation = ? and source = ?";

    private final long job;
    private final long generation;
    private final int maxAttempts;
    private final Set<Reason> reconsidered;
    private final String location;
    private Session session;
    private long pages; // marked and committed

    /** What the ledger knows of a record of the page. */
    private record Known(
            long number, RecordState state, @Nullable Reason reason, boolean sameText, int attempts) {
        static Known read(ResultSet row) throws SQLException {
            return new Known(
                    row.getLong(3),
                    Codes.state(row.getString(4)),
                    Codes.reason(row.getString(5)),
                    row.getInt(6) == 1,
                    row.getInt(7));
        }
    }

    /** A record of the page that is in the ledger. */
    private record Met(ScannedRecord record, Known known) {}

    /** What is to be done with a record of the page. */
    private enum Verdict {
        TAKE,
        LEAVE,
        EXHAUSTED
    }

    private Scan(Session session, JobTicket job, long generation, String location) {
        this.session = session;
        this.job = job.number();
        this.generation = generation;
        this.maxAttempts = job.start().maxAttempts();
        this.reconsidered = job.start().reconsidered();
        this.location = location;
    }

    /** Begins a scan that has met nothing. */
    static Scan begin(Session session, JobTicket job, long generation, String location) throws SQLException {
        session.update("delete from evervec_seen");
        session.update("delete from evervec_page");
        return new Scan(session, job, generation, location);
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

    /** To be called when a page's transaction was committed. */
    void pageCommitted() {
        pages++;
    }

    /** A page that was not committed may be marked again. */
    MarkedPage mark(Session current, List<ScannedRecord> records, MarkMode mode, long now) throws SQLException {
        goOnWith(current);
        Set<Integer> duplicates = load(records);
        Marks marks = new Marks(now);
        // Collected first: the answers are written to the tables that the query reads.
        Map<Integer, Known> known = new HashMap<>();
        List<Integer> toLookAt = new ArrayList<>();
        session.forEach(
                COMPARE,
                row -> {
                    toLookAt.add(row.getInt(1));
                    row.getLong(3);
                    if (!row.wasNull()) {
                        known.put(row.getInt(1), Known.read(row));
                    }
                },
                generation,
                mode == MarkMode.REBUILD ? 1 : 0);
        for (int ordinal : toLookAt) {
            marks.add(records.get(ordinal), known.get(ordinal), mode);
        }
        marks.store();
        session.update("delete from evervec_page");
        return new MarkedPage(
                marks.taken,
                duplicates.stream().map(ordinal -> records.get(ordinal).key()).toList(),
                marks.exhausted,
                List.of());
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
                        isBlank(record) ? 1 : 0,
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

    private static boolean isBlank(ScannedRecord record) {
        return record.content() == ScannedRecord.Content.BLANK;
    }

    private Verdict judge(Known known, MarkMode mode) {
        if (mode == MarkMode.REBUILD || !known.sameText || known.state == RecordState.PENDING) {
            return Verdict.TAKE;
        }
        if (known.reason == null) {
            return Verdict.LEAVE;
        }
        return switch (known.reason.ledger()) {
            case ATTEMPTED -> known.attempts < maxAttempts ? Verdict.TAKE : Verdict.EXHAUSTED;
            // A record that had vanished is met again; the other settled ones wait for a change.
            case SETTLED ->
                known.reason == Reason.VANISHED || reconsidered.contains(known.reason) ? Verdict.TAKE : Verdict.LEAVE;
            case PENDING -> Verdict.TAKE;
        };
    }

    ScanSummary end(Session current, ScanScope scope, double maxVanishedShare, long now) throws SQLException {
        goOnWith(current);
        Map<String, Long> removed = new HashMap<>();
        Map<String, Long> kept = new HashMap<>();
        if (scope instanceof ScanScope.Complete complete) {
            Map<String, long[]> met = met();
            for (String source : sources(complete.source(), met.keySet())) {
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
                keepTotal(source, met.getOrDefault(source, new long[2]), inLedger, now);
            }
        }
        session.update("update evervec_job set scan_ended_at = ? where number = ?", now, job);
        session.update("delete from evervec_seen");
        return new ScanSummary(removed, kept);
    }

    /** Records met, and those with content, by source. */
    private Map<String, long[]> met() throws SQLException {
        Map<String, long[]> met = new HashMap<>();
        session.forEach(
                "select source, count(*), sum(1 - blank) from evervec_seen group by source",
                row -> met.put(row.getString(1), new long[] {row.getLong(2), row.getLong(3)}));
        return met;
    }

    private Set<String> sources(@Nullable String only, Set<String> met) throws SQLException {
        if (only != null) {
            return Set.of(only);
        }
        Set<String> all = new TreeSet<>(met);
        all.addAll(session.list(
                "select source from evervec_count where generation = ? union select source from evervec_source_total"
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
                    gone.add(source, Codes.state(row.getString(1)), -row.getLong(2));
                    vanished[0] += row.getLong(2);
                },
                generation,
                source);
        return vanished[0];
    }

    /** A source without records in the host or in the ledger is no source any more. */
    private void keepTotal(String source, long[] met, long inLedger, long now) throws SQLException {
        if (met[0] == 0 && inLedger == 0) {
            session.update(FORGET_TOTAL, generation, source);
            session.update("delete from evervec_count where generation = ? and source = ?", generation, source);
        } else {
            session.update(KEEP_TOTAL, generation, source, met[0], met[1], now);
        }
    }

    /** What one page changes. */
    private final class Marks {
        private final long now;
        private final Counts counts = new Counts();
        private final List<RecordKey> exhausted = new ArrayList<>();
        private final List<ScannedRecord> entering = new ArrayList<>();
        private final List<Met> taking = new ArrayList<>();
        private final List<Met> removing = new ArrayList<>();
        private int taken;

        Marks(long now) {
            this.now = now;
        }

        void add(ScannedRecord record, @Nullable Known known, MarkMode mode) {
            String source = record.key().source();
            if (known == null) {
                entering.add(record);
                counts.move(source, null, RecordState.PENDING);
                taken++;
            } else if (isBlank(record)) {
                removing.add(new Met(record, known));
                counts.move(source, known.state, null);
            } else {
                Verdict verdict = judge(known, mode);
                if (verdict == Verdict.TAKE) {
                    taking.add(new Met(record, known));
                    counts.move(source, known.state, RecordState.PENDING);
                    taken++;
                } else if (verdict == Verdict.EXHAUSTED) {
                    exhausted.add(record.key());
                }
            }
        }

        void store() throws SQLException {
            Session.Batch enter = session.batch(ENTER);
            for (ScannedRecord record : entering) {
                enter.add(
                        generation,
                        record.key().source(),
                        record.key().id(),
                        record.contentHash().bytes(),
                        record.locator().bytes(),
                        job,
                        now);
            }
            enter.run();
            Session.Batch take = session.batch(TAKE);
            for (Met met : taking) {
                take.add(
                        met.record.contentHash().bytes(),
                        met.record.locator().bytes(),
                        met.known.sameText ? met.known.attempts : 0,
                        job,
                        now,
                        met.known.number);
            }
            take.run();
            Session.Batch removeVectors = session.batch(REMOVE_VECTORS);
            Session.Batch remove = session.batch(REMOVE);
            for (Met met : removing) {
                RecordKey key = met.record.key();
                removeVectors.add(generation, key.source(), key.id());
                remove.add(met.known.number);
            }
            removeVectors.run();
            remove.run();
            counts.store(session, generation);
        }
    }
}
