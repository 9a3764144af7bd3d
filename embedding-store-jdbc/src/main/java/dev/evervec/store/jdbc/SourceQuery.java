package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.SourceException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The host's query, with {@code :after} and {@code :limit} found in it and turned into JDBC's question marks. What stands
 * in quotes and comments is left alone.
 */
final class SourceQuery {
    /** What a question mark of the query stands for. */
    enum Parameter {
        AFTER,
        LIMIT
    }

    private final String sql;
    private final List<Parameter> parameters;

    private SourceQuery(String sql, List<Parameter> parameters) {
        this.sql = sql;
        this.parameters = List.copyOf(parameters);
    }

    /**
     * Reads a query.
     *
     * @throws SourceException if it is not one select, or has only one of the two parameters
     */
    static SourceQuery of(String text) {
        Parser parser = new Parser(text);
        parser.run();
        SourceQuery query = new SourceQuery(parser.sql.toString(), parser.parameters);
        if (!List.of("select", "with", "values", "table").contains(parser.firstWord)) {
            throw new SourceException(
                    "The records query is not a select"
                            + (parser.firstWord.isEmpty()
                                    ? ""
                                    : " but begins with " + parser.firstWord.toUpperCase(Locale.ROOT))
                            + ". Give one select of id, content and optionally source and title.",
                    null);
        }
        if (parser.textAfterEnd) {
            throw new SourceException("The records query is more than one statement. Give one select.", null);
        }
        if (query.parameters.contains(Parameter.AFTER) != query.parameters.contains(Parameter.LIMIT)) {
            throw new SourceException("The records query has only one of :after and :limit. " + PAGING_ADVICE, null);
        }
        return query;
    }

    static final String PAGING_ADVICE = "A query that does its own paging needs both: select id, content from ... where"
            + " id > :after order by id, then what limits rows to :limit in this database.";

    /** The query, with a question mark for each of its {@link #parameters()}. */
    String sql() {
        return sql;
    }

    /** In the order of the question marks; empty for a query without paging of its own. */
    List<Parameter> parameters() {
        return parameters;
    }

    boolean pagesItself() {
        return !parameters.isEmpty();
    }

    /** The query as a table to select from. */
    String asTable() {
        // The line break ends a comment on the query's last line.
        return "(\n" + sql + "\n) evervec_rows";
    }

    private static final class Parser {
        private final String text;
        private final StringBuilder sql = new StringBuilder();
        private final List<Parameter> parameters = new ArrayList<>();
        private String firstWord = "";
        private boolean ended;
        private boolean textAfterEnd;
        private int at;

        Parser(String text) {
            this.text = text;
        }

        void run() {
            while (at < text.length()) {
                char c = text.charAt(at);
                if (c == '\'' || c == '"' || c == '`') {
                    copyThrough(text.indexOf(c, at + 1), 1);
                } else if (text.startsWith("--", at)) {
                    skipComment(text.indexOf('\n', at), 0);
                } else if (text.startsWith("/*", at)) {
                    skipComment(text.indexOf("*/", at), 2);
                } else if (c == ';') {
                    ended = true;
                    at++;
                } else if (text.startsWith("::", at)) {
                    copyThrough(at + 1, 1);
                } else if (c == ':' && isParameter("after")) {
                    addParameter(Parameter.AFTER);
                } else if (c == ':' && isParameter("limit")) {
                    addParameter(Parameter.LIMIT);
                } else if (Character.isLetter(c)) {
                    copyWord();
                } else {
                    copyThrough(at, 1);
                }
            }
            sql.setLength(sql.toString().stripTrailing().length());
        }

        private void copyWord() {
            int end = at;
            while (end < text.length() && Character.isJavaIdentifierPart(text.charAt(end))) {
                end++;
            }
            if (firstWord.isEmpty()) {
                firstWord = text.substring(at, end).toLowerCase(Locale.ROOT);
            }
            copyThrough(end, 0);
        }

        /** Copies up to an index and some characters beyond; to the end of the text if the index is negative. */
        private void copyThrough(int index, int beyond) {
            int end = index < 0 ? text.length() : Math.min(text.length(), index + beyond);
            String copied = text.substring(at, end);
            if (ended) {
                textAfterEnd |= !copied.isBlank();
            } else {
                sql.append(copied);
            }
            at = end;
        }

        /** Comments are left out, but for hints, which are comments to the database only in name. */
        private void skipComment(int index, int beyond) {
            if (text.startsWith("/*+", at) || text.startsWith("/*!", at)) {
                copyThrough(index, beyond);
                return;
            }
            at = index < 0 ? text.length() : index + beyond;
            sql.append(' ');
        }

        private boolean isParameter(String name) {
            int end = at + 1 + name.length();
            return text.regionMatches(true, at + 1, name, 0, name.length())
                    && (end >= text.length() || !Character.isJavaIdentifierPart(text.charAt(end)));
        }

        private void addParameter(Parameter parameter) {
            if (!ended) {
                sql.append('?');
                parameters.add(parameter);
            }
            at += 1 + parameter.name().length();
        }
    }
}
