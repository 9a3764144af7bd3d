package dev.evervec.store.jdbc;

import java.sql.SQLException;
import java.util.Optional;

/**
 * The pgvector extension of a database. Its names are written with its schema, because that need not be on the path.
 *
 * @param schema where the extension is, quoted
 * @param scansOn whether an index goes on looking when a filter leaves too little of what it found
 */
record PgVector(String schema, boolean scansOn) {
    /** An HNSW index takes a vector up to this dimension. */
    static final int MAX_INDEXED_AS_VECTOR = 2_000;

    /** An HNSW index takes a vector of halves up to this dimension. */
    static final int MAX_INDEXED_AS_HALVES = 4_000;

    private static final String EXTENSION = "select quote_ident(n.nspname),"
            + " string_to_array(substring(e.extversion from '^[0-9]+[.][0-9]+'), '.')::int[] >= array[0, 8]"
            + " from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'vector'";

    static Optional<PgVector> of(Session session) throws SQLException {
        return session.first(EXTENSION, row -> new PgVector(row.getString(1), row.getBoolean(2)));
    }

    /** A vector given as text. */
    String given() {
        return "cast(? as " + schema + ".vector)";
    }

    /** How far two vectors point apart: 1 - cosine. */
    String distance(String one, String other) {
        return one + " operator(" + schema + ".<=>) " + other;
    }

    /** What the index of a column of this dimension is over; also how a search has to ask so that the index is used. */
    String indexed(String vector, int dimension) {
        return dimension <= MAX_INDEXED_AS_VECTOR
                ? vector
                : "(" + vector + "::" + schema + ".halfvec(" + dimension + "))";
    }

    /** The operators that the index knows. */
    String operators(int dimension) {
        return schema + (dimension <= MAX_INDEXED_AS_VECTOR ? ".vector_cosine_ops" : ".halfvec_cosine_ops");
    }
}
