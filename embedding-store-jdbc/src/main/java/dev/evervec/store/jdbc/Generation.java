package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.provider.Embedding;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;

/**
 * A generation and where its vectors are.
 *
 * @param number of its row; 0 if there is none
 * @param table the table of its vectors, in statements written {@code {vectors}}
 */
record Generation(long number, String table, VectorType type) {
    /** A generation that is not registered, or was pruned: without records and without a table. */
    static final Generation NONE = new Generation(0, "", VectorType.BLOB);

    private static final String FIND =
            "select number, vector_type from evervec_generation where name = ? and vector_type is not null";

    /** The generation of this name, if it is registered. */
    static Optional<Generation> find(Session session, String name) throws SQLException {
        return session.first(
                FIND,
                row -> {
                    VectorType type = VectorType.ofCode(row.getString(2));
                    return new Generation(row.getLong(1), table(name, type), type);
                },
                name);
    }

    /** The generation that a job works on. */
    static Generation of(Session session, JobTicket job) throws SQLException {
        return find(session, job.start().fingerprint().generation()).orElse(NONE);
    }

    /** The generation of this fingerprint, which is registered, with a table for its vectors. */
    static Generation prepare(Session session, Dialect dialect, Fingerprint fingerprint) throws SQLException {
        String name = fingerprint.generation();
        Optional<Generation> prepared = find(session, name);
        if (prepared.isPresent()) {
            return prepared.get();
        }
        VectorType type =
                dialect.makeVectors(session, name, fingerprint.embedding().dimension());
        session.update("update evervec_generation set vector_type = ? where name = ?", type.code(), name);
        return find(session, name).orElseThrow();
    }

    /** SQLite has one table for all; elsewhere each generation has its own, because its dimension is the column's. */
    static String table(String name, VectorType type) {
        return type == VectorType.BLOB ? "evervec_vector" : "evervec_vector_" + name;
    }

    /** Lets one after the other compare records with this generation's ledger, so that no two enter the same. */
    void lock(Session session) throws SQLException {
        if (session.locksRows()) {
            session.first("select number from evervec_generation where number = ? for update", row -> 0, number);
        }
    }

    boolean exists() {
        return number > 0;
    }

    /** A statement on the vectors. */
    String sql(String statement) {
        return statement.replace("{vectors}", table).replace("{vector}", type.bytesOf("v.vector"));
    }

    /** A statement on the vectors. */
    Bulk sql(Bulk bulk) {
        return bulk.mapped(this::sql);
    }

    /** The vector in a column that was selected as {@code {vector}}. */
    Embedding vector(ResultSet row, int column) throws SQLException {
        return type.read(row.getBytes(column));
    }
}
