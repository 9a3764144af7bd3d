package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.store.jdbc.NamedSql.Parameter;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A column of the host's own table that is to have the vectors, too: the statement that writes one there. It is executed in the
 * transaction that stores the vector and settles the record in the ledger, so that the two never differ.
 *
 * <pre>{@code
 * JdbcStore store = JdbcStore.builder(settings)
 *         .alsoWrite(HostColumn.update("update app.question set embedding = :embedding where id = :id")
 *                 .forSource("questions"))
 *         .open();
 * }</pre>
 *
 * <p>The parameters are {@code :embedding} and {@code :id}, both required, and {@code :source}, {@code :model}, {@code :dimension}
 * and {@code :text_hash} (32 bytes: the SHA-256 of the text that was embedded). When a record loses its vector, because it has
 * no content any more or has vanished, all but {@code :id} and {@code :source} are null. What stands in quotes and comments, and
 * PostgreSQL's {@code ::type}, is no parameter.
 *
 * <p>On PostgreSQL {@code :embedding} is a {@code real[]}, which columns of the types {@code vector}, {@code halfvec}, {@code
 * real[]} and {@code double precision[]} take as it is, and {@code :id} has the type of what it is compared with: a number, a uuid or a text.
 * The names of tables have their schema with them, for the statement is executed where the path leads to Evervec's
 * tables. On SQLite {@code :embedding} is a blob of float32, little-endian.
 *
 * <p>The table is in the database of the store. A record that has no row there, because it was deleted meanwhile, is passed
 * over. A statement that fails makes the commit fail: neither the vector nor the column is written, and the job says why.
 * The transactions of the host that change the same rows should be short, because the store waits for them.
 *
 * <p>Vectors that were stored before are not written; a pruned generation leaves the column as it is. Immutable.
 */
public final class HostColumn {
    private final NamedSql sql;
    private final @Nullable String source;

    private HostColumn(NamedSql sql, @Nullable String source) {
        this.sql = sql;
        this.source = source;
    }

    /**
     * Writes the vectors of all sources with this statement.
     *
     * @throws IllegalArgumentException if it has no {@code :embedding} or no {@code :id}, a parameter that is not known, a
     *     question mark, or is more than one statement
     */
    public static HostColumn update(String sql) {
        NamedSql named = NamedSql.of(Objects.requireNonNull(sql, "sql"));
        for (Parameter required : new Parameter[] {Parameter.EMBEDDING, Parameter.ID}) {
            if (!named.parameters().contains(required)) {
                throw new IllegalArgumentException("the statement of a HostColumn has no " + required.written()
                        + ": write, for example, update app.question set embedding = :embedding where id = :id");
            }
        }
        return new HostColumn(named, null);
    }

    /**
     * The same for the records of this source alone.
     *
     * @throws IllegalArgumentException if no source can be called so, as {@link RecordKey} says
     */
    public HostColumn forSource(String name) {
        return new HostColumn(sql, new RecordKey(name, "1").source());
    }

    NamedSql sql() {
        return sql;
    }

    boolean concerns(String recordSource) {
        return source == null || source.equals(recordSource);
    }

    /** Names the source; the statement is the host's. */
    @Override
    public String toString() {
        return source == null ? "the HostColumn for all sources" : "the HostColumn for the source " + source;
    }
}
