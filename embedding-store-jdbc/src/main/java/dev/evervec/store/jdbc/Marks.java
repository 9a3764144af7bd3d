package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.ScannedRecord;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What one page of scanned records changes; runs inside its transaction. */
final class Marks {
    private static final Bulk ENTER = Bulk.insert(
            "generation bigint, source text, id text, content_hash bytea, locator bytea, job bigint, now bigint,"
                    + " fresh_since bigint, met bigint",
            "evervec_ledger (generation, source, id, state, content_hash, locator, attempts, job, version,"
                    + " changed_at, fresh_since, met)",
            "r.generation, r.source, r.id, 'pending', r.content_hash, r.locator, 0, r.job, 0, r.now, r.fresh_since,"
                    + " r.met",
            "");
    private static final Bulk TAKE = Bulk.update(
            "number bigint, content_hash bytea, locator bytea, attempts bigint, job bigint, now bigint,"
                    + " fresh_since bigint, met bigint",
            "evervec_ledger",
            "state = 'pending', reason = null, detail = null, content_hash = r.content_hash, locator = r.locator,"
                    + " attempts = r.attempts, retry_due = null, job = r.job, owner = null,"
                    + " changed_at = case when state = 'pending' then changed_at else r.now end,"
                    + " vector_hash = case when state = 'embedded' then content_hash else vector_hash end,"
                    + " fresh_since = coalesce(r.fresh_since, fresh_since), met = coalesce(r.met, met)",
            "number = r.number");
    private static final Bulk SUPERSEDE = Bulk.update(
            "number bigint, content_hash bytea, locator bytea, met bigint",
            "evervec_ledger",
            "content_hash = r.content_hash, locator = r.locator, attempts = 0, superseded = 1,"
                    + " met = coalesce(r.met, met)",
            "number = r.number");
    private static final Bulk MEET =
            Bulk.update("number bigint, met bigint", "evervec_ledger", "met = r.met", "number = r.number");
    static final Bulk REMOVE = Bulk.delete("number bigint", "evervec_ledger", "number = r.number");
    static final Bulk REMOVE_VECTORS = Bulk.delete(
            "generation bigint, source text, id text",
            "{vectors}",
            "generation = r.generation and source = r.source and id = r.id");

    private final Session session;
    private final JobTicket job;
    private final Generation generation;
    private final Judge judge;
    private final long now;
    private final @Nullable Long scanning;
    private final Counts counts = new Counts();
    private final List<RecordKey> exhausted = new ArrayList<>();
    private final List<RecordKey> busy = new ArrayList<>();
    private final List<ScannedRecord> entering = new ArrayList<>();
    private final List<Met> taking = new ArrayList<>();
    private final List<Met> superseding = new ArrayList<>();
    private final List<Met> meeting = new ArrayList<>();
    private final List<Met> removing = new ArrayList<>();

    /** A record of the page that is in the ledger. */
    private record Met(ScannedRecord record, Known known) {}

