package dev.evervec.store.jdbc;

import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * Which table the outbox is.
 *
 * @param schema where it is, or null for where the database finds it by its name alone
 * @param signal what else happens when a row is appended
 */
record OutboxTable(@Nullable String schema, Signal signal) {
    /** The one that the database finds by its name. */
    static final OutboxTable BY_NAME = new OutboxTable(null, Signal.NOTIFY);

    private static final String COLUMNS = " (source, id, op, noted_at)";

    OutboxTable {
        if (schema != null) {
            SqlNames.check("schema", schema);
        }
    }

    /** Whether those who wait for changes are told, where the database can tell them. */
    enum Signal {
        NOTIFY,
        NONE
    }

    OutboxTable inSchema(String name) {
        return new OutboxTable(name, signal);
    }

    OutboxTable withoutNotify() {
        return new OutboxTable(schema, Signal.NONE);
    }

    /** Its name in SQL. */
    String in(Connection connection) throws SQLException {
        return schema == null
                ? EmbeddingQueue.TABLE
                : qualified(connection.getMetaData().getIdentifierQuoteString());
    }

    /** Its name in SQL. */
    String in(Database database) {
        return qualified(database == Database.MYSQL ? "`" : "\"");
    }

    private String qualified(String quote) {
        return schema == null ? EmbeddingQueue.TABLE : SqlNames.quoted(schema, quote) + "." + EmbeddingQueue.TABLE;
    }

    /** The statement that appends a row of source, id, kind and time, to be executed whether or not it answers anything. */
    String insert(Connection connection) throws SQLException {
        String insert = "insert into " + in(connection) + COLUMNS + " values (?, ?, ?, ?)";
        return notifies(connection.getMetaData()) ? insert + " returning " + pgNotify() : insert;
    }

    private boolean notifies(DatabaseMetaData database) throws SQLException {
        return signal == Signal.NOTIFY && SourceDialect.of(database) == SourceDialect.POSTGRESQL;
    }

    /** The columns of {@link #insert}, for other statements. */
    String withColumns(Database database) {
        return in(database) + COLUMNS;
    }

    /** An expression that tells those who listen, once the transaction is committed. All signals of a transaction are one. */
    String pgNotify() {
        return "pg_notify(" + pgChannel() + ", '')";
    }

    /**
     * An expression for the channel: the table's own number is in it, so that its name is the same whatever way the table is
     * found, and that of no other outbox of the database.
     */
    String pgChannel() {
        return SqlNames.constant(EmbeddingQueue.TABLE + "_") + " || " + SqlNames.constant(in(Database.POSTGRESQL))
                + "::regclass::oid";
    }

    /** For people. */
    @Override
    public String toString() {
        return schema == null ? EmbeddingQueue.TABLE : schema + "." + EmbeddingQueue.TABLE;
    }
}
