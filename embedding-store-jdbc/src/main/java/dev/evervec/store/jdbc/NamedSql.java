package dev.evervec.store.jdbc;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A statement of a host with named parameters.
 *
 * @param parts its text around the parameters: one part more than there are parameters
 * @param parameters in the order in which they stand in it
 */
record NamedSql(List<String> parts, List<Parameter> parameters) {
    /** Whatever is no place for a parameter, then parameters, then what must not be there. */
    private static final Pattern TOKEN = Pattern.compile(
            "(?<![\\p{Alnum}_])[eE]'(?:[^'\\\\]|\\\\.|'')*'" // PostgreSQL's strings with backslashes
                    + "|'[^']*'|\"[^\"]*\"|`[^`]*`"
                    + "|(?<![\\p{Alnum}_$])\\$(\\w*)\\$.*?\\$\\1\\$" // and those in dollars
                    + "|--[^\\n]*|/\\*.*?\\*/|::|(?<end>;)|(?<mark>\\?)|:(?<name>[\\p{Alpha}_]\\w*)",
            Pattern.DOTALL);

    NamedSql {
        parts = List.copyOf(parts);
        parameters = List.copyOf(parameters);
    }

    /** What a parameter stands for. */
    enum Parameter {
        EMBEDDING,
        ID,
        SOURCE,
        MODEL,
        DIMENSION,
        TEXT_HASH;

        String written() {
            return ":" + name().toLowerCase(Locale.ROOT);
        }

        static Optional<Parameter> named(String name) {
            return Arrays.stream(values())
                    .filter(one -> one.name().equalsIgnoreCase(name))
                    .findFirst();
        }
    }

    /**
     * Reads a statement.
     *
     * @throws IllegalArgumentException if it has parameters that are not known or have no name, or is more than one statement
     */
    static NamedSql of(String sql) {
        String text = withoutEnd(sql);
        List<String> parts = new ArrayList<>();
        List<Parameter> parameters = new ArrayList<>();
        int from = 0;
        for (Matcher token = TOKEN.matcher(text); token.find(); ) {
            if (token.group("mark") != null) {
                throw new IllegalArgumentException("the statement has a question mark: name the parameter");
            }
            if (token.group("end") != null) {
                throw new IllegalArgumentException("the statement is more than one: give one");
            }
            if (token.group("name") != null) {
                parts.add(text.substring(from, token.start()));
                parameters.add(parameter(token.group("name")));
                from = token.end();
            }
        }
        parts.add(text.substring(from));
        return new NamedSql(parts, parameters);
    }

    private static String withoutEnd(String sql) {
        String text = sql.strip();
        return text.endsWith(";") ? text.substring(0, text.length() - 1) : text;
    }

    private static Parameter parameter(String name) {
        return Parameter.named(name)
                .orElseThrow(() -> new IllegalArgumentException("the statement has an unknown parameter :" + name
                        + "; there are "
                        + Arrays.stream(Parameter.values())
                                .map(Parameter::written)
                                .collect(Collectors.joining(", "))));
    }

    /** The statement with this in the place of each parameter. */
    String with(Function<Parameter, String> places) {
        StringBuilder sql = new StringBuilder(parts.get(0));
        for (int i = 0; i < parameters.size(); i++) {
            sql.append(places.apply(parameters.get(i))).append(parts.get(i + 1));
        }
        return sql.toString();
    }
}
