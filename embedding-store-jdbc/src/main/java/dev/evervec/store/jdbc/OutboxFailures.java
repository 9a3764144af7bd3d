package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoreException.Kind;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Says in our own words why the outbox cannot be used. */
final class OutboxFailures {
    /** SQLite's result codes: busy, locked. */
    private static final Set<Integer> LOCKED = Set.of(5, 6);

    /** Connection lost, transaction rolled back for others' sake, operator intervention. */
    private static final Set<String> PASSING_CLASSES = Set.of("08", "40", "53", "57");

    /** PostgreSQL; MySQL, MariaDB and H2; H2 where it has a table of a similar name. */
    private static final Set<String> MISSING_TABLE = Set.of("42P01", "42S02", "42S03", "42S04");

    /** PostgreSQL; H2; MySQL and MariaDB say that the table is missing. */
    private static final Set<String> MISSING_SCHEMA = Set.of("3F000", "90079");

    private OutboxFailures() {}

    /**
     * The failure of a statement.
     *
     * @param table which it was on
     * @param connection how it was reached, or null if there is none to ask
     */
    static StoreException failed(String doing, OutboxTable table, @Nullable Connection connection, SQLException e) {
        String state = Objects.requireNonNullElse(e.getSQLState(), "");
        String what = "cannot " + doing + " in " + table + " ("
                + (state.isEmpty() ? "error code " + e.getErrorCode() : "SQLState " + state) + "): ";
        boolean sqlite = state.isEmpty();
        if (isMissingTable(state, sqlite, e)) {
            return permanent(
                    what + "the table is not there; make it with EmbeddingQueue.createTableIfMissing() or the DDL"
                            + " that EmbeddingQueue.ddl(" + ddlArguments(table, connection) + ") returns",
                    e);
        }
        if (MISSING_SCHEMA.contains(state)) {
            return permanent(what + "the schema is not there; make it first", e);
        }
        if (isClosed(connection)) {
            return permanent(what + "the connection is closed; give one that is open", e);
        }
        if (sqlite && LOCKED.contains(e.getErrorCode() & 0xFF)) {
            return passing(
                    what + "another connection is writing to the SQLite file; begin transactions that write with"
                            + " BEGIN IMMEDIATE and set a busy timeout",
                    e);
        }
        if (connection == null && sqlite && e.getErrorCode() == 0) {
            return passing(
                    what
                            + "the DataSource gave no connection; let its pool have more, or look why they do not come back",
                    e);
        }
        if (PostgresFailures.isPassing(state)
                || PASSING_CLASSES.contains(state.length() < 2 ? "" : state.substring(0, 2))) {
            return passing(what + "the database cannot be reached or asks to try again", e);
        }
        return permanent(
                what + "check that the connection may write, and that the table is as in EmbeddingQueue.ddl("
                        + ddlArguments(table, connection) + ")",
                e);
    }

    private static StoreException permanent(String message, SQLException e) {
        return new StoreException(Kind.PERMANENT, message, Failures.withoutMessage(e));
    }

    private static StoreException passing(String message, SQLException e) {
        return new StoreException(Kind.TRANSIENT, message, Failures.withoutMessage(e));
    }

    private static boolean isMissingTable(String state, boolean sqlite, SQLException e) {
        return MISSING_TABLE.contains(state)
                || (sqlite && String.valueOf(e.getMessage()).contains("no such table"));
    }

    private static boolean isClosed(@Nullable Connection connection) {
        try {
            return connection != null && connection.isClosed();
        } catch (SQLException e) {
            return false;
        }
    }

    private static String ddlArguments(OutboxTable table, @Nullable Connection connection) {
        return ddlArgument(connection) + (table.schema() == null ? "" : ", \"" + table.schema() + "\"");
    }

    private static String ddlArgument(@Nullable Connection connection) {
        try {
            return connection == null ? "Database" : "Database." + OutboxDdl.database(connection);
        } catch (SQLException | StoreException e) {
            return "Database";
        }
    }
}
