package dev.evervec.store.jdbc;

import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import java.sql.Connection;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * Which table the outbox is.
 *
 * @param schema where it is, or null for where the database finds it by its name alone
 */
record OutboxTable(@Nullable String schema) {
    /** The one that the database finds by its name. */
    static final OutboxTable BY_NAME = new OutboxTable(null);

    OutboxTable {
        if (schema != null) {
            SqlNames.check("schema", schema);
        }
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

    /** For people. */
    @Override
    public String toString() {
        return schema == null ? EmbeddingQueue.TABLE : schema + "." + EmbeddingQueue.TABLE;
    }
}
