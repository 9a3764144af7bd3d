package dev.evervec.store.jdbc;

import dev.evervec.provider.Embedding;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Rows for a statement of PostgreSQL, which gets each of their values as one array. Vectors come in as one array of all their
 * components, because drivers send arrays of numbers in binary, and are cut out of it by their place.
 */
final class ArrayRows implements Rows {
    private static final int PORTION = 1024;
    private static final int COMPONENTS = 1 << 21;

    private final Session session;
    private final Bulk bulk;
    private final List<@Nullable Object[]> waiting = new ArrayList<>();
    private int portion = PORTION;

    ArrayRows(Session session, Bulk bulk) {
        this.session = session;
        this.bulk = bulk;
    }

    @Override
    public void add(@Nullable Object... values) throws SQLException {
        if (values.length != bulk.values().size()) {
            throw new IllegalArgumentException("a row has " + bulk.values().size() + " values, not " + values.length);
        }
        waiting.add(values);
        for (Object value : values) {
            if (value instanceof Embedding vector) {
                portion = Math.max(1, Math.min(PORTION, COMPONENTS / vector.dimension()));
            }
        }
        if (waiting.size() >= portion && !bulk.isQuery()) {
            run();
        }
    }

    @Override
    public void run() throws SQLException {
        if (!waiting.isEmpty()) {
            List<@Nullable Object[]> sent = List.copyOf(waiting);
            waiting.clear();
            PreparedStatement statement = session.prepared(bulk.forAllRows(table()));
            bind(statement, sent);
            statement.execute();
        }
    }

    @Override
    public void forEach(Found consumer) throws SQLException {
        for (int first = 0; first < waiting.size(); first += PORTION) {
            PreparedStatement statement = session.prepared(bulk.forAllRows(table()));
            bind(statement, waiting.subList(first, Math.min(waiting.size(), first + PORTION)));
            try (ResultSet rows = statement.executeQuery()) {
                int ordinal = rows.getMetaData().getColumnCount();
                while (rows.next()) {
                    consumer.accept(first + rows.getInt(ordinal) - 1, rows);
                }
            }
        }
    }

    /** The table {@code r}; vectors, if there are any, are the last value. */
    private String table() {
        String arrays = bulk.values().stream()
                .filter(value -> value.type() != Bulk.Type.VECTOR)
                .map(value -> "cast(? as " + value.type().sql() + "[])")
                .collect(Collectors.joining(", ", "unnest(", ") with ordinality"));
        String names = bulk.values().stream()
                .filter(value -> value.type() != Bulk.Type.VECTOR)
                .map(value -> Bulk.inArrays(value.name()))
                .collect(Collectors.joining(", ", "(", ", ordinal)"));
        return vectors() < 0
                ? arrays + " r " + names
                : "(select u.*, f.components[(u.ordinal - 1) * f.dimension + 1 : u.ordinal * f.dimension] as "
                        + Bulk.inArrays(bulk.values().get(vectors()).name()) + " from " + arrays + " u " + names
                        + " cross join (select cast(? as real[]) as components, cast(? as bigint) as dimension) f) r";
    }

    private int vectors() {
        int last = bulk.values().size() - 1;
        return bulk.values().get(last).type() == Bulk.Type.VECTOR ? last : -1;
    }

    private void bind(PreparedStatement statement, List<@Nullable Object[]> rows) throws SQLException {
        for (int i = 0; i < bulk.values().size(); i++) {
            switch (bulk.values().get(i).type()) {
                case BIGINT -> statement.setObject(i + 1, longs(rows, i));
                case TEXT -> statement.setObject(i + 1, texts(rows, i));
                case BYTEA -> statement.setObject(i + 1, bytes(rows, i));
                case VECTOR -> {
                    float[] components = components(rows, i);
                    statement.setObject(i + 1, components);
                    statement.setLong(i + 2, components.length / rows.size());
                }
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

    private static float[] components(List<@Nullable Object[]> rows, int place) {
        int dimension = vector(rows.get(0), place).dimension();
        float[] components = new float[Math.multiplyExact(rows.size(), dimension)];
        for (int i = 0; i < rows.size(); i++) {
            System.arraycopy(vector(rows.get(i), place).toArray(), 0, components, i * dimension, dimension);
        }
        return components;
    }

    private static Embedding vector(@Nullable Object[] row, int place) {
        return (Embedding) Objects.requireNonNull(row[place], "a vector");
    }
}
