package dev.evervec.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can be seen to be wrong with a PostgreSQL URL before anybody connects. */
final class PostgresUrl {
    static final String PREFIX = "jdbc:postgresql:";

    /** Parameters that name the database elsewhere than before the question mark. */
    private static final List<String> DATABASE_ELSEWHERE = List.of("service=", "PGDBNAME=");

    private PostgresUrl() {}

    /** What to change; null if nothing. Shows nothing of the URL, which may have a password in it. */
    static @Nullable String problemOf(String url) {
        String rest = url.substring(PREFIX.length());
        int question = rest.indexOf('?');
        String place = question < 0 ? rest : rest.substring(0, question);
        List<String> parameters =
                question < 0 ? List.of() : List.of(rest.substring(question + 1).split("&"));
        if (place.indexOf('@') >= 0) {
            return "has an @: user and password have keys of their own, and the password may also come from "
                    + HostTables.PASSWORD_VARIABLE;
        }
        if (has(parameters, "currentSchema=")) {
            return "sets currentSchema: name the schema with the key schema instead";
        }
        if (database(place).isEmpty() && DATABASE_ELSEWHERE.stream().noneMatch(name -> has(parameters, name))) {
            return "names no database: write jdbc:postgresql://host/database";
        }
        return null;
    }

    private static boolean has(List<String> parameters, String name) {
        return parameters.stream().anyMatch(parameter -> parameter.startsWith(name));
    }

    private static String database(String place) {
        if (!place.startsWith("//")) {
            return place.equals("/") ? "" : place;
        }
        int slash = place.indexOf('/', 2);
        return slash < 0 ? "" : place.substring(slash + 1);
    }
}
