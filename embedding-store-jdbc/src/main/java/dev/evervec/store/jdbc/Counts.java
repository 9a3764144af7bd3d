package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.RecordState;
import java.sql.SQLException;
import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How one transaction changes the number of ledger rows by source and state. */
final class Counts {
    private static final String ADD =
            "insert into evervec_count (generation, source, state, records) values (?, ?, ?, ?) on conflict (generation,"
                    + " source, state) do update set records = evervec_count.records + excluded.records";

    private final Map<String, Map<RecordState, Long>> changes = new TreeMap<>();

    /** One record changes its state; null is outside the ledger. */
    void move(String source, @Nullable RecordState from, @Nullable RecordState to) {
        if (from != to) {
            if (from != null) {
                add(source, from, -1);
            }
            if (to != null) {
                add(source, to, 1);
            }
        }
    }

    /** So many records enter a state, or leave it if the number is negative. */
    void add(String source, RecordState state, long records) {
        changes.computeIfAbsent(source, any -> new EnumMap<>(RecordState.class)).merge(state, records, Long::sum);
    }

    /** Writes the changes, in one order whoever writes. */
    void store(Session session, long generation) throws SQLException {
        Session.Batch batch = session.batch(ADD);
        for (Map.Entry<String, Map<RecordState, Long>> source : changes.entrySet()) {
            for (Map.Entry<RecordState, Long> change : source.getValue().entrySet()) {
                if (change.getValue() != 0) {
                    batch.add(generation, source.getKey(), change.getKey().code(), change.getValue());
                }
            }
        }
        batch.run();
    }
}
