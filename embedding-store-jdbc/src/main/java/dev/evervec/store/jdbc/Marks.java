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
    private static final String ENTER = "insert into evervec_ledger (generation, source, id, state, content_hash,"
            + " locator, attempts, job, version, changed_at, fresh_since, met)"
            + " values (?, ?, ?, 'pending', ?, ?, 0, ?, 0, ?, ?, ?)";
    private static final String TAKE = "update evervec_ledger set state = 'pending', reason = null, detail = null,"
            + " content_hash = ?, locator = ?, attempts = ?, retry_due = null, job = ?, owner = null,"
            + " changed_at = case when state = 'pending' then changed_at else ? end,"
            + " vector_hash = case when state = 'embedded' then content_hash else vector_hash end,"
            + " fresh_since = coalesce(?, fresh_since), met = coalesce(?, met) where number = ?";
    private static final String SUPERSEDE = "update evervec_ledger set content_hash = ?, locator = ?, attempts = 0,"
            + " superseded = 1, met = coalesce(?, met) where number = ?";
    private static final String MEET = "update evervec_ledger set met = ? where number = ?";
    private static final String REMOVE = "delete from evervec_ledger where number = ?";
    private static final String REMOVE_VECTORS =
            "delete from evervec_vector where generation = ? and source = ? and id = ?";

    private final Session session;
    private final JobTicket job;
    private final long generation;
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
    Marks(Session session, JobTicket job, long generation, Judge judge, long now, @Nullable Long scanning) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.judge = judge;
        this.now = now;
        this.scanning = scanning;
    }

    void add(ScannedRecord record, @Nullable Known known) {
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
        counts.store(session, generation);
        return new MarkedPage(entering.size() + taking.size(), duplicates, exhausted, busy);
    }

    private void enter() throws SQLException {
        Session.Batch batch = session.batch(ENTER);
        for (ScannedRecord record : entering) {
            batch.add(
                    generation,
                    record.key().source(),
                    record.key().id(),
                    record.contentHash().bytes(),
                    record.locator().bytes(),
                    job.number(),
                    now,
                    judge.freshSince(job.number()),
                    scanning);
        }
        batch.run();
    }

    private void take() throws SQLException {
        Session.Batch batch = session.batch(TAKE);
        for (Met met : taking) {
            batch.add(
                    met.record.contentHash().bytes(),
                    met.record.locator().bytes(),
                    met.known.sameContent() ? met.known.attempts() : 0,
                    job.number(),
                    now,
                    judge.freshSince(job.number()),
                    scanning,
                    met.known.number());
        }
        batch.run();
    }

    private void supersede() throws SQLException {
        Session.Batch batch = session.batch(SUPERSEDE);
        for (Met met : superseding) {
            batch.add(met.record.contentHash().bytes(), met.record.locator().bytes(), scanning, met.known.number());
        }
        batch.run();
    }

    private void meet() throws SQLException {
        if (scanning != null) {
            Session.Batch batch = session.batch(MEET);
            for (Met met : meeting) {
                batch.add(scanning, met.known.number());
            }
            batch.run();
        }
    }

    private void remove() throws SQLException {
        Session.Batch vectors = session.batch(REMOVE_VECTORS);
        Session.Batch rows = session.batch(REMOVE);
        for (Met met : removing) {
            RecordKey key = met.record.key();
            vectors.add(generation, key.source(), key.id());
            rows.add(met.known.number());
        }
        vectors.run();
        rows.run();
    }
}
