package dev.evervec.store.jdbc;

import dev.evervec.provider.Embedding;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Rows for a statement that is repeated for each of them, in batches if it changes anything. */
final class RepeatedRows implements Rows {
    private static final int PORTION = 256;

    private final Bulk bulk;
    private final PreparedStatement statement;
    private final List<Integer> places;
    private final List<@Nullable Object[]> asked = new ArrayList<>();
    private int waiting;

    RepeatedRows(Session session, Bulk bulk) throws SQLException {
        this.bulk = bulk;
        this.statement = session.prepared(bulk.forOneRow());
        this.places = bulk.places();
        // Rows of a batch that an exception cut off must not be sent with this one.
        statement.clearBatch();
    }

    @Override
    public void add(@Nullable Object... values) throws SQLException {
        if (bulk.isQuery()) {
            asked.add(values);
            return;
        }
        bind(values);
        statement.addBatch();
        waiting++;
        if (waiting == PORTION) {
            run();
        }
    }

    private void bind(@Nullable Object... values) throws SQLException {
        for (int i = 0; i < places.size(); i++) {
            Object value = values[places.get(i)];
            Session.bind(statement, i + 1, value instanceof Embedding vector ? vector.toLittleEndian() : value);
        }
    }

    @Override
    public void run() throws SQLException {
        if (waiting > 0) {
            waiting = 0;
            try {
                statement.executeBatch();
            } finally {
                statement.clearBatch();
            }
        }
    }

    @Override
    public void forEach(Found consumer) throws SQLException {
        for (int place = 0; place < asked.size(); place++) {
            bind(asked.get(place));
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    consumer.accept(place, rows);
                }
            }
        }
    }
}
