package dev.evervec.store.jdbc;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A statement for many rows at once, written as for one: {@code r.name} stands for a value of the row. The rows are a table
 * {@code r}, which a database that takes arrays gets as one for each column, and another as places for all values of some rows.
 * What the latter has no words for is repeated for each row.
 *
 * @param values of a row, by name and in the order in which they are given
 * @param isQuery whether it answers rows
 * @param forOneRow the statement for one row, with places for values
 * @param places which value stands at each place of it
 * @param forSomeRows the statement on a table {@code r} that stands before it, or null if it must be repeated
 * @param forAllRows the statement for all rows, with {@link #ROWS} for them
 */
record Bulk(
        List<Value> values,
        boolean isQuery,
        String forOneRow,
        List<Integer> places,
        @Nullable String forSomeRows,
        String forAllRows) {
    private static final Pattern VALUE = Pattern.compile("\\br\\.(?!ordinal)(\\w+)");
    private static final String ROWS = "{rows}";

    /** Transactions are rolled back when a statement fails, so SQLite need not keep copies of pages to undo that one alone. */
    private static final String OR_FAIL = " or fail";

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
        String select = " select " + values + " from ";
        // Without a condition SQLite would take a conflict for that of a join.
        return of(
                row,
                false,
                "insert into " + into + " values (" + values + ")" + end,
                "insert" + OR_FAIL + " into " + into + select + "r where true" + end,
                "insert into " + into + select + ROWS + end);
    }

    /** Inserts what a query answers for each. */
    static Bulk insertFound(String row, String into, String query) {
        String insert = "insert into " + into + " ";
        return of(
                row,
                false,
                insert + query,
                null,
                insert + "select q.* from " + ROWS + " cross join lateral (" + query + ") q");
    }

    /** Updates the rows that belong to each. */
    static Bulk update(String row, String table, String assignments, String where) {
        String set = " " + table + " set " + assignments;
        String found = " where " + where;
        return of(
                row,
                false,
                "update" + set + found,
                "update" + OR_FAIL + set + " from r" + found,
                "update" + set + " from " + ROWS + found);
    }

    /** Deletes the rows that belong to each. */
    static Bulk delete(String row, String table, String where) {
        String delete = "delete from " + table;
        return of(row, false, delete + " where " + where, null, delete + " using " + ROWS + " where " + where);
    }

    /** A query for each, which may be limited for each. */
    static Bulk select(String row, String query) {
        return of(
                row,
                true,
                query,
                null,
                "select q.*, r.ordinal from " + ROWS + " cross join lateral (" + query + ") q order by r.ordinal");
    }

    /** Reads the rows of a table that belong to each. */
    static Bulk select(String row, String columns, String table, String where) {
        return select(row, columns, table, where, "");
    }

    /**
     * Reads the ledger's rows {@code l} that belong to each, and lets nobody else change them until the transaction ends. They are
     * locked in the order of their numbers, whoever does it, so that nobody waits for somebody who waits for him.
     */
    static Bulk lock(String row, String columns, String where) {
        return select(row, columns, "evervec_ledger l", where, " order by l.number for update of l");
    }

    /** SQLite keeps to the order of a cross join: first the rows, then what belongs to them. */
    private static Bulk select(String row, String columns, String table, String where, String locked) {
        String select = "select " + columns;
        String found = " cross join " + table + " where " + where;
        return of(
                row,
                true,
                select + " from " + table + " where " + where,
                select + ", r.ordinal from r" + found,
                select + ", r.ordinal from " + ROWS + found + locked);
    }

    private static Bulk of(
            String row, boolean isQuery, String ofOneRow, @Nullable String ofSomeRows, String ofAllRows) {
        List<Value> values = values(row);
        List<String> names = values.stream().map(Value::name).toList();
        return new Bulk(
                values,
                isQuery,
                VALUE.matcher(ofOneRow).replaceAll("?"),
                VALUE.matcher(ofOneRow)
                        .results()
                        .map(value -> names.indexOf(value.group(1)))
                        .toList(),
                ofSomeRows == null ? null : named(ofSomeRows),
                named(ofAllRows));
    }

    private static String named(String sql) {
        return VALUE.matcher(sql).replaceAll("r." + inArrays("$1"));
    }

    private static List<Value> values(String row) {
        return Arrays.stream(row.split(",\\s*", -1))
                .map(value -> value.split(" ", 2))
                .map(words -> new Value(words[0], Type.valueOf(words[1].toUpperCase(Locale.ROOT))))
                .toList();
    }

    /** Whether each row has a vector, as its last value. */
    boolean hasVectors() {
        return values.get(values.size() - 1).type() == Type.VECTOR;
    }

    /** The same with other SQL. */
    Bulk mapped(UnaryOperator<String> sql) {
        return new Bulk(
                values,
                isQuery,
                sql.apply(forOneRow),
                places,
                forSomeRows == null ? null : sql.apply(forSomeRows),
                sql.apply(forAllRows));
    }

    /**
     * The statement for so many rows, with places for all values of the first, then for those of the second, and so on; a query
     * answers the row's place as in {@link #forAllRows(String)}.
     */
    String forSomeRows(int rows) {
        String names = values.stream().map(value -> inArrays(value.name())).collect(Collectors.joining(", "));
        String places = ", ?".repeat(values.size());
        return IntStream.rangeClosed(1, rows)
                .mapToObj(row -> "(" + row + places + ")")
                .collect(Collectors.joining(", ", "with r (ordinal, " + names + ") as (values ", ") " + forSomeRows));
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
