package dev.evervec.store.jdbc;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.GenerationInfo;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.RecordState;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.RecordTrace.PastOutcome;
import dev.evervec.pipeline.store.RecordTrace.VectorInfo;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.SourceHealth;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.pipeline.store.StoredVector;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What is read beside a job. Every method runs inside a read transaction of its own connection. */
final class Queries {
    private static final Bulk REWRITES = Bulk.select(
            "fingerprint text, text_hash bytea",
            "rewritten, job",
            "evervec_rewrite",
            "fingerprint = r.fingerprint and text_hash = r.text_hash");
    private static final String RECORD = "select state, reason, detail, attempts, retry_due, changed_at"
            + " from evervec_ledger where generation = ? and source = ? and id = ?";
    private static final String VECTOR =
            "select v.text_hash, v.dimension, j.id, v.stored_at, v.tokens, v.cost from {vectors} v"
                    + " join evervec_job j on j.number = v.job where v.generation = ? and v.source = ? and v.id = ?"
                    + " and v.part = 0";
    private static final String HISTORY = "select j.id, o.reason, o.detail, o.at, o.tokens, o.cost from"
            + " evervec_outcome o join evervec_job j on j.number = o.job where o.source = ? and o.id = ?"
            + " and o.generation = ? order by o.at desc, o.number desc";
    private static final String VECTORS =
            "select v.source, v.id, v.text_hash, {vector} from {vectors} v where v.generation = ?";
    private static final String VECTOR_ORDER = " order by v.generation, v.source, v.id, v.part";

    private static final String GENERATIONS =
            "select name from evervec_generation order by created_at desc, number desc";
    private static final String GENERATION =
            "select created_at, " + Jobs.FINGERPRINT + " from evervec_generation where number = ?";
    private static final String COUNT_VECTORS = "select count(*) from {vectors} where generation = ?";

    private Queries() {}

    static Map<Sha256, KeptRewrite> rewrites(Session session, String fingerprint, Set<Sha256> preparedTexts)
            throws SQLException {
        Map<Sha256, KeptRewrite> found = new HashMap<>();
        List<Sha256> asked = List.copyOf(preparedTexts);
        Rows rows = session.rows(REWRITES);
        for (Sha256 text : asked) {
            rows.add(fingerprint, text.bytes());
        }
        rows.forEach((place, row) -> found.put(asked.get(place), new KeptRewrite(row.getString(1), row.getLong(2))));
        return found;
    }

    static List<SourceHealth> health(Session session, Generation generation) throws SQLException {
        Map<String, Long> stale = new HashMap<>();
        session.forEach(
                "select source, sum(stale) from evervec_count where generation = ? group by source",
                row -> stale.put(row.getString(1), row.getLong(2)),
                generation.number());
        List<SourceHealth> health = new ArrayList<>();
        for (SourceStats stats : stats(session, generation)) {
            health.add(new SourceHealth(
                    stats.source(),
                    stats.embedded(),
                    stats.pending(),
                    stats.skipped(),
                    stats.failed(),
                    stale.getOrDefault(stats.source(), 0L),
                    oldestPending(session, generation.number(), stats.source())));
        }
        return health;
    }

    private static @Nullable Instant oldestPending(Session session, long generation, String source)
            throws SQLException {
        return session.first(
                        "select changed_at from evervec_ledger where generation = ? and source = ?"
                                + " and state = 'pending' order by changed_at limit 1",
                        row -> Instant.ofEpochMilli(row.getLong(1)),
                        generation,
                        source)
                .orElse(null);
    }

    static List<SourceStats> stats(Session session, Generation generation) throws SQLException {
        Map<String, Map<RecordState, Long>> counts = new TreeMap<>();
        session.forEach(
                "select source, state, records from evervec_count where generation = ?",
                row -> counts.computeIfAbsent(row.getString(1), any -> new EnumMap<>(RecordState.class))
                        .put(Codes.state(row.getString(2)), row.getLong(3)),
                generation.number());
        Map<String, LastScan> scans = new HashMap<>();
        session.forEach(
                "select source, blank, as_of from evervec_source_scan where generation = ?",
                row -> scans.put(row.getString(1), new LastScan(row.getLong(2), Instant.ofEpochMilli(row.getLong(3)))),
                generation.number());
        scans.keySet().forEach(source -> counts.putIfAbsent(source, Map.of()));
        List<SourceStats> stats = new ArrayList<>();
        counts.forEach((source, records) -> stats.add(stats(source, scans.get(source), records)));
        return stats;
    }

