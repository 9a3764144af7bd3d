package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Embedding;
import dev.evervec.store.jdbc.NamedSql.Parameter;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one transaction writes into columns of the host. Rows are written in the order of their keys, so that no two workers
 * wait for each other.
 */
final class HostColumns {
    private static final Comparator<Row> BY_KEY =
            Comparator.comparing((Row row) -> row.key.source()).thenComparing(row -> row.key.id());

    private final Session session;
    private final Dialect dialect;
    private final List<HostColumn> columns;
    private final List<Row> rows = new ArrayList<>();

    /** A record and its vector, which is null if it has none any more. */
    private record Row(RecordKey key, @Nullable Vector vector) {}

    private record Vector(Embedding embedding, String model, Sha256 textHash) {}

    HostColumns(Session session, Dialect dialect, List<HostColumn> columns) {
        this.session = session;
        this.dialect = dialect;
        this.columns = columns;
    }

    boolean isEmpty() {
        return columns.isEmpty();
    }

    void put(RecordKey key, Embedded result, String model) {
        rows.add(new Row(key, new Vector(result.embedding(), model, result.textHash())));
    }

    void remove(RecordKey key) {
        rows.add(new Row(key, null));
    }

    /** Writes all of it. */
    void run() throws SQLException {
        rows.sort(BY_KEY);
        for (HostColumn column : columns) {
            List<Row> concerned = rows.stream()
                    .filter(row -> column.concerns(row.key.source()))
                    .toList();
            if (!concerned.isEmpty()) {
                attempt("write with", column, () -> write(column, concerned));
            }
        }
        rows.clear();
    }

    private void write(HostColumn column, List<Row> concerned) throws SQLException {
        PreparedStatement statement = session.prepared(sql(column));
        // Rows of a batch that an exception cut off must not be sent with this one.
        statement.clearBatch();
        for (Row row : concerned) {
            bind(statement, column, row.key, row.vector);
            statement.addBatch();
        }
        statement.executeBatch();
    }

    /** Finds mistakes in the statements without executing any. */
    void check() throws SQLException {
        for (HostColumn column : columns) {
            attempt("use", column, () -> {
                try (PreparedStatement plan = session.connection().prepareStatement("explain " + sql(column))) {
                    bind(plan, column, null, null);
                    plan.executeQuery().close();
                }
            });
            if (takesArrays()) {
                attempt("use", column, () -> requireNoRows(column));
            }
        }
    }

    /** A driver executes no batch of statements that answer rows. */
    private void requireNoRows(HostColumn column) throws SQLException {
        try (PreparedStatement statement = session.connection().prepareStatement(sql(column))) {
            bind(statement, column, null, null);
            if (statement.getMetaData() != null) {
                throw new StoreException(
                        StoreException.Kind.PERMANENT,
                        "cannot use " + column + " in the store " + dialect.location()
                                + ": its statement answers rows; write an update without \"returning\"",
                        null);
            }
        }
    }

    /** Something on the database. */
    @FunctionalInterface
    private interface Attempt {
        void run() throws SQLException;
    }

    private void attempt(String doing, HostColumn column, Attempt attempt) throws SQLException {
        try {
            attempt.run();
        } catch (SQLException e) {
            StoreException failure = dialect.failure(doing + " " + column, e);
            if (failure.kind() == StoreException.Kind.TRANSIENT) {
                throw e;
            }
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "cannot " + doing + " " + column + " in the store " + dialect.location() + " ("
                            + (e.getSQLState() == null ? "code " + e.getErrorCode() : "SQLState " + e.getSQLState())
                            + "): " + advice(e),
                    Failures.withoutMessage(e));
        }
    }

    private static String advice(SQLException e) {
        return switch (String.valueOf(e.getSQLState())) {
            case "42P01", "3F000" ->
                "its table, or one that a trigger of it names, is not there; write names with the schema";
            case "42703" -> "a column is not there; check the names";
            case "42501" -> "the store's user may not; grant it the right to select and update that table";
            case "22P02" -> "an id is none that the column can have; restrict it with forSource(...)";
            default -> "check that the statement fits the table, its types and its constraints";
        };
    }

    private String sql(HostColumn column) {
        return column.sql()
                .with(parameter -> parameter == Parameter.EMBEDDING && takesArrays() ? "cast(? as real[])" : "?");
    }

    private boolean takesArrays() {
        return dialect.hostVectors() == VectorType.REAL_ARRAY;
    }

    private void bind(PreparedStatement statement, HostColumn column, @Nullable RecordKey key, @Nullable Vector vector)
            throws SQLException {
        int place = 0;
        for (Parameter parameter : column.sql().parameters()) {
            place++;
            switch (parameter) {
                case ID -> text(statement, place, key == null ? null : key.id());
                case SOURCE -> text(statement, place, key == null ? null : key.source());
                case MODEL -> text(statement, place, vector == null ? null : vector.model);
                case DIMENSION -> Session.bind(statement, place, vector == null ? null : vector.embedding.dimension());
                case TEXT_HASH -> Session.bind(statement, place, vector == null ? null : vector.textHash.bytes());
                case EMBEDDING -> embedding(statement, place, vector);
            }
        }
    }

    /** Its type is what the statement makes of it, where the database asks for one. */
    private void text(PreparedStatement statement, int place, @Nullable String text) throws SQLException {
        if (text != null && takesArrays()) {
            statement.setObject(place, text, Types.OTHER);
        } else {
            Session.bind(statement, place, text);
        }
    }

    private void embedding(PreparedStatement statement, int place, @Nullable Vector vector) throws SQLException {
        if (vector == null) {
            statement.setNull(place, Types.NULL);
        } else if (takesArrays()) {
            statement.setObject(place, vector.embedding.toArray());
        } else {
            statement.setBytes(place, vector.embedding.toLittleEndian());
        }
    }
}
