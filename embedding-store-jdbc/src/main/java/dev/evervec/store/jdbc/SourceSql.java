package dev.evervec.store.jdbc;

import dev.evervec.store.jdbc.SourceQuery.Parameter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A statement on the host's query, with its parameters.
 *
 * @param sql the statement
 * @param values its parameters, in order
 */
record SourceSql(String sql, List<SourceValue> values) {
    SourceSql {
        values = List.copyOf(values);
    }

    /**
     * A condition on the rows.
     *
     * @param sql SQL that can stand beside an {@code and}
     * @param values its parameters, in order
     */
    record Condition(String sql, List<SourceValue> values) {
        static final Condition NONE = new Condition("", List.of());

        static Condition isNull(SourceColumn column) {
            return new Condition(column.quoted() + " is null", List.of());
        }

        static Condition isNotNull(SourceColumn column) {
            return new Condition(column.quoted() + " is not null", List.of());
        }

        static Condition equal(SourceColumn column, SourceValue value) {
            return new Condition(column.quoted() + " = ?", List.of(value));
        }

        static Condition notBelow(SourceColumn column, SourceValue value) {
            return new Condition(column.quoted() + " >= ?", List.of(value));
        }

        static Condition in(SourceColumn column, List<SourceValue> values) {
            String marks = String.join(", ", Collections.nCopies(values.size(), "?"));
            return new Condition(column.quoted() + " in (" + marks + ")", values);
        }

        Condition and(Condition other) {
            return joined(" and ", other);
        }

        Condition or(Condition other) {
            Condition joined = joined(" or ", other);
            return new Condition("(" + joined.sql + ")", joined.values);
        }

        private Condition joined(String word, Condition other) {
            if (sql.isEmpty() || other.sql.isEmpty()) {
                return sql.isEmpty() ? other : this;
            }
            List<SourceValue> all = new ArrayList<>(values);
            all.addAll(other.values);
            return new Condition(sql + word + other.sql, all);
        }
    }

    /** No rows, for the sake of the columns. */
    static SourceSql columnsOnly(SourceQuery query) {
        return new SourceSql(
                "select * from " + query.asTable() + " where 1 = 0", queryValues(query, SourceValue.NULL, 1));
    }

    /** The query itself, one page of it. */
    static SourceSql ownPage(SourceQuery query, SourceValue after, int limit) {
        return new SourceSql(query.sql(), queryValues(query, after, limit));
    }

    /**
     * One page in the order of ids, from an id on. The id itself is read again, and so are all that the database holds equal
     * to it: in many collations that is more than one.
     */
    static SourceSql page(
            SourceQuery query, SourceColumns columns, Condition rows, @Nullable SourceValue from, int limit) {
        SourceColumn id = columns.id();
        Condition condition = rows.and(Condition.isNotNull(id));
        if (from != null) {
            condition = condition.and(Condition.notBelow(id, from));
        }
        List<SourceValue> values = new ArrayList<>(condition.values());
        values.add(SourceValue.integer(limit));
        return new SourceSql(
                "select " + columns.list() + " from " + query.asTable() + " where " + condition.sql() + " order by "
                        + id.quoted() + " limit ?",
                values);
    }

    /** All rows that meet a condition. A query with paging of its own is run from its start to its end for it. */
    static SourceSql rows(SourceQuery query, SourceColumns columns, Condition rows, SourceValue smallest) {
        return selection(columns.list(), query, rows, smallest);
    }

    /** How many rows meet a condition. */
    static SourceSql count(SourceQuery query, Condition rows, SourceValue smallest) {
        return selection("count(*)", query, rows, smallest);
    }

    /** The different values of a column, null among them. */
    static SourceSql distinct(SourceQuery query, SourceColumn column, SourceValue smallest) {
        return selection("distinct " + column.quoted(), query, Condition.NONE, smallest);
    }

    private static SourceSql selection(String what, SourceQuery query, Condition rows, SourceValue smallest) {
        List<SourceValue> values = queryValues(query, smallest, Integer.MAX_VALUE);
        values.addAll(rows.values());
        String where = rows.sql().isEmpty() ? "" : " where " + rows.sql();
        return new SourceSql("select " + what + " from " + query.asTable() + where, values);
    }

    private static List<SourceValue> queryValues(SourceQuery query, SourceValue after, int limit) {
        List<SourceValue> values = new ArrayList<>();
        for (Parameter parameter : query.parameters()) {
            values.add(
                    switch (parameter) {
                        case AFTER -> after;
                        case LIMIT -> SourceValue.integer(limit);
                    });
        }
        return values;
    }
}
