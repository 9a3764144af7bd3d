package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.SourceException;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * Says in our own words what a database refused. A driver's message may hold bound values and text of records, and so may
 * its exception as a cause: neither is passed on. The exception is a statement that the database would not even accept,
 * before anything was bound.
 */
final class SourceFailures {
    private SourceFailures() {}

    /** A statement on the host's query failed. */
    static SourceException failed(String doing, SQLException e) {
        return new SourceException("Records database: " + doing + " failed with " + state(e) + advice(e) + ".", null);
    }

    /** The host's query was refused when nothing was bound to it yet. */
    static SourceException queryRefused(SQLException e) {
        if (!isAboutTheQuery(e)) {
            return failed("the records query", e);
        }
        return new SourceException(
                "The records query is refused with " + state(e) + ": " + firstLine(e.getMessage())
                        + ". Check its tables, columns and syntax.",
                null);
    }

    /** No driver for a URL. */
    static SourceException noDriver(String url) {
        String scheme = scheme(url);
        String artifact = switch (scheme) {
            case "jdbc:sqlite:" -> "org.xerial:sqlite-jdbc";
            case "jdbc:postgresql:" -> "org.postgresql:postgresql";
            case "jdbc:mysql:" -> "com.mysql:mysql-connector-j";
            case "jdbc:mariadb:" -> "org.mariadb.jdbc:mariadb-java-client";
            case "jdbc:h2:" -> "com.h2database:h2";
            default -> "";
        };
        return new SourceException(
                "Records database: no JDBC driver on the class path takes URLs that begin with " + scheme + " Add "
                        + (artifact.isEmpty()
                                ? "the database's JDBC driver, or check the URL's spelling."
                                : "the Maven artifact " + artifact + "."),
                null);
    }

    /** The part of a URL that tells the driver; the rest may hold a password. */
    private static String scheme(String url) {
        int end = url.indexOf(':', url.startsWith("jdbc:") ? 5 : 0);
        return end < 0 ? "(no scheme)" : url.substring(0, end + 1);
    }

    private static boolean isAboutTheQuery(SQLException e) {
        String state = e.getSQLState();
        // Class 42: syntax error or access rule violation. SQLite has no states; 1 is its code for a bad statement.
        boolean hasState = state != null && !state.isEmpty();
        return hasState ? state.startsWith("42") : e.getErrorCode() == 1;
    }

    private static String state(SQLException e) {
        String state = e.getSQLState();
        return state == null || state.isEmpty() ? "error code " + e.getErrorCode() : "SQLState " + state;
    }

    private static String advice(SQLException e) {
        String state = e.getSQLState() == null ? "" : e.getSQLState();
        if (state.startsWith("08")) {
            return ": the database cannot be reached, or closed the connection. Check that it runs and the URL";
        }
        if (state.startsWith("28")) {
            return ": it refuses the login. Check user and password";
        }
        if (state.startsWith("42")) {
            return ": a table, column or right is missing, or the syntax is wrong. Check the records query";
        }
        if (state.isEmpty()) {
            // SQLite's result codes, https://www.sqlite.org/rescode.html
            return switch (e.getErrorCode() & 0xFF) {
                case 5, 6 -> ": another process holds the database locked. Try again when it is done";
                case 11, 26 -> ": the file is damaged, or no SQLite database";
                case 14 -> ": the file cannot be opened. Check its path and the right to read it";
                default -> "";
            };
        }
        return "";
    }

    private static String firstLine(@Nullable String message) {
        // H2 appends the whole statement to the first line, others begin a new one.
        String text = message == null ? "" : message;
        int end = text.indexOf("; SQL statement");
        text = end < 0 ? text : text.substring(0, end);
        return text.lines().findFirst().orElse("").strip();
    }
}