    /** @param scanning number of a build that scans beside this job and is to know what was met here, or null */
    Marks(Session session, JobTicket job, Generation generation, Judge judge, long now, @Nullable Long scanning) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.judge = judge;
        this.now = now;
        this.scanning = scanning;
    }

    /** Compares these records, each of another key, with the ledger. */
    void compare(List<ScannedRecord> records) throws SQLException {
        @Nullable Known[] known = new Known[records.size()];
        Known.find(session, generation, records, judge, now, (place, found) -> known[place] = found);
        if (session.locksRows()) {
            readAgainLocked(records, known);
        }
        for (int place = 0; place < known.length; place++) {
            add(records.get(place), known[place]);
        }
    }

    /** Rows that are going to be changed may change until they are locked; the others are left alone. */
    private void readAgainLocked(List<ScannedRecord> records, @Nullable Known[] known) throws SQLException {
        List<Integer> places = new ArrayList<>();
        for (int place = 0; place < known.length; place++) {
            if (known[place] != null && changes(judge.verdict(records.get(place), known[place]))) {
                places.add(place);
            }
        }
        if (!places.isEmpty()) {
            List<ScannedRecord> changing = places.stream().map(records::get).toList();
            places.forEach(place -> known[place] = null);
            Known.lock(session, generation, changing, judge, now, (place, found) -> known[places.get(place)] = found);
        }
    }

    private boolean changes(Judge.Verdict verdict) {
        return scanning != null || (verdict != Judge.Verdict.LEAVE && verdict != Judge.Verdict.EXHAUSTED);
    }

    private void add(ScannedRecord record, @Nullable Known known) {
        Judge.Verdict verdict = judge.verdict(record, known);
        if (verdict == Judge.Verdict.ENTER) {
            entering.add(record);
            counts.enter(record.key().source(), RecordState.PENDING);
        } else if (known != null) {
            add(new Met(record, known), verdict);
        }
    }

    private void add(Met met, Judge.Verdict verdict) {
        RecordKey key = met.record.key();
        Known known = met.known;
        switch (verdict) {
            case ENTER -> throw new IllegalStateException(key + " is in the ledger and would enter it");
            case TAKE -> {
                taking.add(met);
                counts.move(key.source(), known.state(), known.stale(), RecordState.PENDING, known.staleNow());
            }
            case LEAVE -> meeting.add(met);
            case EXHAUSTED -> {
                exhausted.add(key);
                meeting.add(met);
            }
            case BUSY -> {
                busy.add(key);
                if (!known.sameContent() && !Judge.isBlank(met.record)) {
                    superseding.add(met);
                    counts.move(key.source(), known.state(), known.stale(), known.state(), known.staleNow());
                } else {
                    meeting.add(met);
                }
            }
            case REMOVE -> {
                removing.add(met);
                counts.leave(key.source(), known.state(), known.stale());
            }
        }
    }

    /** Writes all of it. */
    MarkedPage store(List<RecordKey> duplicates) throws SQLException {
        enter();
        take();
        supersede();
        meet();
        remove();
        counts.store(session, generation.number());
        return new MarkedPage(entering.size() + taking.size(), duplicates, exhausted, busy);
    }

    private void enter() throws SQLException {
        Rows rows = session.rows(ENTER);
        for (ScannedRecord record : entering) {
            rows.add(
                    generation.number(),
                    record.key().source(),
                    record.key().id(),
                    record.contentHash().bytes(),
                    record.locator().bytes(),
                    job.number(),
                    now,
                    judge.freshSince(job.number()),
                    scanning);
        }
        rows.run();
    }

    private void take() throws SQLException {
        Rows rows = session.rows(TAKE);
        for (Met met : taking) {
            rows.add(
                    met.known.number(),
                    met.record.contentHash().bytes(),
                    met.record.locator().bytes(),
                    met.known.sameContent() ? met.known.attempts() : 0,
                    job.number(),
                    now,
                    judge.freshSince(job.number()),
                    scanning);
        }
        rows.run();
    }

    private void supersede() throws SQLException {
        Rows rows = session.rows(SUPERSEDE);
        for (Met met : superseding) {
            rows.add(
                    met.known.number(),
                    met.record.contentHash().bytes(),
                    met.record.locator().bytes(),
                    scanning);
        }
        rows.run();
    }

    private void meet() throws SQLException {
        if (scanning != null) {
            Rows rows = session.rows(MEET);
            for (Met met : meeting) {
                rows.add(met.known.number(), scanning);
            }
            rows.run();
        }
    }

    private void remove() throws SQLException {
        Rows vectors = session.rows(generation.sql(REMOVE_VECTORS));
        Rows rows = session.rows(REMOVE);
        HostColumns columns = session.hostColumns();
        for (Met met : removing) {
            RecordKey key = met.record.key();
            columns.remove(key);
            vectors.add(generation.number(), key.source(), key.id());
            rows.add(met.known.number());
        }
        vectors.run();
        columns.run();
        rows.run();
    }
}
