package dev.evervec.store.jdbc;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * A statement for many rows at once, written as for one: {@code r.name} stands for a value of the row. A database that takes
 * arrays executes it once, with the rows as a table {@code r}; elsewhere it is repeated, with a place for each of the values.
 *
 * @param values of a row, by name and in the order in which they are given
 * @param isQuery whether it answers rows
 * @param forOneRow the statement for one row, with places for values
 * @param places which value stands at each place of it
 * @param forAllRows the statement for all rows, with {@link #ROWS} for them
 */
record Bulk(List<Value> values, boolean isQuery, String forOneRow, List<Integer> places, String forAllRows) {
    private static final Pattern VALUE = Pattern.compile("\\br\\.(?!ordinal)(\\w+)");
    private static final String ROWS = "{rows}";

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

    /**
     * Inserts a row for each.
     *
     * @param row such as {@code "number bigint, name text"}
     * @param into the table and its columns
     * @param values of these columns
     * @param rest what follows, such as {@code on conflict do nothing}
     */
    static Bulk insert(String row, String into, String values, String rest) {
        String end = rest.isEmpty() ? "" : " " + rest;
        String insert = "insert into " + into;
        return change(
                row, insert + " values (" + values + ")" + end, insert + " select " + values + " from " + ROWS + end);
    }

    /** Inserts what a query answers for each. */
    static Bulk insertFound(String row, String into, String query) {
        String insert = "insert into " + into + " ";
        return change(
                row, insert + query, insert + "select q.* from " + ROWS + " cross join lateral (" + query + ") q");
    }

    /** Updates the rows that belong to each. */
    static Bulk update(String row, String table, String assignments, String where) {
        String update = "update " + table + " set " + assignments;
        return change(row, update + " where " + where, update + " from " + ROWS + " where " + where);
    }

    /** Deletes the rows that belong to each. */
    static Bulk delete(String row, String table, String where) {
        String delete = "delete from " + table;
        return change(row, delete + " where " + where, delete + " using " + ROWS + " where " + where);
    }

    /** A query for each. */
    static Bulk select(String row, String query) {
        return query(
                row,
                query,
                "select q.*, r.ordinal from " + ROWS + " cross join lateral (" + query + ") q order by r.ordinal");
    }

    /**
     * Reads the ledger's rows {@code l} that belong to each, and lets nobody else change them until the transaction ends. They are
     * locked in the order of their numbers, whoever does it, so that nobody waits for somebody who waits for him.
     */
    static Bulk lock(String row, String columns, String where) {
        String select = "select " + columns;
        return query(
                row,
                select + " from evervec_ledger l where " + where,
                select + ", r.ordinal from evervec_ledger l, " + ROWS + " where " + where
                        + " order by l.number for update of l");
    }

    private static Bulk change(String row, String ofOneRow, String ofAllRows) {
        return of(values(row), false, ofOneRow, ofAllRows);
    }

    private static Bulk query(String row, String ofOneRow, String ofAllRows) {
        return of(values(row), true, ofOneRow, ofAllRows);
    }

    private static Bulk of(List<Value> values, boolean isQuery, String ofOneRow, String ofAllRows) {
        List<String> names = values.stream().map(Value::name).toList();
        return new Bulk(
                values,
                isQuery,
                VALUE.matcher(ofOneRow).replaceAll("?"),
                VALUE.matcher(ofOneRow)
                        .results()
                        .map(value -> names.indexOf(value.group(1)))
                        .toList(),
                VALUE.matcher(ofAllRows).replaceAll("r." + inArrays("$1")));
    }

    private static List<Value> values(String row) {
        return Arrays.stream(row.split(",\\s*", -1))
                .map(value -> value.split(" ", 2))
                .map(words -> new Value(words[0], Type.valueOf(words[1].toUpperCase(Locale.ROOT))))
                .toList();
    }

    /** The same with other SQL. */
    Bulk mapped(UnaryOperator<String> sql) {
        return new Bulk(values, isQuery, sql.apply(forOneRow), places, sql.apply(forAllRows));
    }

    /**
     * The statement for all rows; a query answers the row's place, beginning with 1, behind its own columns.
     *
     * @param rows the table {@code r} of the rows, with their values under names of {@link #inArrays} and {@code ordinal}
     */
    String forAllRows(String rows) {
        return forAllRows.replace(ROWS, rows);
    }

    /** What a value is called in {@link #forAllRows}: like no column of a table. */
    static String inArrays(String name) {
        return "r_" + name;
    }
}
