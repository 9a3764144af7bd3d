package dev.evervec.store.jdbc;

import dev.evervec.provider.Embedding;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Rows for a statement of PostgreSQL, which gets each of their values as one array. Vectors come in as a value each, because a
 * driver sends an array of numbers in binary, and no array of such arrays; a statement with vectors has few rows, and there is one
 * for each power of two.
 */
final class ArrayRows implements Rows {
    private static final int PORTION = 1024;
    private static final int VECTORS = 32;
    private static final int COMPONENTS = 1 << 16;

    private final Session session;
    private final Bulk bulk;
    private final boolean hasVectors;
    private final List<@Nullable Object[]> waiting = new ArrayList<>();

    /** A statement for so many rows, or for any number if it is zero. */
    private record Sized(Bulk bulk, int rows) {}

    ArrayRows(Session session, Bulk bulk) {
        this.session = session;
        this.bulk = bulk;
        this.hasVectors = bulk.hasVectors();
    }

    @Override
    public void add(@Nullable Object... values) throws SQLException {
        if (values.length != bulk.values().size()) {
            throw new IllegalArgumentException("a row has " + bulk.values().size() + " values, not " + values.length);
        }
        waiting.add(values);
        if (waiting.size() >= PORTION && !bulk.isQuery()) {
            run();
        }
    }

    @Override
    public void run() throws SQLException {
        List<@Nullable Object[]> rows = List.copyOf(waiting);
        waiting.clear();
        if (hasVectors) {
            runPipelined(rows);
        } else if (!rows.isEmpty()) {
            PreparedStatement statement = prepared();
            bind(statement, rows);
            statement.execute();
        }
    }

    /** A driver goes on sending a batch while the server is at what it has got. */
    private void runPipelined(List<@Nullable Object[]> rows) throws SQLException {
        int first = 0;
        while (first < rows.size()) {
            int size = vectorsAtOnce(rows, first);
            PreparedStatement statement = prepared(size);
            statement.clearBatch(); // of whoever was interrupted by an exception
            for (; rows.size() - first >= size; first += size) {
                bind(statement, rows.subList(first, first + size));
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    private static int vectorsAtOnce(List<@Nullable Object[]> rows, int first) {
        @Nullable Object[] row = rows.get(first);
        int most = Math.min(VECTORS, COMPONENTS / vector(row, row.length - 1).dimension());
        return Integer.highestOneBit(Math.max(1, Math.min(most, rows.size() - first)));
    }

    @Override
    public void forEach(Found consumer) throws SQLException {
        for (int first = 0; first < waiting.size(); first += PORTION) {
            PreparedStatement statement = prepared();
            bind(statement, waiting.subList(first, Math.min(waiting.size(), first + PORTION)));
            try (ResultSet rows = statement.executeQuery()) {
                int ordinal = rows.getMetaData().getColumnCount();
                while (rows.next()) {
                    consumer.accept(first + rows.getInt(ordinal) - 1, rows);
                }
            }
        }
    }

    /** The statement for any number of rows. */
    private PreparedStatement prepared() throws SQLException {
        return session.prepared(new Sized(bulk, 0), () -> bulk.forAllRows(arrays()));
    }

    /** The statement for so many rows with vectors. */
    private PreparedStatement prepared(int rows) throws SQLException {
        return session.prepared(new Sized(bulk, rows), () -> bulk.forAllRows(vectors(rows)));
    }

    /** The table {@code r}. */
    private String arrays() {
        return scalars(value -> "cast(? as " + value.type().sql() + "[])", "unnest(", ") with ordinality")
                + scalars(value -> Bulk.inArrays(value.name()), " r (", ", ordinal)");
    }

    /** Vectors are the last value; the others are taken from their arrays by their place. */
    private String vectors(int rows) {
        String vector =
                Bulk.inArrays(bulk.values().get(bulk.values().size() - 1).name());
        String places = IntStream.rangeClosed(1, rows)
                .mapToObj(place -> "(" + place + ", cast(? as real[]))")
                .collect(Collectors.joining(", "));
        return scalars(
                        value -> "a." + Bulk.inArrays(value.name()) + "[v.ordinal] as " + Bulk.inArrays(value.name()),
                        "(select v.ordinal, v." + vector + ", ",
                        " from (values " + places + ") v (ordinal, " + vector + ")")
                + scalars(
                        value -> "cast(? as " + value.type().sql() + "[]) as " + Bulk.inArrays(value.name()),
                        " cross join (select ",
                        ") a) r");
    }

    private String scalars(Function<Bulk.Value, String> text, String before, String after) {
        return bulk.values().stream()
                .filter(value -> value.type() != Bulk.Type.VECTOR)
                .map(text)
                .collect(Collectors.joining(", ", before, after));
    }

    private void bind(PreparedStatement statement, List<@Nullable Object[]> rows) throws SQLException {
        int place = 1;
        int last = bulk.values().size() - 1;
        if (hasVectors) {
            for (@Nullable Object[] row : rows) {
                statement.setObject(place++, vector(row, last).toArray());
            }
        }
        for (int i = 0; i <= last; i++) {
            switch (bulk.values().get(i).type()) {
                case BIGINT -> statement.setObject(place++, longs(rows, i));
                case TEXT -> statement.setObject(place++, texts(rows, i));
                case BYTEA -> statement.setObject(place++, bytes(rows, i));
                case VECTOR -> {}
            }
        }
    }

    private static @Nullable Long[] longs(List<@Nullable Object[]> rows, int place) {
        @Nullable Long[] longs = new Long[rows.size()];
        for (int i = 0; i < longs.length; i++) {
            Number number = (Number) rows.get(i)[place];
            longs[i] = number == null ? null : Long.valueOf(number.longValue());
        }
        return longs;
    }

    private static @Nullable String[] texts(List<@Nullable Object[]> rows, int place) {
        @Nullable String[] texts = new String[rows.size()];
        for (int i = 0; i < texts.length; i++) {
            texts[i] = Session.storable((String) rows.get(i)[place]);
        }
        return texts;
    }

    private static byte @Nullable [][] bytes(List<@Nullable Object[]> rows, int place) {
        byte @Nullable [][] bytes = new byte[rows.size()][];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte[]) rows.get(i)[place];
        }
        return bytes;
    }

    private static Embedding vector(@Nullable Object[] row, int place) {
        return (Embedding) Objects.requireNonNull(row[place], "a vector");
    }
}