    private record LastScan(long blank, Instant asOf) {}

    private static SourceStats stats(String source, @Nullable LastScan scan, Map<RecordState, Long> records) {
        long withContent = records.values().stream().mapToLong(Long::longValue).sum();
        return new SourceStats(
                source,
                scan == null ? null : Long.valueOf(withContent + scan.blank),
                scan == null ? null : Long.valueOf(withContent),
                records.getOrDefault(RecordState.EMBEDDED, 0L),
                records.getOrDefault(RecordState.PENDING, 0L),
                records.getOrDefault(RecordState.SKIPPED, 0L),
                records.getOrDefault(RecordState.FAILED, 0L),
                scan == null ? null : scan.asOf);
    }

    static Optional<RecordTrace> explain(Session session, Generation generation, String name, RecordKey key)
            throws SQLException {
        VectorInfo vector = session.first(
                        generation.sql(VECTOR),
                        row -> new VectorInfo(
                                Sha256.fromBytes(row.getBytes(1)),
                                row.getInt(2),
                                row.getString(3),
                                Instant.ofEpochMilli(row.getLong(4)),
                                cost(row, 5)),
                        generation.number(),
                        key.source(),
                        key.id())
                .orElse(null);
        List<PastOutcome> history = session.list(
                HISTORY,
                row -> new PastOutcome(
                        row.getString(1),
                        Codes.reason(row.getString(2)),
                        row.getString(3),
                        Instant.ofEpochMilli(row.getLong(4)),
                        cost(row, 5)),
                key.source(),
                key.id(),
                generation.number());
        return session.first(
                RECORD,
                row -> new RecordTrace(
                        key,
                        name,
                        Codes.state(row.getString(1)),
                        Codes.reason(row.getString(2)),
                        row.getString(3),
                        row.getInt(4),
                        Codes.instant(row, 5),
                        Instant.ofEpochMilli(row.getLong(6)),
                        vector,
                        history),
                generation.number(),
                key.source(),
                key.id());
    }

    private static RecordCost cost(ResultSet row, int column) throws SQLException {
        return new RecordCost(row.getLong(column), Money.usd(row, column + 1));
    }

    static void forEachVector(
            Session session, Generation generation, @Nullable String source, Consumer<StoredVector> consumer)
            throws SQLException {
        String vectors = generation.sql(VECTORS);
        Session.RowConsumer each = row -> consumer.accept(
                new StoredVector(Codes.key(row, 1), Sha256.fromBytes(row.getBytes(3)), generation.vector(row, 4)));
        if (source == null) {
            session.stream(vectors + VECTOR_ORDER, each, generation.number());
        } else {
            session.stream(vectors + " and v.source = ?" + VECTOR_ORDER, each, generation.number(), source);
        }
    }

    static void forEachOutcome(Session session, String jobId, Reason reason, Consumer<RecordOutcome> consumer)
            throws SQLException {
        session.stream(
                "select o.source, o.id, o.detail from evervec_outcome o join evervec_job j on j.number = o.job"
                        + " where j.id = ? and o.reason = ? order by o.number",
                row -> consumer.accept(new RecordOutcome(Codes.key(row, 1), reason, row.getString(3))),
                jobId,
                reason.code());
    }

    static List<GenerationInfo> generations(Session session) throws SQLException {
        List<GenerationInfo> generations = new ArrayList<>();
        for (String name : session.list(GENERATIONS, row -> row.getString(1))) {
            Generation generation = Generation.find(session, name).orElseThrow();
            long vectors = session.number(generation.sql(COUNT_VECTORS), generation.number());
            session.forEach(
                    GENERATION,
                    row -> generations.add(new GenerationInfo(
                            name, Jobs.fingerprint(row, 2), vectors, Instant.ofEpochMilli(row.getLong(1)))),
                    generation.number());
        }
        return generations;
    }
}
