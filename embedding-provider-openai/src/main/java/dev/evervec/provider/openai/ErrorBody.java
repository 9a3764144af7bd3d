package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The error that a service reported, in whichever shape: {@code {"error":{...}}}, {@code {"error":"..."}}, flat,
 * {@code detail} as text or list, a code as text or number, plain text. The SDK's accessors throw for half of these.
 *
 * <p>The message may quote the texts sent or even the key. It is only ever compared with known wordings, never shown.
 *
 * @param code the code as text, or null
 * @param type the type, or null
 * @param param the request's field that was refused, or null
 * @param message all that was said in words, lower case, maybe empty
 */
record ErrorBody(
        @Nullable String code,
        @Nullable String type,
        @Nullable String param,
        String message) {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int MAX_MESSAGE = 2000;

    /** Reads an error body; text that is no JSON is a message. */
    static ErrorBody parse(String body) {
        Collector collector = new Collector();
        try (JsonParser parser = JSON.createParser(body)) {
            parser.nextToken();
            collector.value(parser);
        } catch (IOException e) {
            // Cut off or no JSON at all: what has been read so far counts, else the text itself.
            if (collector.isEmpty()) {
                collector.say(body);
            }
        }
        return collector.toErrorBody();
    }

    /** Reads the error value that the parser stands on, inside another document. */
    static ErrorBody read(JsonParser parser) throws IOException {
        Collector collector = new Collector();
        collector.value(parser);
        return collector.toErrorBody();
    }

    /** Whether the code or the type is or contains this word. */
    boolean hasToken(String word) {
        return (code != null && code.contains(word)) || (type != null && type.contains(word));
    }

    /** The code as a number, or -1. */
    int numericCode() {
        try {
            return code == null ? -1 : Integer.parseInt(code);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** Shows nothing of the message. */
    @Override
    public String toString() {
        return "ErrorBody[message of " + message.length() + " chars]";
    }

    private static final class Collector {
        private @Nullable String code;
        private @Nullable String type;
        private @Nullable String param;
        private final StringBuilder message = new StringBuilder();

        private boolean isEmpty() {
            return code == null && type == null && param == null && message.length() == 0;
        }

        private void say(String words) {
            if (message.length() > 0) {
                message.append('\n');
            }
            message.append(words, 0, Math.min(words.length(), Math.max(0, MAX_MESSAGE - message.length())));
        }

        private void value(JsonParser parser) throws IOException {
            JsonToken token = parser.currentToken();
            if (token == JsonToken.START_OBJECT) {
                object(parser);
            } else if (token == JsonToken.START_ARRAY) {
                while (parser.nextToken() != JsonToken.END_ARRAY && parser.currentToken() != null) {
                    value(parser);
                }
            } else if (token == JsonToken.VALUE_STRING) {
                say(parser.getText());
            }
        }

        private void object(JsonParser parser) throws IOException {
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "error", "message", "detail", "msg", "status_msg" -> value(parser);
                    case "code", "status_code" -> code = firstOf(code, scalar(parser));
                    case "type", "error_type" -> type = firstOf(type, scalar(parser));
                    case "param" -> param = firstOf(param, scalar(parser));
                    case "loc" -> param = firstOf(param, path(parser));
                    default -> parser.skipChildren();
                }
            }
        }

        private static @Nullable String firstOf(@Nullable String known, @Nullable String found) {
            return known != null ? known : found;
        }

        private static @Nullable String scalar(JsonParser parser) throws IOException {
            if (parser.currentToken() == JsonToken.VALUE_STRING
                    || parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
                return parser.getText();
            }
            parser.skipChildren();
            return null;
        }

        /** FastAPI's way of naming a field: {@code ["body","input",17]}. */
        private static @Nullable String path(JsonParser parser) throws IOException {
            if (parser.currentToken() != JsonToken.START_ARRAY) {
                return scalar(parser);
            }
            List<String> steps = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY && parser.currentToken() != null) {
                String step = scalar(parser);
                if (step != null) {
                    steps.add(step);
                }
            }
            return String.join(".", steps);
        }

        private ErrorBody toErrorBody() {
            return new ErrorBody(code, type, param, message.toString().toLowerCase(Locale.ROOT));
        }
    }
}
