package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.store.jdbc.VectorIndex.Outcome;
import java.sql.SQLException;
import java.util.Optional;

/** Makes the HNSW index of a generation's vectors while others read and write them. */
final class VectorIndexing {
    private static final String VALID = "select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid"
            + " where i.indrelid = to_regclass(?) and c.relname = ?";
    private static final String SCHEMA =
            "select quote_ident(n.nspname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                    + " where c.oid = to_regclass(?)";

    private final Session session;
    private final PgVector pgvector;
    private final String schema;
    private final String table;
    private final int dimension;

    private VectorIndexing(Session session, PgVector pgvector, String schema, String table, int dimension) {
        this.session = session;
        this.pgvector = pgvector;
        this.schema = schema;
        this.table = table;
        this.dimension = dimension;
    }

    static String nameOf(String table) {
        return table + "_nearest";
    }

    /** Whether the index is there and was made to its end; empty if it is not there. */
    static Optional<Boolean> isValid(Session session, String table, String index) throws SQLException {
        return session.first(VALID, row -> row.getBoolean(1), table, index);
    }

    /** Makes it over this connection, which is used for nothing else. */
    static VectorIndex create(Session session, Fingerprint fingerprint) throws SQLException {
        VectorIndexing indexing = session.inTransaction(reading -> find(reading, fingerprint));
        // An index that is made concurrently is made outside of a transaction, and takes as long as it takes.
        session.connection().setAutoCommit(true);
        int timeout = session.connection().getNetworkTimeout();
        session.connection().setNetworkTimeout(Runnable::run, 0);
        try {
            return indexing.create();
        } finally {
            session.connection().setNetworkTimeout(Runnable::run, timeout);
            session.connection().setAutoCommit(false);
        }
    }

    private static VectorIndexing find(Session session, Fingerprint fingerprint) throws SQLException {
        Generation generation = Generation.find(session, fingerprint.generation())
                .orElseThrow(() ->
                        refused("there is no generation " + fingerprint.generation() + " yet: run a build first"));
        int dimension = fingerprint.embedding().dimension();
        switch (generation.type()) {
            case BLOB -> throw refused("SQLite has none: searches compare every vector");
            case REAL_ARRAY ->
                throw refused(
                        "the vectors of generation " + fingerprint.generation() + " are kept as real[], because the"
                                + " extension vector was not there when it began, or takes no vector of " + dimension
                                + " dimensions; after \"create extension vector\" the type of the column can be changed, see"
                                + " docs/postgresql.md");
            case PGVECTOR -> requireIndexable(dimension);
        }
        PgVector pgvector =
                PgVector.of(session).orElseThrow(() -> refused("the extension vector is not there any more"));
        String schema = session.first(SCHEMA, row -> row.getString(1), generation.table())
                .orElseThrow(() -> refused("the table " + generation.table() + " is not there any more"));
        return new VectorIndexing(session, pgvector, schema, generation.table(), dimension);
    }

    private static void requireIndexable(int dimension) {
        if (dimension > PgVector.MAX_INDEXED_AS_HALVES) {
            throw refused("pgvector has none for vectors of " + dimension + " dimensions, "
                    + PgVector.MAX_INDEXED_AS_HALVES + " are the most: searches compare every vector");
        }
    }

    private static StoreException refused(String why) {
        return new StoreException(StoreException.Kind.PERMANENT, "cannot make an index of the vectors: " + why, null);
    }

    /** One maker at a time: another's unfinished index looks like a leftover. */
    private VectorIndex create() throws SQLException {
        if (!locked("select pg_try_advisory_lock(hashtextextended(?, 0))")) {
            throw new StoreException(
                    StoreException.Kind.TRANSIENT,
                    "cannot make the index " + nameOf(table) + ": somebody is making it now; wait for that",
                    null);
        }
        try {
            return createAlone();
        } finally {
            locked("select pg_advisory_unlock(hashtextextended(?, 0))");
        }
    }

    private boolean locked(String sql) throws SQLException {
        return session.first(sql, row -> row.getBoolean(1), "evervec index " + schema + "." + nameOf(table))
                .orElse(false);
    }

    private VectorIndex createAlone() throws SQLException {
        Optional<Boolean> valid = isValid(session, schema + "." + table, nameOf(table));
        if (valid.orElse(false)) {
            return index(Outcome.FOUND);
        }
        if (valid.isPresent()) {
            session.execute("drop index concurrently " + schema + "." + nameOf(table));
        }
        session.execute("create index concurrently " + nameOf(table) + " on " + schema + "." + table + " using hnsw ("
                + pgvector.indexed("vector", dimension) + " " + pgvector.operators(dimension) + ")");
        return index(valid.isPresent() ? Outcome.REPLACED : Outcome.CREATED);
    }

    private VectorIndex index(Outcome outcome) {
        return new VectorIndex(
                nameOf(table), dimension <= PgVector.MAX_INDEXED_AS_VECTOR ? "vector" : "halfvec", outcome);
    }
}
