package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.TokenUsage;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Writes the results of one commit; runs inside its transaction.
 *
 * <p>The ledger is written first, each row under its fence: still on this job's list, claimed by this worker, with the
 * version of the claim. A row that was not changed was not ours any more, and its result is dropped. A record on a list is
 * pending, so every accepted result leaves that state.
 */
final class Results {
    private static final String FENCE =
            " where generation = ? and source = ? and id = ? and job = ? and owner = ? and version = ?";
    private static final String OFF_THE_LIST = ", job = null, owner = null, lease_end = null";
    private static final String EMBEDDED = "update evervec_ledger set state = 'embedded', reason = null, detail = ?,"
            + " content_hash = ?, attempts = 0, retry_due = null, changed_at = ?" + OFF_THE_LIST + FENCE;
    private static final String SETTLED = "update evervec_ledger set state = ?, reason = ?, detail = ?,"
            + " attempts = case when content_hash = coalesce(?, content_hash) then attempts else 0 end + ?,"
            + " content_hash = coalesce(?, content_hash), retry_due = ?, changed_at = ?" + OFF_THE_LIST + FENCE;
    private static final String RELEASED =
            "update evervec_ledger set job = null, owner = null, lease_end = null" + FENCE;
    private static final String STORE_VECTOR = "insert into evervec_vector (generation, source, id, part, text_hash,"
            + " dimension, job, stored_at, vector) values (?, ?, ?, 0, ?, ?, ?, ?, ?) on conflict (generation, source,"
            + " id, part) do update set text_hash = excluded.text_hash, dimension = excluded.dimension,"
            + " job = excluded.job, stored_at = excluded.stored_at, vector = excluded.vector";
    private static final String REMOVE_VECTORS =
            "delete from evervec_vector where generation = ? and source = ? and id = ?";
    private static final String NOTE =
            "insert into evervec_outcome (job, source, id, reason, detail, at) values (?, ?, ?, ?, ?, ?)";
    private static final String COUNT = "insert into evervec_job_count (job, reason, records) values (?, ?, ?)"
            + " on conflict (job, reason) do update set records = evervec_job_count.records + excluded.records";
    private static final String ADD_CALLS = "update evervec_job set embedded = embedded + ?, requests = requests + ?,"
            + " input_tokens = input_tokens + ?, output_tokens = output_tokens + ?, tokens_estimated = case when ? = 1"
            + " then 1 else tokens_estimated end where number = ?";

    private final Session session;
    private final JobTicket job;
    private final long generation;
    private final long now;
    private final Counts counts = new Counts();
    private final Map<Reason, Long> reasons = new EnumMap<>(Reason.class);
    private final Set<RecordKey> refused = new LinkedHashSet<>();

    Results(Session session, JobTicket job, long generation, long now) {
        this.session = session;
        this.job = job;
        this.generation = generation;
        this.now = now;
    }

    Set<RecordKey> store(List<RecordResult> results, List<ProviderCall> calls) throws SQLException {
        List<Embedded> embedded = new ArrayList<>();
        List<NotEmbedded> settled = new ArrayList<>();
        List<NotEmbedded> released = new ArrayList<>();
        for (RecordResult result : results) {
            if (result instanceof Embedded vector) {
                embedded.add(vector);
            } else if (result instanceof NotEmbedded none) {
                (none.reason().ledger() == Reason.Ledger.PENDING ? released : settled).add(none);
            }
        }
        List<Embedded> stored = markEmbedded(embedded);
        storeVectors(stored);
        List<NotEmbedded> noted = new ArrayList<>(settle(settled));
        noted.addAll(release(released));
        note(noted);
        counts.store(session, generation);
        count(session, job.number(), reasons);
        addCalls(session, job.number(), stored.size(), calls);
        return refused;
    }

    private List<Embedded> markEmbedded(List<Embedded> results) throws SQLException {
        Session.Batch batch = session.batch(EMBEDDED);
        for (Embedded result : results) {
            batch.add(
                    fenced(result.claim(), result.detail(), result.contentHash().bytes(), now));
        }
        List<Embedded> accepted = accepted(results, batch.run());
        accepted.forEach(
                result -> counts.move(result.claim().key().source(), RecordState.PENDING, RecordState.EMBEDDED));
        return accepted;
    }

