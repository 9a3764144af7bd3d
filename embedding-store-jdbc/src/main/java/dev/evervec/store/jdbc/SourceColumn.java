package dev.evervec.store.jdbc;

import dev.evervec.store.jdbc.SourceValue.Kind;
import java.sql.Types;

/**
 * A column of the host's query.
 *
 * @param label its name, spelt as the database does
 * @param quoted the name as it stands in SQL
 * @param sqlType of {@link Types}
 * @param typeName the database's own name of the type
 */
record SourceColumn(String label, String quoted, int sqlType, String typeName) {
    Kind kind() {
        if (typeName.equalsIgnoreCase("uuid")) {
            return Kind.UUID;
        }
        return switch (sqlType) {
            case Types.TINYINT, Types.SMALLINT, Types.INTEGER, Types.BIGINT -> Kind.INTEGER;
            case Types.DECIMAL, Types.NUMERIC -> Kind.DECIMAL;
            case Types.REAL, Types.FLOAT, Types.DOUBLE -> Kind.REAL;
            case Types.CHAR, Types.VARCHAR, Types.LONGVARCHAR, Types.NCHAR, Types.NVARCHAR, Types.LONGNVARCHAR ->
                Kind.TEXT;
            case Types.BINARY, Types.VARBINARY, Types.LONGVARBINARY -> Kind.BYTES;
            default -> Kind.OTHER;
        };
    }
}
