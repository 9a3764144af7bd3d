package dev.evervec.store.jdbc;

import java.sql.SQLException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where the vectors of a generation are.
 *
 * @param table the table, with its schema if the database has schemas
 * @param type of its column {@code vector}: {@code blob} (32-bit floats, little-endian), {@code vector(n)} of pgvector, or
 *     {@code real[]}
 * @param index the index by which {@link JdbcStore#nearest} finds them; null if every vector is compared
 */
public record VectorStorage(
        String table, String type, @Nullable String index) {
    private static final String COLUMN =
            "select quote_ident(n.nspname), format_type(a.atttypid, a.atttypmod) from pg_class c"
                    + " join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid"
                    + " where c.oid = to_regclass(?) and a.attname = 'vector'";

    /** That of a generation, if it is registered. */
    static Optional<VectorStorage> of(Session session, String generation) throws SQLException {
        Optional<Generation> found = Generation.find(session, generation);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        String table = found.get().table();
        if (found.get().type() == VectorType.BLOB) {
            return Optional.of(new VectorStorage(table, VectorType.BLOB.code(), null));
        }
        String name = VectorIndexing.nameOf(table);
        String index = VectorIndexing.isValid(session, table, name).orElse(false) ? name : null;
        return session.first(
                COLUMN,
                row -> new VectorStorage(row.getString(1) + "." + table, typeOf(row.getString(2)), index),
                table);
    }

    /** PostgreSQL writes the schema of a type before it if that is not on the path. */
    private static String typeOf(String formatted) {
        return formatted.substring(formatted.lastIndexOf('.') + 1);
    }
}