    private void storeVectors(List<Embedded> results) throws SQLException {
        Session.Batch batch = session.batch(STORE_VECTOR);
        for (Embedded result : results) {
            RecordKey key = result.claim().key();
            batch.add(
                    generation,
                    key.source(),
                    key.id(),
                    result.textHash().bytes(),
                    result.embedding().dimension(),
                    job.number(),
                    now,
                    result.embedding().toLittleEndian());
        }
        batch.run();
    }

    private List<NotEmbedded> settle(List<NotEmbedded> results) throws SQLException {
        Session.Batch batch = session.batch(SETTLED);
        for (NotEmbedded result : results) {
            byte[] contentHash = bytes(result.contentHash());
            batch.add(fenced(
                    result.claim(),
                    stateAfter(result.reason()).code(),
                    result.reason().code(),
                    result.detail(),
                    contentHash,
                    result.reason().ledger() == Reason.Ledger.ATTEMPTED ? 1 : 0,
                    contentHash,
                    Codes.millis(result.retryDue()),
                    now));
        }
        List<NotEmbedded> accepted = accepted(results, batch.run());
        Session.Batch textIsGone = session.batch(REMOVE_VECTORS);
        for (NotEmbedded result : accepted) {
            RecordKey key = result.claim().key();
            counts.move(key.source(), RecordState.PENDING, stateAfter(result.reason()));
            if (result.reason() == Reason.EMPTY_CONTENT) {
                textIsGone.add(generation, key.source(), key.id());
            }
        }
        textIsGone.run();
        return accepted;
    }

    private static RecordState stateAfter(Reason reason) {
        return reason.kind() == Reason.Kind.FAILED ? RecordState.FAILED : RecordState.SKIPPED;
    }

    private List<NotEmbedded> release(List<NotEmbedded> results) throws SQLException {
        Session.Batch batch = session.batch(RELEASED);
        for (NotEmbedded result : results) {
            batch.add(fenced(result.claim()));
        }
        return accepted(results, batch.run());
    }

    private @Nullable Object[] fenced(Claim claim, @Nullable Object... values) {
        List<@Nullable Object> all = new ArrayList<>(values.length + 6);
        for (Object value : values) {
            all.add(value);
        }
        all.add(generation);
        all.add(claim.key().source());
        all.add(claim.key().id());
        all.add(job.number());
        all.add(job.owner());
        all.add(claim.version());
        return all.toArray();
    }

    /** Sorts out the results whose row was not changed. */
    private <R extends RecordResult> List<R> accepted(List<R> results, int[] changed) {
        List<R> accepted = new ArrayList<>(results.size());
        for (int i = 0; i < changed.length; i++) {
            if (changed[i] > 0) {
                accepted.add(results.get(i));
            } else {
                refused.add(results.get(i).claim().key());
            }
        }
        return accepted;
    }

    private void note(List<NotEmbedded> results) throws SQLException {
        Session.Batch batch = session.batch(NOTE);
        for (NotEmbedded result : results) {
            note(batch, result.claim().key(), result.reason(), result.detail());
        }
        for (RecordKey key : refused) {
            note(batch, key, Reason.SUPERSEDED, "its claim was taken over or released before its result came");
        }
        batch.run();
    }

    private void note(Session.Batch batch, RecordKey key, Reason reason, String detail) throws SQLException {
        batch.add(job.number(), key.source(), key.id(), reason.code(), detail, now);
        reasons.merge(reason, 1L, Long::sum);
    }

    /** Notes and counts outcomes of records that never entered the ledger. */
    static void note(Session session, long job, List<RecordOutcome> outcomes, long now) throws SQLException {
        Map<Reason, Long> reasons = new EnumMap<>(Reason.class);
        Session.Batch batch = session.batch(NOTE);
        for (RecordOutcome outcome : outcomes) {
            RecordKey key = outcome.key();
            batch.add(job, key.source(), key.id(), outcome.reason().code(), outcome.detail(), now);
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

    /** Adds to a job's vectors, requests and tokens. */
    static void addCalls(Session session, long job, long embedded, List<ProviderCall> calls) throws SQLException {
        TokenUsage usage = calls.stream().map(ProviderCall::usage).reduce(TokenUsage.NONE, TokenUsage::plus);
        session.update(
                ADD_CALLS,
                embedded,
                calls.size(),
                usage.inputTokens(),
                usage.outputTokens(),
                usage.source() == TokenUsage.Source.ESTIMATED ? 1 : 0,
                job);
    }

    private static byte @Nullable [] bytes(@Nullable Sha256 hash) {
        return hash == null ? null : hash.bytes();
    }
}
