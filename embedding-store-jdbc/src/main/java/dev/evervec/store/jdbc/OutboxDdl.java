package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.store.jdbc.EmbeddingQueue.Database;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Locale;

/** The statement that makes the outbox, for each database. */
final class OutboxDdl {
    private OutboxDdl() {}

    static String of(Database database, OutboxTable table) {
        return read(database).replace("create table " + EmbeddingQueue.TABLE, "create table " + table.in(database));
    }

    private static String read(Database database) {
        String name = "schema/outbox/" + database.name().toLowerCase(Locale.ROOT) + ".sql";
        try (InputStream in = OutboxDdl.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is missing in the jar of embedding-store-jdbc");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .replace("\r\n", "\n")
                    .strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Which database the connection leads to. */
    static Database database(Connection connection) throws SQLException {
        String product = connection.getMetaData().getDatabaseProductName();
        return switch (SourceDialect.named(product)) {
            case SQLITE -> Database.SQLITE;
            case POSTGRESQL -> Database.POSTGRESQL;
            case H2 -> Database.H2;
            case MYSQL -> Database.MYSQL;
            case OTHER ->
                throw new StoreException(
                        StoreException.Kind.PERMANENT,
                        "there is no DDL of the outbox for " + product
                                + ": make the table " + EmbeddingQueue.TABLE
                                + " by hand, with the columns of EmbeddingQueue.ddl(Database.POSTGRESQL)",
                        null);
        };
    }
}
