package dev.evervec.examples.admin;

import io.javalin.http.Context;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the parameters in the address of a request. */
final class Query {
    private final Map<String, String> values;

    private Query(Map<String, String> values) {
        this.values = values;
    }

    /**
     * Those of this request, which may have no other than these.
     *
     * @throws Problem 400 if it has another, or one twice
     */
    static Query of(Context request, String... known) {
        @Nullable String text = request.queryString();
        Map<String, String> values = UrlEncoded.parse(text == null ? "" : text);
        if (!Set.of(known).containsAll(values.keySet())) {
            throw Problem.invalid(
                    null,
                    known.length == 0
                            ? "no parameter is known here"
                            : "an unknown parameter; known here: " + String.join(", ", known));
        }
        return new Query(values);
    }

    /**
     * A number in this range.
     *
     * @throws Problem 400 if it is none
     */
    int integer(String name, int otherwise, int min, int max) {
        String text = values.get(name);
        if (text == null) {
            return otherwise;
        }
        try {
            int number = Integer.parseInt(text);
            if (number >= min && number <= max) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw Problem.invalid(name, name + " must be a number from " + min + " to " + max);
    }
}
