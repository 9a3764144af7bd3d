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
import java.util.Collections;
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
    private static final String CLAIMED =
            "content_hash bytea, generation bigint, source text, id text, job bigint," + " owner text, version bigint";
    // The fence is no condition, because an index on jobs would be taken for a way to the record, and is a detour.
    static final Bulk READ = Bulk.lock(
            CLAIMED,
            "l.number, l.superseded, case when l.vector_hash is not null then 1 else 0 end,"
                    + " case when l.vector_hash <> l.content_hash then 1 else 0 end,"
                    + " case when l.content_hash = r.content_hash then 1 else 0 end,"
                    + " case when l.vector_hash <> coalesce(r.content_hash, l.content_hash) then 1 else 0 end,"
                    + " case when l.job = r.job and l.owner = r.owner and l.version = r.version then 1 else 0 end",
            "l.generation = r.generation and l.source = r.source and l.id = r.id");
    private static final String OFF_THE_LIST = " job = null, owner = null, superseded = 0";
    static final Bulk EMBEDDED = Bulk.update(
            "number bigint, detail text, content_hash bytea, now bigint",
            "evervec_ledger",
            "state = 'embedded', reason = null, detail = r.detail, content_hash = r.content_hash, vector_hash = null,"
                    + " fresh_since = null, attempts = 0, retry_due = null, changed_at = r.now," + OFF_THE_LIST,
            "number = r.number");
    private static final Bulk SETTLED = Bulk.update(
            "number bigint, state text, reason text, detail text, keeps_attempts bigint, counts bigint,"
                    + " content_hash bytea, loses_vector bigint, retry_due bigint, now bigint",
            "evervec_ledger",
            "state = r.state, reason = r.reason, detail = r.detail,"
                    + " attempts = case when r.keeps_attempts = 1 then attempts else 0 end + r.counts,"
                    + " content_hash = coalesce(r.content_hash, content_hash),"
                    + " vector_hash = case when r.loses_vector = 1 then null else vector_hash end,"
                    + " retry_due = r.retry_due, changed_at = r.now," + OFF_THE_LIST,
            "number = r.number");
    private static final Bulk RELEASED =
            Bulk.update("number bigint", "evervec_ledger", OFF_THE_LIST, "number = r.number");
    private static final Bulk HANDED_BACK = Bulk.update(
            "number bigint",
            "evervec_ledger",
            "owner = null, superseded = 0, version = version + 1",
            "number = r.number");
    private static final Bulk SUPERSEDED = Bulk.update(
            "number bigint, vector_hash bytea",
            "evervec_ledger",
            "vector_hash = r.vector_hash," + OFF_THE_LIST,
            "number = r.number");
    private static final Bulk STORE_VECTOR = Bulk.insert(
            "generation bigint, source text, id text, text_hash bytea, dimension bigint, job bigint, bought_by bigint,"
                    + " now bigint, tokens bigint, cost bigint, vector vector",
            "{vectors} (generation, source, id, part, text_hash, dimension, job, bought_by, stored_at, tokens, cost,"
                    + " vector)",
            "r.generation, r.source, r.id, 0, r.text_hash, r.dimension, r.job, r.bought_by, r.now, r.tokens, r.cost,"
                    + " r.vector",
            "on conflict (generation, source, id, part) do update set text_hash = excluded.text_hash,"
                    + " dimension = excluded.dimension, job = excluded.job, bought_by = excluded.bought_by,"
                    + " stored_at = excluded.stored_at, tokens = excluded.tokens, cost = excluded.cost,"
                    + " vector = excluded.vector");
    private static final Bulk NOTE_VECTOR = Bulk.insertFound(
            "generation bigint, source text, id text",
            "evervec_outcome (generation, job, source, id, reason, detail, at, tokens, cost)",
            "select generation, job, source, id, cast(null as text), '', stored_at, tokens, cost from {vectors}"
                    + " where generation = r.generation and source = r.source and id = r.id");
    private static final Bulk NOTE = Bulk.insert(
            "generation bigint, job bigint, source text, id text, reason text, detail text, at bigint, tokens bigint,"
                    + " cost bigint",
            "evervec_outcome (generation, job, source, id, reason, detail, at, tokens, cost)",
            "r.generation, r.job, r.source, r.id, r.reason, r.detail, r.at, r.tokens, r.cost",
            "");
    private static final String NOTED =
            "select count(*) from evervec_outcome where job = ? and source = ? and id = ? and reason = ?";
    private static final Bulk COUNT = Bulk.insert(
            "job bigint, reason text, records bigint",
            "evervec_job_count (job, reason, records)",
            "r.job, r.reason, r.records",
            "on conflict (job, reason) do update set records = evervec_job_count.records + excluded.records");
    private static final String CLAIM_LOST = "its claim was taken over or released before its result came";
    private static final String CONTENT_CHANGED = "its content changed before its result came";

    private final Session session;
    private final JobTicket job;
    private final Generation generation;
    private final long now;
    private final Counts counts = new Counts();
    private final Map<Reason, Long> reasons = new EnumMap<>(Reason.class);
    private final Set<RecordKey> refused = new LinkedHashSet<>();
    private final Set<Long> done = new HashSet<>();
    private final List<Of<Embedded>> embedded = new ArrayList<>();
    private final List<Of<Embedded>> embeddedBefore = new ArrayList<>();
    private final List<Of<NotEmbedded>> settled = new ArrayList<>();
    private final List<Row> released = new ArrayList<>();
    private final List<Row> handedBack = new ArrayList<>();
    private @Nullable Boolean othersWork;
    private @Nullable Boolean lost;
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

    Results(Session session, JobTicket job, Generation generation, long now) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.now = now;
    }

    /** Returns the keys of the results that were refused, or whose record stays pending for its newer content. */
    Set<RecordKey> store(List<RecordResult> results, List<ProviderCall> calls) throws SQLException {
        List<Optional<Row>> rows = read(results);
        for (int i = 0; i < results.size(); i++) {
            sort(results.get(i), rows.get(i));
        }
        Bill.add(session, job.number(), calls);
        Workers.add(session, job, Sums.of(embedded.size(), calls));
        noteVectors();
        storeVectors();
        writeHostColumns();
        markEmbedded();
        settle();
        release();
        note();
        counts.store(session, generation.number());
        count(session, job.number(), reasons);
        return refused;
    }

    private void sort(RecordResult result, Optional<Row> ofClaim) throws SQLException {
        // A record that stands twice in one commit has lost its claim the second time.
        Optional<Row> row = ofClaim.filter(found -> done.add(found.number));
        if (row.isEmpty() && wentBackToTheList()) {
            refused.add(result.claim().key());
        } else if (row.isEmpty()) {
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

    private void sortNotEmbedded(Of<NotEmbedded> result) throws SQLException {
        NotEmbedded none = result.result;
        if (isLeftToOthers(none.reason())) {
            handedBack.add(result.row);
        } else if (none.reason().ledger() == Reason.Ledger.PENDING) {
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

    /** Whether the worker has only stopped before a record, which another one can still come to. */
    private boolean isLeftToOthers(Reason reason) throws SQLException {
        if (reason.ledger() != Reason.Ledger.PENDING
                || reason == Reason.SUPERSEDED
                || job.role() == JobTicket.Role.ALONE) {
            return false;
        }
        if (othersWork == null) {
            othersWork = Workers.others(session, job, now) > 0;
        }
        return othersWork;
    }

    /** What went back to its job's list counts when it is taken from there. */
    private boolean wentBackToTheList() throws SQLException {
        if (lost == null) {
            lost = Workers.isLost(session, job);
        }
        return lost;
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

    /** The rows of the claims of these results, as far as they are still this worker's. */
    private List<Optional<Row>> read(List<RecordResult> results) throws SQLException {
        List<Optional<Row>> found = new ArrayList<>(Collections.nCopies(results.size(), Optional.empty()));
        claims(READ, results).forEach((place, row) -> {
            if (row.getInt(7) == 1) {
                found.set(
                        place,
                        Optional.of(new Row(
                                row.getLong(1),
                                row.getInt(2) == 1,
                                row.getInt(3) == 1,
                                row.getInt(4) == 1,
                                row.getInt(5) == 1,
                                row.getInt(6) == 1)));
            }
        });
        return found;
    }

    private Rows claims(Bulk statement, List<RecordResult> results) throws SQLException {
        Rows rows = session.rows(statement);
        for (RecordResult result : results) {
            RecordKey key = result.claim().key();
            rows.add(
                    bytes(
                            result instanceof Embedded vector
                                    ? vector.contentHash()
                                    : ((NotEmbedded) result).contentHash()),
                    generation.number(),
                    key.source(),
                    key.id(),
                    job.number(),
                    job.owner(),
                    result.claim().version());
        }
        return rows;
    }

    /** What is known of vectors that are replaced or removed becomes history. */
    private void noteVectors() throws SQLException {
        Rows rows = session.rows(generation.sql(NOTE_VECTOR));
        for (List<Of<Embedded>> results : List.of(embedded, embeddedBefore)) {
            for (Of<Embedded> result : results) {
                if (result.row.hasVector) {
                    rows.add(
                            generation.number(),
                            result.key().source(),
                            result.key().id());
                }
            }
        }
        for (Of<NotEmbedded> result : settled) {
            if (textIsGone(result)) {
                rows.add(
                        generation.number(), result.key().source(), result.key().id());
            }
        }
        rows.run();
    }

    private static boolean textIsGone(Of<NotEmbedded> result) {
        return result.row.hasVector && result.result.reason() == Reason.EMPTY_CONTENT;
    }

    private void storeVectors() throws SQLException {
        Rows vectors = session.rows(generation.sql(STORE_VECTOR));
        List<Texts.Entry> texts = new ArrayList<>();
        for (List<Of<Embedded>> results : List.of(embedded, embeddedBefore)) {
            for (Of<Embedded> result : results) {
                add(vectors, result.key(), result.result);
                texts.add(new Texts.Entry(result.result.textHash(), boughtBy(result.result), result.row.number));
            }
        }
        vectors.run();
        Texts.add(session, generation, texts);
    }

    private void writeHostColumns() throws SQLException {
        HostColumns columns = session.hostColumns();
        for (List<Of<Embedded>> results : List.of(embedded, embeddedBefore)) {
            for (Of<Embedded> result : results) {
                columns.put(
                        result.key(),
                        result.result,
                        job.start().fingerprint().embedding().model());
            }
        }
        for (Of<NotEmbedded> result : settled) {
            if (textIsGone(result)) {
                columns.remove(result.key());
            }
        }
        columns.run();
    }

    private void add(Rows vectors, RecordKey key, Embedded result) throws SQLException {
        vectors.add(
                generation.number(),
                key.source(),
                key.id(),
                result.textHash().bytes(),
                result.embedding().dimension(),
                job.number(),
                boughtBy(result),
                now,
                result.cost().tokens(),
                Money.units(result.cost().usd()),
                result.embedding());
    }

    private long boughtBy(Embedded result) {
        return result.boughtBy() == 0 ? job.number() : result.boughtBy();
    }

    private void markEmbedded() throws SQLException {
        Rows current = session.rows(EMBEDDED);
        for (Of<Embedded> result : embedded) {
            current.add(
                    result.row.number,
                    result.result.detail(),
                    result.result.contentHash().bytes(),
                    now);
        }
        current.run();
        Rows before = session.rows(SUPERSEDED);
        for (Of<Embedded> result : embeddedBefore) {
            before.add(result.row.number, result.result.contentHash().bytes());
        }
        before.run();
    }

    private void settle() throws SQLException {
        Rows rows = session.rows(SETTLED);
        Rows vectors = session.rows(generation.sql(Marks.REMOVE_VECTORS));
        for (Of<NotEmbedded> result : settled) {
            NotEmbedded none = result.result;
            Sha256 content = none.contentHash();
            rows.add(
                    result.row.number,
                    stateAfter(none.reason()).code(),
                    none.reason().code(),
                    none.detail(),
                    content == null || result.row.sameContent ? 1 : 0,
                    none.reason().ledger() == Reason.Ledger.ATTEMPTED ? 1 : 0,
                    bytes(content),
                    none.reason() == Reason.EMPTY_CONTENT ? 1 : 0,
                    Codes.millis(none.retryDue()),
                    now);
            if (textIsGone(result)) {
                vectors.add(
                        generation.number(), result.key().source(), result.key().id());
            }
        }
        rows.run();
        vectors.run();
    }

    private static byte @Nullable [] bytes(@Nullable Sha256 hash) {
        return hash == null ? null : hash.bytes();
    }

    private static RecordState stateAfter(Reason reason) {
        return reason.kind() == Reason.Kind.FAILED ? RecordState.FAILED : RecordState.SKIPPED;
    }

    private void release() throws SQLException {
        update(RELEASED, released);
        update(HANDED_BACK, handedBack);
    }

    private void update(Bulk statement, List<Row> rows) throws SQLException {
        Rows updates = session.rows(statement);
        for (Row row : rows) {
            updates.add(row.number);
        }
        updates.run();
    }

    private void note() throws SQLException {
        Rows rows = session.rows(NOTE);
        for (Noted note : noted) {
            note(rows, generation.number(), job.number(), note.outcome, now, note.cost);
        }
        rows.run();
    }

    private static void note(Rows rows, long generation, long job, RecordOutcome outcome, long now, RecordCost cost)
            throws SQLException {
        rows.add(
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
        Rows rows = session.rows(NOTE);
        for (RecordOutcome outcome : outcomes) {
            note(rows, generation, job, outcome, now, RecordCost.NONE);
            reasons.merge(outcome.reason(), 1L, Long::sum);
        }
        rows.run();
        count(session, job, reasons);
    }

    /** Adds to a job's counts by reason. */
    static void count(Session session, long job, Map<Reason, Long> reasons) throws SQLException {
        Rows rows = session.rows(COUNT);
        for (Map.Entry<Reason, Long> reason : reasons.entrySet()) {
            rows.add(job, reason.getKey().code(), reason.getValue());
        }
        rows.run();
    }
}
