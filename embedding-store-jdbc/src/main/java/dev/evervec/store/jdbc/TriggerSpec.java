package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordKey;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which writes to a table of the host the database itself notes in the outbox, by triggers.
 *
 * <pre>{@code
 * TriggerSpec questions = TriggerSpec.on("question")
 *         .inSchema("app")
 *         .source("questions")
 *         .watching("title", "body")
 *         .build();
 * EmbeddingQueue.triggerDdl(Database.POSTGRESQL, questions).forEach(statement -> ...);
 * }</pre>
 *
 * <p>All names are those that the database has stored, unquoted: on PostgreSQL in lower case, unless they were made in
 * quotation marks. They are quoted in the DDL, so none can be anything else than a name. Source and id are those of the host's
 * {@link dev.evervec.pipeline.source.RecordSource}.
 *
 * <p>Immutable.
 */
public final class TriggerSpec {
    private final String table;
    private final @Nullable String schema;
    private final String idColumn;
    private final @Nullable String sourceColumn;
    private final String sourceName;
    private final List<String> columns;
    private final OutboxTable outbox;

    private TriggerSpec(Builder builder) {
        this.table = builder.table;
        this.schema = builder.schema;
        this.idColumn = builder.idColumn;
        this.sourceColumn = builder.sourceColumn;
        this.sourceName = builder.sourceName;
        this.columns = List.copyOf(builder.columns);
        this.outbox = builder.outbox;
    }

    /**
     * Writes to this table, whose id is in the column {@code id}, as changes of the source {@code default}.
     *
     * @throws IllegalArgumentException if no table can be called so
     */
    public static Builder on(String table) {
        return new Builder(SqlNames.check("table", table));
    }

    String table() {
        return table;
    }

    @Nullable
    String schema() {
        return schema;
    }

    String idColumn() {
        return idColumn;
    }

    @Nullable
    String sourceColumn() {
        return sourceColumn;
    }

    /** The source of all rows, or of those without one. */
    String sourceName() {
        return sourceName;
    }

    List<String> columns() {
        return columns;
    }

    OutboxTable outbox() {
        return outbox;
    }

    /** Names the table. */
    @Override
    public String toString() {
        return "TriggerSpec[" + (schema == null ? "" : schema + ".") + table + ", watching " + columns + "]";
    }

    /** Describes triggers. Not thread-safe. */
    public static final class Builder {
        private final String table;
        private @Nullable String schema;
        private String idColumn = "id";
        private @Nullable String sourceColumn;
        private String sourceName = RecordKey.DEFAULT_SOURCE;
        private Set<String> columns = Set.of();
        private OutboxTable outbox = OutboxTable.BY_NAME;

        private Builder(String table) {
            this.table = table;
        }

        /**
         * The schema that the table is in. Otherwise it is found by its name when the DDL is applied.
         *
         * @throws IllegalArgumentException if no schema can be called so
         */
        public Builder inSchema(String name) {
            schema = SqlNames.check("schema", name);
            return this;
        }

        /**
         * The column with the id, of an integer, uuid or text type. Rows without one are no records.
         *
         * @throws IllegalArgumentException if no column can be called so
         */
        public Builder id(String column) {
            idColumn = SqlNames.check("id column", column);
            return this;
        }

        /**
         * The source that all rows belong to.
         *
         * @throws IllegalArgumentException if no source can be called so, as {@link RecordKey} says
         */
        public Builder source(String name) {
            sourceName = new RecordKey(name, "1").source();
            sourceColumn = null;
            return this;
        }

        /**
         * The column with the source of each row; rows without one belong to {@code default}.
         *
         * @throws IllegalArgumentException if no column can be called so
         */
        public Builder sourceColumn(String column) {
            sourceColumn = SqlNames.check("source column", column);
            sourceName = RecordKey.DEFAULT_SOURCE;
            return this;
        }

        /**
         * The columns that the text to embed is made of. An update that changes none of them is not noted. Required.
         *
         * @throws IllegalArgumentException if there is none, or no column can be called so
         */
        public Builder watching(String... textColumns) {
            Set<String> all = new LinkedHashSet<>();
            for (String column : textColumns) {
                all.add(SqlNames.check("column", column));
            }
            if (all.isEmpty()) {
                throw new IllegalArgumentException("name at least one column to watch");
            }
            columns = all;
            return this;
        }

        /**
         * The schema of the outbox, as in {@link EmbeddingQueue#inSchema}. Otherwise it is the one that is found by its name when
         * the DDL is applied. Not for SQLite, whose triggers write into their own file.
         *
         * @throws IllegalArgumentException if no schema can be called so
         */
        public Builder outboxIn(String schemaName) {
            outbox = outbox.inSchema(Objects.requireNonNull(schemaName, "schema"));
            return this;
        }

        /** Wakes no {@link dev.evervec.pipeline.live.LiveEmbedder}, as in {@link EmbeddingQueue#withoutNotify}. */
        public Builder withoutNotify() {
            outbox = outbox.withoutNotify();
            return this;
        }

        /**
         * The description.
         *
         * @throws IllegalArgumentException if no column is watched
         */
        public TriggerSpec build() {
            if (columns.isEmpty()) {
                throw new IllegalArgumentException("name the columns that the text is made of: watching(...)");
            }
            return new TriggerSpec(this);
        }
    }
}
