package dev.evervec.store.jdbc;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * An id or a source as the database has it: the text that names the record, and the type in which the database compares it.
 *
 * @param kind its type
 * @param text its text; empty for {@link Kind#NULL}
 */
record SourceValue(Kind kind, String text) {
    static final SourceValue NULL = new SourceValue(Kind.NULL, "");

    enum Kind {
        INTEGER,
        DECIMAL,
        REAL,
        UUID,
        TEXT,
        BYTES,
        OTHER,
        NULL
    }

    static SourceValue integer(long value) {
        return new SourceValue(Kind.INTEGER, Long.toString(value));
    }

    static SourceValue text(String value) {
        return new SourceValue(Kind.TEXT, value);
    }

    /** Reads a column of the current row; null for null. */
    static @Nullable SourceValue read(ResultSet row, SourceColumn column, SourceDialect dialect) throws SQLException {
        Object value = row.getObject(column.label());
        if (value == null) {
            return null;
        }
        if (value instanceof Long
                || value instanceof Integer
                || value instanceof Short
                || value instanceof Byte
                || value instanceof BigInteger) {
            return new SourceValue(Kind.INTEGER, value.toString());
        }
        if (value instanceof BigDecimal decimal) {
            return new SourceValue(Kind.DECIMAL, decimal.toPlainString());
        }
        if (value instanceof Number number) {
            return new SourceValue(Kind.REAL, Double.toString(number.doubleValue()));
        }
        if (value instanceof UUID) {
            return new SourceValue(Kind.UUID, value.toString());
        }
        if (value instanceof byte[] bytes) {
            return new SourceValue(Kind.BYTES, HexFormat.of().formatHex(bytes));
        }
        if (value instanceof String text) {
            // PostgreSQL pads char(n) on reading and ignores the blanks on comparing.
            boolean padded = dialect == SourceDialect.POSTGRESQL && column.sqlType() == Types.CHAR;
            return text(padded ? withoutTrailingBlanks(text) : text);
        }
        String text = row.getString(column.label());
        return text == null ? null : new SourceValue(Kind.OTHER, text);
    }

    /** The values that a text may stand for in a column; none if the column's type cannot hold it. */
    static List<SourceValue> candidates(String text, SourceColumn column, SourceDialect dialect) {
        List<SourceValue> candidates = new ArrayList<>();
        List<Kind> kinds = dialect.typesEachValue()
                ? List.of(Kind.TEXT, Kind.INTEGER, Kind.REAL, Kind.BYTES)
                : List.of(column.kind());
        for (Kind kind : kinds) {
            if (fits(kind, text)) {
                candidates.add(new SourceValue(kind, text));
            }
        }
        return candidates;
    }

    /** A value below all ids of the column, for the first page of a query with {@code :after}; NULL if the type has none. */
    static SourceValue smallest(SourceColumn column, SourceDialect dialect) {
        return switch (column.kind()) {
            case INTEGER -> integer(smallestInteger(column.sqlType(), dialect));
            case DECIMAL, REAL -> integer(Long.MIN_VALUE);
            case UUID -> new SourceValue(Kind.UUID, new UUID(0, 0).toString());
            // Oracle takes the empty text for null. No id has a control character.
            case TEXT -> text(dialect == SourceDialect.OTHER ? "\u0001" : "");
            case BYTES -> new SourceValue(Kind.BYTES, "");
            // SQLite knows no type for an expression; its numbers are below its texts.
            case OTHER, NULL -> dialect == SourceDialect.SQLITE ? integer(Long.MIN_VALUE) : NULL;
        };
    }

    boolean isIntegerBelow(SourceValue other) {
        return kind == Kind.INTEGER
                && other.kind == Kind.INTEGER
                && new BigInteger(text).compareTo(new BigInteger(other.text)) < 0;
    }

    /** Sets this as a parameter, so that the database compares it in the column's own type. */
    void bind(PreparedStatement statement, int index, SourceDialect dialect) throws SQLException {
        switch (kind) {
            case INTEGER -> bindInteger(statement, index);
            case DECIMAL -> statement.setBigDecimal(index, new BigDecimal(text));
            case REAL -> statement.setDouble(index, Double.parseDouble(text));
            case UUID -> bindUuid(statement, index, dialect);
            case BYTES -> statement.setBytes(index, HexFormat.of().parseHex(text));
            case NULL -> statement.setNull(index, dialect == SourceDialect.POSTGRESQL ? Types.NULL : Types.VARCHAR);
            case TEXT, OTHER -> {
                if (dialect == SourceDialect.POSTGRESQL) {
                    // Untyped, the server takes it for the column's type: char(n), citext, enums, dates.
                    statement.setObject(index, text, Types.OTHER);
                } else {
                    statement.setString(index, text);
                }
            }
        }
    }

    private void bindInteger(PreparedStatement statement, int index) throws SQLException {
        BigInteger value = new BigInteger(text);
        if (value.bitLength() < Long.SIZE) {
            statement.setLong(index, value.longValue());
        } else {
            statement.setBigDecimal(index, new BigDecimal(value));
        }
    }

    private void bindUuid(PreparedStatement statement, int index, SourceDialect dialect) throws SQLException {
        if (dialect == SourceDialect.POSTGRESQL || dialect == SourceDialect.H2) {
            statement.setObject(index, UUID.fromString(text));
        } else {
            statement.setString(index, text);
        }
    }

    private static boolean fits(Kind kind, String text) {
        try {
            return switch (kind) {
                case INTEGER -> new BigInteger(text).toString().equals(text);
                case DECIMAL -> new BigDecimal(text).toPlainString().equals(text);
                case REAL -> Double.toString(Double.parseDouble(text)).equals(text);
                case UUID -> UUID.fromString(text).toString().equals(text);
                case BYTES ->
                    HexFormat.of().formatHex(HexFormat.of().parseHex(text)).equals(text);
                case TEXT, OTHER -> true;
                case NULL -> false;
            };
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static long smallestInteger(int sqlType, SourceDialect dialect) {
        if (dialect == SourceDialect.SQLITE || sqlType == Types.BIGINT) {
            return Long.MIN_VALUE;
        }
        return sqlType == Types.INTEGER
                ? Integer.MIN_VALUE
                : sqlType == Types.SMALLINT ? Short.MIN_VALUE : Byte.MIN_VALUE;
    }

    private static String withoutTrailingBlanks(String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == ' ') {
            end--;
        }
        return text.substring(0, end);
    }
}
