package dev.evervec.store.jdbc;

import dev.evervec.provider.Embedding;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Rows for a statement that has a place for each of their values. It is executed for many rows at once, because an execution
 * takes longer than what it does for a row; there is a statement for each power of two.
 */
final class ValueRows implements Rows {
    private static final int PORTION = 64;

    private final Session session;
    private final Bulk bulk;
    private final boolean repeated;
    private final int[] order; // of the values at the places for a row
    private final List<@Nullable Object[]> waiting = new ArrayList<>();

    /** A statement for so many rows. */
    private record Sized(Bulk bulk, int rows) {}

    ValueRows(Session session, Bulk bulk) {
        this.session = session;
        this.bulk = bulk;
        // Vectors replace older ones, and SQLite keeps copies of pages while a statement does so for many rows.
        this.repeated = bulk.forSomeRows() == null || bulk.hasVectors();
        this.order = (repeated
                        ? bulk.places().stream().mapToInt(place -> place)
                        : IntStream.range(0, bulk.values().size()))
                .toArray();
    }

    @Override
    public void add(@Nullable Object... values) throws SQLException {
        waiting.add(values);
        if (waiting.size() == PORTION && !bulk.isQuery()) {
            run();
        }
    }

    @Override
    public void run() throws SQLException {
        List<@Nullable Object[]> rows = List.copyOf(waiting);
        waiting.clear();
        int first = 0;
        while (first < rows.size()) {
            int size = atOnce(rows.size() - first);
            PreparedStatement statement = prepared(size);
            statement.clearBatch(); // of whoever was interrupted by an exception
            try {
                for (; rows.size() - first >= size; first += size) {
                    bind(statement, rows.subList(first, first + size));
                    statement.addBatch();
                }
                statement.executeBatch();
            } finally {
                statement.clearBatch(); // which would keep what is bound
            }
        }
    }

    @Override
    public void forEach(Found consumer) throws SQLException {
        int size;
        for (int first = 0; first < waiting.size(); first += size) {
            size = atOnce(waiting.size() - first);
            PreparedStatement statement = prepared(size);
            bind(statement, waiting.subList(first, first + size));
            try (ResultSet rows = statement.executeQuery()) {
                int ordinal = rows.getMetaData().getColumnCount();
                while (rows.next()) {
                    consumer.accept(repeated ? first : first + rows.getInt(ordinal) - 1, rows);
                }
            }
        }
    }

    private int atOnce(int left) {
        return Integer.highestOneBit(repeated ? 1 : Math.min(PORTION, left));
    }

    private PreparedStatement prepared(int rows) throws SQLException {
        return session.prepared(new Sized(bulk, rows), () -> repeated ? bulk.forOneRow() : bulk.forSomeRows(rows));
    }

    private void bind(PreparedStatement statement, List<@Nullable Object[]> rows) throws SQLException {
        int place = 1;
        for (@Nullable Object[] row : rows) {
            for (int bound : order) {
                Object value = row[bound];
                Session.bind(statement, place++, value instanceof Embedding vector ? vector.toLittleEndian() : value);
            }
        }
    }
}
