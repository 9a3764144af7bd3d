package dev.evervec.store.jdbc;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.sql.Driver;
import java.sql.DriverPropertyInfo;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The parameters of a PostgreSQL URL. The driver passes over those that it does not know: {@code sslmod=require} is no SSL. */
final class UrlParameters {
    private UrlParameters() {}

    /** What is wrong with them, or null. Names no parameter: after a stray {@code &} it may be a piece of a password. */
    static @Nullable String problemOf(String url, Driver driver) throws SQLException {
        int question = url.indexOf('?');
        if (question < 0) {
            return null;
        }
        Set<String> known = Arrays.stream(driver.getPropertyInfo(url.substring(0, question), new Properties()))
                .map((DriverPropertyInfo info) -> info.name)
                .collect(Collectors.toSet());
        List<String> parameters = List.of(url.substring(question + 1).split("&", -1));
        for (int i = 0; i < parameters.size(); i++) {
            if (!known.contains(name(parameters.get(i)))) {
                return "parameter " + (i + 1)
                        + " behind the ? of its URL is none that the PostgreSQL driver knows: check how"
                        + " it is spelled; an & or % inside of a value is written %26 or %25";
            }
        }
        return null;
    }

    private static String name(String parameter) {
        int equals = parameter.indexOf('=');
        try {
            return URLDecoder.decode(equals < 0 ? parameter : parameter.substring(0, equals), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return "";
        }
    }
}
