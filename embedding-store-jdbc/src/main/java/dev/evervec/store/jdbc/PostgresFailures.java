package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoreException.Kind;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Set;

/** Says in our own words why PostgreSQL cannot do something. */
final class PostgresFailures {
    /** Transactions that the server ended for others' sake, locks not got, too many connections, shutting down, cancelled. */
    private static final Set<String> PASSING = Set.of(
            "40001", "40P01", "55P03", "53300", "57014", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "53200");

    private static final String OF_POOL =
            "the DataSource gave no connection; the store keeps one of them, and needs others"
                    + " beside it: let the pool have more, or look why they do not come back, and try again";

    private PostgresFailures() {}

    static StoreException of(String action, String location, SQLException cause) {
        String state = Objects.requireNonNullElse(cause.getSQLState(), "");
        // The driver always has one.
        boolean ofPool = state.isEmpty();
        return new StoreException(
                ofPool || isPassing(state) ? Kind.TRANSIENT : Kind.PERMANENT,
                "cannot " + action + " in the store in " + location + ": " + (ofPool ? OF_POOL : advice(state))
                        + " (SQLState " + (state.isEmpty() ? "unknown" : state) + ")",
                Failures.withoutMessage(cause));
    }

    static boolean isPassing(String state) {
        return state.startsWith("08") || PASSING.contains(state);
    }

    private static String advice(String state) {
        return switch (state) {
            case "08001" -> "the server cannot be reached; check that it runs and that its address is right";
            case "08P01", "08004" ->
                "the server refused the connection, or its way to log in or to encrypt was not met; give a password if"
                        + " it wants one, and check sslmode and the server's pg_hba.conf";
            case "28000", "28P01" -> "the login was refused; check user and password";
            case "3D000" -> "the database does not exist; create it, or name another one";
            case "3F000" -> "the schema does not exist; create it, or name another one";
            case "42501" ->
                "the database user lacks a right; grant it usage and create on the schema and all rights"
                        + " on the tables and sequences in it (create on the database if the schema is to be made), or"
                        + " let its owner run the DDL of JdbcStore.Builder.ddl, or of schema --print, as this user";
            case "25006" ->
                "the server, the user or the DataSource's connections may only read; use what can be written to";
            case "42P01", "42703", "42883" ->
                "a table, column or function is missing; the schema is not as JdbcStore.Builder.ddl tells it, or the"
                        + " database user may not use it: grant it usage on the schema";
            case "42P07" -> "a table of that name is there, and is none of Evervec's; use another schema";
            case "53100" -> "no space is left on the server's disk; free some, then run again";
            case "53200" -> "the server is out of memory; try again, or give it more";
            case "53300" -> "the server has no connection left; close some, or raise its max_connections";
            case "54000", "54001" -> "a limit of the server was exceeded";
            case "22000", "22023" ->
                "the vector's dimension is not that of its column; do not change the tables by hand";
            case "22P05", "22021" ->
                "a text has a character that the database's encoding lacks; use a database in UTF8";
            case "40001", "40P01" -> "another transaction was in the way; try again";
            case "55P03" -> "another transaction keeps a lock; let it finish, then try again";
            case "57014" ->
                "the statement was cancelled or took longer than the server's statement_timeout; try again,"
                        + " or raise it for the store's user";
            case "57P01", "57P02", "57P03" ->
                "the server is shutting down, starting or has ended the connection; try" + " again when it runs";
            case "57P05", "25P03", "25P04" -> "the server ended a connection that waited too long; try again";
            default ->
                state.startsWith("08")
                        ? "the connection was lost; check server and network, and try again"
                        : "the database refused a statement; the server's log says why";
        };
    }
}
