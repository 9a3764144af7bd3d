package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.Sha256;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes the results of one commit; runs inside its transaction.
 *
 * <p>Each record's row is read under its fence: still on this job's list, claimed by this worker, with the version of the
 * claim. What is not found there is not ours any more, and its result is dropped. A record on a list is pending, so its row
 * says by its vector's hash whether it has a vector.
 */
final class Results {
    private static final String READ = "select number, superseded, vector_hash is not null,"
            + " coalesce(vector_hash <> content_hash, 0), content_hash = ?,"
            + " coalesce(vector_hash <> coalesce(?, content_hash), 0) from evervec_ledger where generation = ?"
            + " and source = ? and id = ? and job = ? and owner = ? and version = ?";
    private static final String OFF_THE_LIST = " job = null, owner = null, superseded = 0";
    private static final String EMBEDDED = "update evervec_ledger set state = 'embedded', reason = null, detail = ?,"
            + " content_hash = ?, vector_hash = null, fresh_since = null, attempts = 0, retry_due = null,"
            + " changed_at = ?," + OFF_THE_LIST + " where number = ?";
    private static final String SETTLED = "update evervec_ledger set state = ?, reason = ?, detail = ?,"
            + " attempts = case when ? = 1 then attempts else 0 end + ?, content_hash = coalesce(?, content_hash),"
            + " vector_hash = case when ? = 1 then null else vector_hash end, retry_due = ?, changed_at = ?,"
            + OFF_THE_LIST + " where number = ?";
    private static final String RELEASED = "update evervec_ledger set" + OFF_THE_LIST + " where number = ?";
    private static final String SUPERSEDED =
            "update evervec_ledger set vector_hash = ?," + OFF_THE_LIST + " where number = ?";
    private static final String STORE_VECTOR = "insert into evervec_vector (generation, source, id, part, text_hash,"
            + " dimension, job, bought_by, stored_at, tokens, cost, vector) values (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)"
            + " on conflict (generation, source, id, part) do update set text_hash = excluded.text_hash,"
            + " dimension = excluded.dimension, job = excluded.job, bought_by = excluded.bought_by, stored_at = excluded.stored_at,"
            + " tokens = excluded.tokens, cost = excluded.cost, vector = excluded.vector";
    private static final String OF_RECORD = " from evervec_vector where generation = ? and source = ? and id = ?";
    private static final String NOTE_VECTOR =
            "insert into evervec_outcome (generation, job, source, id, reason, detail,"
                    + " at, tokens, cost) select generation, job, source, id, null, '', stored_at, tokens, cost"
                    + OF_RECORD;
    private static final String REMOVE_VECTOR = "delete" + OF_RECORD;
    private static final String NOTE = "insert into evervec_outcome (generation, job, source, id, reason, detail, at,"
            + " tokens, cost) values (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    private static final String NOTED =
            "select count(*) from evervec_outcome where job = ? and source = ? and id = ? and reason = ?";
    private static final String COUNT = "insert into evervec_job_count (job, reason, records) values (?, ?, ?)"
            + " on conflict (job, reason) do update set records = evervec_job_count.records + excluded.records";
    private static final String CLAIM_LOST = "its claim was taken over or released before its result came";
    private static final String CONTENT_CHANGED = "its content changed before its result came";

    private final Session session;
    private final JobTicket job;
    private final long generation;
    private final long now;
    private final Counts counts = new Counts();
    private final Map<Reason, Long> reasons = new EnumMap<>(Reason.class);
    private final Set<RecordKey> refused = new LinkedHashSet<>();
    private final Set<Long> done = new HashSet<>();
    private final List<Of<Embedded>> embedded = new ArrayList<>();
    private final List<Of<Embedded>> embeddedBefore = new ArrayList<>();
    private final List<Of<NotEmbedded>> settled = new ArrayList<>();
    private final List<Row> released = new ArrayList<>();
    private final List<Noted> noted = new ArrayList<>();

    /**
     * A claimed record in the ledger.
     *
     * @param superseded whether its content was found to be new while it was claimed
     * @param sameContent whether the result is of the content that the ledger knows
     * @param stale whether its vector is of another content than the ledger knows
     * @param staleNow whether it is of another content than the result
     */
    private record Row(
            long number, boolean superseded, boolean hasVector, boolean stale, boolean sameContent, boolean staleNow) {}

    /** A result and its record's row. */
    private record Of<R extends RecordResult>(R result, Row row) {
        RecordKey key() {
            return result.claim().key();
        }
    }

    private record Noted(RecordOutcome outcome, RecordCost cost) {}

