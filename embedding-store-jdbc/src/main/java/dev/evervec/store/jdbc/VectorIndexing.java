package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.store.jdbc.VectorIndex.Outcome;
import java.sql.SQLException;
import java.util.Optional;

/** Makes the HNSW index of a generation's vectors while others read and write them. Needs a session without a transaction. */
final class VectorIndexing {
    private static final String VALID = "select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid"
            + " where i.indrelid = to_regclass(?) and c.relname = ?";

    private final Session session;
    private final PgVector pgvector;
    private final String table;
    private final int dimension;

    VectorIndexing(Session session, PgVector pgvector, String table, int dimension) {
        this.session = session;
        this.pgvector = pgvector;
        this.table = table;
        this.dimension = dimension;
    }

    static String nameOf(String table) {
        return table + "_nearest";
    }

    /** Makes the index, unless it is there. One maker at a time: the others' unfinished one looks like a leftover. */
    VectorIndex create() throws SQLException {
        if (dimension > PgVector.MAX_INDEXED_AS_HALVES) {
            throw refused("vectors of " + dimension + " dimensions cannot be indexed, an HNSW index takes "
                    + PgVector.MAX_INDEXED_AS_HALVES + " at most: searches compare every vector");
        }
        if (!locked("select pg_try_advisory_lock(hashtextextended(?, 0))")) {
            throw new StoreException(
                    StoreException.Kind.TRANSIENT,
                    "cannot make the index " + nameOf(table) + ": somebody is making it now",
                    null);
        }
        try {
            return createAlone();
        } finally {
            locked("select pg_advisory_unlock(hashtextextended(?, 0))");
        }
    }

    private boolean locked(String sql) throws SQLException {
        return session.first(sql, row -> row.getBoolean(1), "evervec index " + nameOf(table))
                .orElse(false);
    }

    private VectorIndex createAlone() throws SQLException {
        Optional<Boolean> valid = session.first(VALID, row -> row.getBoolean(1), table, nameOf(table));
        if (valid.orElse(false)) {
            return index(Outcome.FOUND);
        }
        if (valid.isPresent()) {
            session.execute("drop index concurrently " + nameOf(table));
        }
        session.execute("create index concurrently " + nameOf(table) + " on " + table + " using hnsw ("
                + pgvector.indexed("vector", dimension) + " " + pgvector.operators(dimension) + ")");
        return index(valid.isPresent() ? Outcome.REPLACED : Outcome.CREATED);
    }

    private VectorIndex index(Outcome outcome) {
        return new VectorIndex(
                nameOf(table), dimension <= PgVector.MAX_INDEXED_AS_VECTOR ? "vector" : "halfvec", outcome);
    }

    private StoreException refused(String why) {
        return new StoreException(StoreException.Kind.PERMANENT, "cannot make an index of " + table + ": " + why, null);
    }
}
