package dev.evervec.pipeline.jobs;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A request as it came over the wire: one flat object with known keys. Token by token, so that what is wrong is refused where
 * it stands, before anything nested or huge is read.
 */
final class RequestJson {
    private static final JsonFactory FACTORY = new JsonFactory();
    /** More than any request needs, with every character of its filter escaped. */
    private static final int MAX_CHARS = 16 * 1024;
    /** More than any budget has; what a number of many digits costs to read grows with their square. */
    private static final int MAX_DIGITS = 40;

    private static final Object NULL = new Object();

    /** What the value of a key has to be. */
    enum Form {
        TEXT("a string"),
        FLAG("true or false"),
        COUNT("a whole number"),
        AMOUNT("a number");

        private final String words;

        Form(String words) {
            this.words = words;
        }
    }

    private final Map<String, Form> keys;
    private final Map<String, Object> values = new HashMap<>();

    private RequestJson(Map<String, Form> keys) {
        this.keys = keys;
    }

    /**
     * Reads an object that has no other keys than these; each may be absent or null.
     *
     * @throws TriggerRefusedException if it is anything else
     */
    static RequestJson read(String json, Map<String, Form> keys) {
        if (json.length() > MAX_CHARS) {
            throw TriggerRefusedException.invalid(null, "the request is longer than " + MAX_CHARS + " characters");
        }
        RequestJson request = new RequestJson(keys);
        try (JsonParser parser = FACTORY.createParser(json)) {
            request.readObject(parser);
        } catch (IOException e) {
            // What the parser says quotes what it read.
            throw TriggerRefusedException.invalid(
                    null, "the request is not JSON: an object with the keys " + request.known());
        }
        return request;
    }

    private void readObject(JsonParser parser) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw TriggerRefusedException.invalid(null, "the request must be a JSON object with the keys " + known());
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            readValue(parser.currentName(), parser);
        }
        if (parser.nextToken() != null) {
            throw TriggerRefusedException.invalid(null, "there is more after the request's JSON object");
        }
    }

    private void readValue(String key, JsonParser parser) throws IOException {
        Form form = keys.get(key);
        if (form == null) {
            throw TriggerRefusedException.invalid(
                    Words.shortened(key), "unknown key " + Words.quoted(key) + ": known are " + known());
        }
        JsonToken token = parser.nextToken();
        Object value = token == JsonToken.VALUE_NULL ? NULL : value(key, form, token, parser);
        if (values.putIfAbsent(key, value) != null) {
            throw TriggerRefusedException.invalid(key, key + " is there twice");
        }
    }

    private static Object value(String key, Form form, @Nullable JsonToken token, JsonParser parser)
            throws IOException {
        if (form == Form.TEXT && token == JsonToken.VALUE_STRING) {
            return parser.getText();
        }
        if (form == Form.FLAG && (token == JsonToken.VALUE_TRUE || token == JsonToken.VALUE_FALSE)) {
            return token == JsonToken.VALUE_TRUE;
        }
        boolean whole = token == JsonToken.VALUE_NUMBER_INT;
        boolean number = whole || token == JsonToken.VALUE_NUMBER_FLOAT;
        if ((form == Form.COUNT && whole) || (form == Form.AMOUNT && number)) {
            return number(key, form, parser.getText());
        }
        throw TriggerRefusedException.invalid(key, key + " must be " + form.words);
    }

    private static Number number(String key, Form form, String digits) {
        if (digits.length() <= MAX_DIGITS) {
            try {
                return form == Form.COUNT ? Integer.valueOf(digits) : new BigDecimal(digits);
            } catch (NumberFormatException e) {
                // Told below: it is too large, or its exponent is.
            }
        }
        throw TriggerRefusedException.invalid(key, key + " is no number that could be meant: it has too many digits");
    }

    private String known() {
        return String.join(", ", new TreeSet<>(keys.keySet()));
    }

    @Nullable
    String text(String key) {
        return values.get(key) instanceof String text ? text : null;
    }

    boolean flag(String key) {
        return Boolean.TRUE.equals(values.get(key));
    }

    @Nullable
    Integer count(String key) {
        return values.get(key) instanceof Integer count ? count : null;
    }

    @Nullable
    BigDecimal amount(String key) {
        return values.get(key) instanceof BigDecimal amount ? amount : null;
    }
}