    Results(Session session, JobTicket job, long generation, long now) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.now = now;
    }

    /** Returns the keys of the results that were refused, or whose record stays pending for its newer content. */
    Set<RecordKey> store(List<RecordResult> results, List<ProviderCall> calls) throws SQLException {
        for (RecordResult result : results) {
            sort(result);
        }
        Bill.add(session, job.number(), calls);
        Workers.add(session, job, Sums.of(embedded.size(), calls));
        noteVectors();
        storeVectors();
        markEmbedded();
        settle();
        release();
        note();
        counts.store(session, generation);
        count(session, job.number(), reasons);
        return refused;
    }

    private void sort(RecordResult result) throws SQLException {
        // A record that stands twice in one commit has lost its claim the second time.
        Optional<Row> row = read(result).filter(found -> done.add(found.number));
        if (row.isEmpty()) {
            refuse(result, CLAIM_LOST, cost(result));
        } else if (result instanceof Embedded vector) {
            sortEmbedded(new Of<>(vector, row.get()));
        } else if (result instanceof NotEmbedded none) {
            sortNotEmbedded(new Of<>(none, row.get()));
        }
    }

    private void sortEmbedded(Of<Embedded> result) {
        String source = result.key().source();
        if (result.row.superseded && !result.row.sameContent) {
            embeddedBefore.add(result);
            counts.move(source, RecordState.PENDING, result.row.stale, RecordState.PENDING, true);
            // What it cost stands with the vector.
            refuse(result.result, CONTENT_CHANGED, RecordCost.NONE);
        } else {
            embedded.add(result);
            counts.move(source, RecordState.PENDING, result.row.stale, RecordState.EMBEDDED, false);
        }
    }

    private void sortNotEmbedded(Of<NotEmbedded> result) {
        NotEmbedded none = result.result;
        if (none.reason().ledger() == Reason.Ledger.PENDING) {
            released.add(result.row);
            note(result.key(), none.reason(), none.detail(), none.cost());
        } else if (result.row.superseded && !result.row.sameContent) {
            released.add(result.row);
            refuse(none, CONTENT_CHANGED, none.cost());
        } else {
            settled.add(result);
            note(result.key(), none.reason(), none.detail(), none.cost());
            boolean staleNow = result.row.staleNow && none.reason() != Reason.EMPTY_CONTENT;
            counts.move(
                    result.key().source(), RecordState.PENDING, result.row.stale, stateAfter(none.reason()), staleNow);
        }
    }

    private void refuse(RecordResult result, String why, RecordCost cost) {
        refused.add(result.claim().key());
        note(result.claim().key(), Reason.SUPERSEDED, why, cost);
    }

    private void note(RecordKey key, Reason reason, String detail, RecordCost cost) {
        noted.add(new Noted(new RecordOutcome(key, reason, detail), cost));
        reasons.merge(reason, 1L, Long::sum);
    }

    private static RecordCost cost(RecordResult result) {
        return result instanceof Embedded vector ? vector.cost() : ((NotEmbedded) result).cost();
    }

    private Optional<Row> read(RecordResult result) throws SQLException {
        Sha256 content =
                result instanceof Embedded vector ? vector.contentHash() : ((NotEmbedded) result).contentHash();
        RecordKey key = result.claim().key();
        return session.first(
                READ,
                row -> new Row(
                        row.getLong(1),
                        row.getInt(2) == 1,
                        row.getInt(3) == 1,
                        row.getInt(4) == 1,
                        row.getInt(5) == 1,
                        row.getInt(6) == 1),
                bytes(content),
                bytes(content),
                generation,
                key.source(),
                key.id(),
                job.number(),
                job.owner(),
                result.claim().version());
    }

    /** What is known of vectors that are replaced or removed becomes history. */
    private void noteVectors() throws SQLException {
        Session.Batch batch = session.batch(NOTE_VECTOR);
        for (List<Of<Embedded>> results : List.of(embedded, embeddedBefore)) {
            for (Of<Embedded> result : results) {
                if (result.row.hasVector) {
                    batch.add(generation, result.key().source(), result.key().id());
                }
            }
        }
        for (Of<NotEmbedded> result : settled) {
            if (textIsGone(result)) {
                batch.add(generation, result.key().source(), result.key().id());
            }
        }
        batch.run();
    }

    private static boolean textIsGone(Of<NotEmbedded> result) {
        return result.row.hasVector && result.result.reason() == Reason.EMPTY_CONTENT;
    }

    private void storeVectors() throws SQLException {
        Session.Batch vectors = session.batch(STORE_VECTOR);
        Session.Batch texts = Texts.entries(session);
        for (List<Of<Embedded>> results : List.of(embedded, embeddedBefore)) {
            for (Of<Embedded> result : results) {
                add(vectors, result.key(), result.result);
                Texts.add(texts, generation, result.result.textHash(), boughtBy(result.result), result.row.number);
            }
        }
        vectors.run();
        texts.run();
        Texts.settle(session);
    }

    private void add(Session.Batch vectors, RecordKey key, Embedded result) throws SQLException {
        vectors.add(
                generation,
                key.source(),
                key.id(),
                result.textHash().bytes(),
                result.embedding().dimension(),
                job.number(),
                boughtBy(result),
                now,
                result.cost().tokens(),
                Money.units(result.cost().usd()),
                result.embedding().toLittleEndian());
    }

    private long boughtBy(Embedded result) {
        return result.boughtBy() == 0 ? job.number() : result.boughtBy();
    }

    private void markEmbedded() throws SQLException {
        Session.Batch current = session.batch(EMBEDDED);
        for (Of<Embedded> result : embedded) {
            current.add(result.result.detail(), result.result.contentHash().bytes(), now, result.row.number);
        }
        current.run();
        Session.Batch before = session.batch(SUPERSEDED);
        for (Of<Embedded> result : embeddedBefore) {
            before.add(result.result.contentHash().bytes(), result.row.number);
        }
        before.run();
    }

    private void settle() throws SQLException {
        Session.Batch batch = session.batch(SETTLED);
        Session.Batch vectors = session.batch(REMOVE_VECTOR);
        for (Of<NotEmbedded> result : settled) {
            NotEmbedded none = result.result;
            Sha256 content = none.contentHash();
            batch.add(
                    stateAfter(none.reason()).code(),
                    none.reason().code(),
                    none.detail(),
                    content == null || result.row.sameContent ? 1 : 0,
                    none.reason().ledger() == Reason.Ledger.ATTEMPTED ? 1 : 0,
                    bytes(content),
                    none.reason() == Reason.EMPTY_CONTENT ? 1 : 0,
                    Codes.millis(none.retryDue()),
                    now,
                    result.row.number);
            if (textIsGone(result)) {
                vectors.add(generation, result.key().source(), result.key().id());
            }
        }
        batch.run();
        vectors.run();
    }

    private static byte @Nullable [] bytes(@Nullable Sha256 hash) {
        return hash == null ? null : hash.bytes();
    }

    private static RecordState stateAfter(Reason reason) {
        return reason.kind() == Reason.Kind.FAILED ? RecordState.FAILED : RecordState.SKIPPED;
    }

    private void release() throws SQLException {
        Session.Batch batch = session.batch(RELEASED);
        for (Row row : released) {
            batch.add(row.number);
        }
        batch.run();
    }

    private void note() throws SQLException {
        Session.Batch batch = session.batch(NOTE);
        for (Noted note : noted) {
            note(batch, generation, job.number(), note.outcome, now, note.cost);
        }
        batch.run();
    }

    private static void note(
            Session.Batch batch, long generation, long job, RecordOutcome outcome, long now, RecordCost cost)
            throws SQLException {
        batch.add(
                generation,
                job,
                outcome.key().source(),
                outcome.key().id(),
                outcome.reason().code(),
                outcome.detail(),
                now,
                cost.tokens(),
                Money.units(cost.usd()));
    }

    /** Those that were not noted for this job before. */
    static List<RecordOutcome> notNoted(Session session, long job, List<RecordOutcome> outcomes) throws SQLException {
        List<RecordOutcome> left = new ArrayList<>();
        for (RecordOutcome outcome : outcomes) {
            long noted = session.number(
                    NOTED,
                    job,
                    outcome.key().source(),
                    outcome.key().id(),
                    outcome.reason().code());
            if (noted == 0) {
                left.add(outcome);
            }
        }
        return left;
    }

    /** Notes and counts outcomes of records that never entered the ledger. */
    static void note(Session session, long generation, long job, List<RecordOutcome> outcomes, long now)
            throws SQLException {
        Map<Reason, Long> reasons = new EnumMap<>(Reason.class);
        Session.Batch batch = session.batch(NOTE);
        for (RecordOutcome outcome : outcomes) {
            note(batch, generation, job, outcome, now, RecordCost.NONE);
            reasons.merge(outcome.reason(), 1L, Long::sum);
        }
        batch.run();
        count(session, job, reasons);
    }

    /** Adds to a job's counts by reason. */
    static void count(Session session, long job, Map<Reason, Long> reasons) throws SQLException {
        Session.Batch batch = session.batch(COUNT);
        for (Map.Entry<Reason, Long> reason : reasons.entrySet()) {
            batch.add(job, reason.getKey().code(), reason.getValue());
        }
        batch.run();
    }
}
