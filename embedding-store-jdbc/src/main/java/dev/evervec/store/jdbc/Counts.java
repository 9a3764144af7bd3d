package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.RecordState;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/** How one transaction changes the number of ledger rows by source and state, and of those whose vector is stale. */
final class Counts {
    private static final Bulk ADD = Bulk.insert(
            "generation bigint, source text, state text, records bigint, stale bigint",
            "evervec_count (generation, source, state, records, stale)",
            "r.generation, r.source, r.state, r.records, r.stale",
            "on conflict (generation, source, state) do update set"
                    + " records = evervec_count.records + excluded.records,"
                    + " stale = evervec_count.stale + excluded.stale");

    private final Map<String, Map<RecordState, Change>> changes = new TreeMap<>();

    private record Change(long records, long stale) {
        Change plus(Change other) {
            return new Change(records + other.records, stale + other.stale);
        }
    }

    /** A record without a vector comes into the ledger. */
    void enter(String source, RecordState state) {
        add(source, state, 1, 0);
    }

    /** A record goes out of the ledger. */
    void leave(String source, RecordState state, boolean stale) {
        add(source, state, -1, stale ? -1 : 0);
    }

    /** One record changes. */
    void move(String source, RecordState from, boolean wasStale, RecordState to, boolean isStale) {
        leave(source, from, wasStale);
        add(source, to, 1, isStale ? 1 : 0);
    }

    /** So many records enter a state, or leave it if the numbers are negative. */
    void add(String source, RecordState state, long records, long stale) {
        changes.computeIfAbsent(source, any -> new EnumMap<>(RecordState.class))
                .merge(state, new Change(records, stale), Change::plus);
    }

    /** Writes the changes, in one order whoever writes. */
    void store(Session session, long generation) throws SQLException {
        Rows rows = session.rows(ADD);
        for (Map.Entry<String, Map<RecordState, Change>> source : changes.entrySet()) {
            for (Map.Entry<RecordState, Change> entry : source.getValue().entrySet()) {
                Change change = entry.getValue();
                if (change.records != 0 || change.stale != 0) {
                    rows.add(generation, source.getKey(), entry.getKey().code(), change.records, change.stale);
                }
            }
        }
        rows.run();
    }
}
