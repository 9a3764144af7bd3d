package dev.evervec.store.jdbc;

import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import java.util.Locale;

/** What differs between databases when records are read from them. */
enum SourceDialect {
    SQLITE,
    POSTGRESQL,
    MYSQL,
    H2,
    /** Any other: nothing is known about its paging, so the query must do it. */
    OTHER;

    static SourceDialect of(DatabaseMetaData database) throws SQLException {
        return named(database.getDatabaseProductName());
    }

    static SourceDialect named(String product) {
        String name = product.toLowerCase(Locale.ROOT);
        if (name.contains("sqlite")) {
            return SQLITE;
        }
        if (name.contains("postgresql")) {
            return POSTGRESQL;
        }
        if (name.contains("mysql") || name.contains("mariadb")) {
            return MYSQL;
        }
        return name.equals("h2") ? H2 : OTHER;
    }

    /** Whether a query can be cut into pages by wrapping it. */
    boolean wraps() {
        return this != OTHER;
    }

    /** Whether a column may hold values of several types, whatever it was declared as. */
    boolean typesEachValue() {
        return this == SQLITE;
    }

    /**
     * Whether rows are streamed only outside autocommit (PostgreSQL's driver reads a whole result into memory otherwise).
     */
    boolean streamsInTransaction() {
        return this == POSTGRESQL;
    }

    /**
     * Whether a fetch asks for ids alone, of any source: beside another condition H2 (2.4) looks no id of a list up in an
     * index, but reads the whole query.
     */
    boolean fetchesByIdAlone() {
        return this == H2;
    }

    /** Whether a connection may be set read-only after it was opened; SQLite's driver throws. */
    boolean canBeSetReadOnly() {
        return this == POSTGRESQL || this == MYSQL || this == H2;
    }

    /** How many rows a statement asks for at a time, for this driver. */
    int fetchSize(String driver) {
        // Connector/J streams only at this value (8.x and 9.x); MariaDB's driver refuses negative ones.
        return driver.startsWith("MySQL") ? Integer.MIN_VALUE : 32;
    }
}
