package dev.evervec.store.jdbc;

import java.util.Objects;

/** Names of a host's tables and columns, as SQL that can mean nothing else. */
final class SqlNames {
    /** As long as the longest name of any database that we write DDL for. */
    private static final int LONGEST = 128;

    private SqlNames() {}

    /**
     * A name that can be quoted.
     *
     * @throws IllegalArgumentException if it is empty, too long or has a character that no name has
     */
    static String check(String what, String name) {
        Objects.requireNonNull(name, what);
        if (name.isBlank() || name.length() > LONGEST) {
            throw new IllegalArgumentException(what + " must be a name of 1 to " + LONGEST + " characters");
        }
        if (name.codePoints().anyMatch(c -> Character.isISOControl(c) || (c >= 0xD800 && c <= 0xDFFF))) {
            throw new IllegalArgumentException(what + " has a control character or an unpaired surrogate");
        }
        return name;
    }

    static String quoted(String name) {
        return quoted(name, "\"");
    }

    static String quoted(String name, String quote) {
        return quote + name.replace(quote, quote + quote) + quote;
    }

    /** A string constant of standard SQL. */
    static String constant(String text) {
        return "'" + text.replace("'", "''") + "'";
    }
}
