package dev.evervec.store.jdbc;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A statement for many rows at once, written as for one: {@code r.name} stands for a value of the row. A database that takes
 * arrays executes it once, with the rows as a table {@code r}; elsewhere it is repeated, with a place for each of the values.
 *
 * @param values of a row, by name and in the order in which they are given
 */
record Bulk(List<Value> values, Kind kind, String target, String body, String rest) {
    private static final Pattern VALUE = Pattern.compile("\\br\\.(?!ordinal)(\\w+)");

    /** How a value comes in. */
    enum Type {
        BIGINT,
        TEXT,
        BYTEA,
        /** The components of a vector. */
        VECTOR;

        String sql() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A value of a row. */
    record Value(String name, Type type) {}

    enum Kind {
        INSERT,
        INSERT_FOUND,
        UPDATE,
        DELETE,
        SELECT,
        LOCK
    }

    /**
     * Inserts a row for each.
     *
     * @param row such as {@code "number bigint, name text"}
     * @param into the table and its columns
     * @param values of these columns
     * @param rest what follows, such as {@code on conflict do nothing}
     */
    static Bulk insert(String row, String into, String values, String rest) {
        return new Bulk(values(row), Kind.INSERT, into, values, rest.isEmpty() ? "" : " " + rest);
    }

    /** Inserts what a query answers for each. */
    static Bulk insertFound(String row, String into, String query) {
        return new Bulk(values(row), Kind.INSERT_FOUND, into, query, "");
    }

    /** Updates the rows that belong to each. */
    static Bulk update(String row, String table, String assignments, String where) {
        return new Bulk(values(row), Kind.UPDATE, table, assignments, where);
    }

    /** Deletes the rows that belong to each. */
    static Bulk delete(String row, String table, String where) {
        return new Bulk(values(row), Kind.DELETE, table, "", where);
    }

    /** A query for each. */
    static Bulk select(String row, String query) {
        return new Bulk(values(row), Kind.SELECT, "", query, "");
    }

    /**
     * Reads the ledger's rows {@code l} that belong to each, and lets nobody else change them until the transaction ends. They are
     * locked in the order of their numbers, whoever does it, so that nobody waits for somebody who waits for him.
     */
    static Bulk lock(String row, String columns, String where) {
        return new Bulk(values(row), Kind.LOCK, "", columns, where);
    }

    private static List<Value> values(String row) {
        return Arrays.stream(row.split(",\\s*", -1))
                .map(value -> value.split(" ", 2))
                .map(words -> new Value(words[0], Type.valueOf(words[1].toUpperCase(Locale.ROOT))))
                .toList();
    }

    /** The same with other SQL. */
    Bulk mapped(UnaryOperator<String> sql) {
        return new Bulk(values, kind, sql.apply(target), sql.apply(body), sql.apply(rest));
    }

    boolean isQuery() {
        return kind == Kind.SELECT || kind == Kind.LOCK;
    }

    /** The statement for one row, with places for {@link #places}. */
    String forOneRow() {
        return VALUE.matcher(ofOneRow()).replaceAll("?");
    }

    /** Which value stands at each place of {@link #forOneRow}. */
    int[] places() {
        List<String> names = values.stream().map(Value::name).toList();
        List<Integer> places = new ArrayList<>();
        Matcher matcher = VALUE.matcher(ofOneRow());
        while (matcher.find()) {
            places.add(names.indexOf(matcher.group(1)));
        }
        return places.stream().mapToInt(Integer::intValue).toArray();
    }

    private String ofOneRow() {
        return switch (kind) {
            case INSERT -> "insert into " + target + " values (" + body + ")" + rest;
            case INSERT_FOUND -> "insert into " + target + " " + body;
            case UPDATE -> "update " + target + " set " + body + " where " + rest;
            case DELETE -> "delete from " + target + " where " + rest;
            case SELECT -> body;
            case LOCK -> "select " + body + " from evervec_ledger l where " + rest;
        };
    }

    /**
     * The statement for all rows; a query answers the row's place, beginning with 1, behind its own columns.
     *
     * @param rows the table {@code r} of the rows, with their values under names of {@link #inArrays} and {@code ordinal}
     */
    String forAllRows(String rows) {
        String all = switch (kind) {
            case INSERT -> "insert into " + target + " select " + body + " from " + rows + rest;
            case INSERT_FOUND ->
                "insert into " + target + " select q.* from " + rows + " cross join lateral (" + body + ") q";
            case UPDATE -> "update " + target + " set " + body + " from " + rows + " where " + rest;
            case DELETE -> "delete from " + target + " using " + rows + " where " + rest;
            case SELECT ->
                "select q.*, r.ordinal from " + rows + " cross join lateral (" + body + ") q order by r.ordinal";
            case LOCK ->
                "select " + body + ", r.ordinal from evervec_ledger l, " + rows + " where " + rest
                        + " order by l.number for update of l";
        };
        return VALUE.matcher(all).replaceAll("r." + inArrays("$1"));
    }

    /** What a value is called in {@link #forAllRows}: like no column of a table. */
    static String inArrays(String name) {
        return "r_" + name;
    }
}
