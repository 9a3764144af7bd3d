package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.NearestQuery;
import dev.evervec.pipeline.store.Neighbour;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds the nearest vectors of a generation in a column of pgvector. Runs inside a read transaction. */
final class VectorSearch {
    /** Candidates are asked for in hundreds, so that there are few statements, and no plan without a known limit. */
    private static final int STEP = 100;

    /** pgvector takes no more. */
    private static final int MAX_CANDIDATES = 1_000;

    private final Session session;
    private final PgVector pgvector;
    private final Generation generation;
    private final int dimension;

    private VectorSearch(Session session, PgVector pgvector, Generation generation, int dimension) {
        this.session = session;
        this.pgvector = pgvector;
        this.generation = generation;
        this.dimension = dimension;
    }

    /** The nearest vectors of a generation, or empty if the database cannot compare its vectors. */
    static Optional<List<Neighbour>> nearest(Session session, Fingerprint fingerprint, NearestQuery query)
            throws SQLException {
        Optional<VectorSearch> search = of(session, fingerprint);
        return search.isEmpty() ? Optional.empty() : Optional.of(search.get().nearest(query));
    }

    /** Searches the vectors of a generation, if there is one and they are of the extension's type. */
    static Optional<VectorSearch> of(Session session, Fingerprint fingerprint) throws SQLException {
        Optional<Generation> generation =
                Generation.find(session, fingerprint.generation()).filter(found -> found.type() == VectorType.PGVECTOR);
        Optional<PgVector> pgvector = generation.isEmpty() ? Optional.empty() : PgVector.of(session);
        return pgvector.map(extension -> new VectorSearch(
                session,
                extension,
                generation.orElseThrow(),
                fingerprint.embedding().dimension()));
    }

    /**
     * Asks the index, if there is one. Its answer may be too short, because a filter left nothing of what it had found: then
     * every vector is compared. Without an index that is what happens at once.
     */
    private List<Neighbour> nearest(NearestQuery query) throws SQLException {
        look(query);
        List<Neighbour> found = ask(query, byIndex(query));
        if (found.size() < query.topK()) {
            found = ask(query, byComparing(query));
        }
        return found.stream()
                .limit(query.topK())
                .filter(neighbour -> neighbour.similarity() >= query.minSimilarity())
                .toList();
    }

    /** How hard an index tries, until the end of the transaction. */
    private void look(NearestQuery query) throws SQLException {
        set("hnsw.ef_search", Integer.toString(candidates(query)));
        if (pgvector.scansOn()) {
            set("hnsw.iterative_scan", "strict_order");
        }
    }

    private void set(String name, String value) throws SQLException {
        session.first("select set_config(?, ?, true)", row -> row.getString(1), name, value);
    }

    /** Twice as many of those whose order is only known in half precision. */
    private int candidates(NearestQuery query) {
        int wanted = dimension > PgVector.MAX_INDEXED_AS_VECTOR ? 2 * query.topK() : query.topK();
        return Math.min(MAX_CANDIDATES, (wanted + STEP - 1) / STEP * STEP);
    }

    /** The statement that the index can answer; with {@link #values}. */
    String byIndex(NearestQuery query) {
        String given = pgvector.indexed(pgvector.given(), dimension);
        return sql(query, pgvector.distance(pgvector.indexed("vector", dimension), given));
    }

    /** No index knows this expression. */
    private String byComparing(NearestQuery query) {
        return sql(query, "(" + pgvector.distance("vector", pgvector.given()) + ") + 0");
    }

    /** Candidates in the order of this expression, and all of them in that of their exact distance. */
    private String sql(NearestQuery query, String order) {
        return "select source, id, distance from (select source, id, "
                + pgvector.distance("vector", pgvector.given()) + " as distance from " + generation.table()
                + (query.source() == null ? "" : " where generation = ? and source = ?") + " order by " + order
                + ", source, id limit " + candidates(query) + ") candidate order by distance, source, id";
    }

    @Nullable
    Object[] values(NearestQuery query) {
        String vector = Arrays.toString(query.vector().toArray());
        return query.source() == null
                ? new Object[] {vector, vector}
                : new Object[] {vector, generation.number(), query.source(), vector};
    }

    private List<Neighbour> ask(NearestQuery query, String sql) throws SQLException {
        return session.list(
                sql,
                row -> new Neighbour(Codes.key(row, 1), Math.max(-1, Math.min(1, 1 - row.getDouble(3)))),
                values(query));
    }
}
