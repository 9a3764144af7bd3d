package dev.evervec.store.jdbc;

import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** Rows for one {@link Bulk} statement, sent in portions so that what is bound stays bounded. */
interface Rows {
    /** Adds a row. */
    void add(@Nullable Object... values) throws SQLException;

    /** Sends what waits. Not for queries. */
    void run() throws SQLException;

    /** Hands what the query answers to the consumer. */
    void forEach(Found consumer) throws SQLException;

    /** Takes a row of an answer. */
    @FunctionalInterface
    interface Found {
        /**
         * Takes one.
         *
         * @param place of the row that it belongs to, beginning with 0 for the first that was added
         */
        void accept(int place, ResultSet row) throws SQLException;
    }
}
