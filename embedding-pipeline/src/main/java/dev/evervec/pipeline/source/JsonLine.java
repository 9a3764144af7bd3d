package dev.evervec.pipeline.source;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Reads one line of JSON Lines: a record, or what is wrong with it and as much of its key as can be read. */
final class JsonLine {
    // The cap on lines bounds everything but the nesting, for which Jackson keeps a stack. Names come from the file:
    // interned they would stay for ever.
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .build())
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            .build();

    private final byte[] bytes;
    private final int length;
    private final boolean terminated;
    private @Nullable String id;
    private @Nullable String source;
    private @Nullable String title;
    private @Nullable String content;
    private boolean complete;
    private boolean sourceUnreadable;
    // The first thing found wrong.
    private @Nullable String problem;

    private JsonLine(byte[] bytes, int length, boolean terminated) {
        this.bytes = bytes;
        this.length = length;
        this.terminated = terminated;
    }

    /**
     * What a line turned out to be: a record, or a problem.
     *
     * @param record the record, or null
     * @param problem what is wrong, without any of the text; null if nothing is
     * @param key the record's key where it is certain, or null
     * @param idBeforeBreak the id of a line that broke off before a source was read, or null
     */
    record Result(
            @Nullable SourceRecord record,
            @Nullable String problem,
            @Nullable RecordKey key,
            @Nullable String idBeforeBreak) {

        /** True for a line that could be any record. */
        boolean tellsNoKey() {
            return key == null && idBeforeBreak == null;
        }

        /** The key; a line that broke off before its source is taken to be of this one, unless that is null. */
        @Nullable
        RecordKey keyAssuming(@Nullable String assumedSource) {
            if (key != null || idBeforeBreak == null || assumedSource == null) {
                return key;
            }
            return keyOrNull(assumedSource, idBeforeBreak);
        }
    }

    /** Reads a line; the record gets the locator. */
    static Result parse(LineReader.Line line, int maxLineBytes, Locator locator) throws IOException {
        if (line.tooLong()) {
            String tooLong = "the line has " + line.length() + " bytes; at most " + maxLineBytes + " are read";
            return new Result(null, tooLong, null, null);
        }
        int length = (int) line.length();
        int invalid = Utf8.firstInvalid(line.bytes(), length);
        // What stands before a broken byte may still tell the key.
        JsonLine parsed = new JsonLine(line.bytes(), invalid < 0 ? length : invalid, line.terminated());
        parsed.read();
        if (invalid >= 0) {
            parsed.problem = "not valid UTF-8 at byte " + (invalid + 1) + " of the line";
        }
        return parsed.result(locator);
    }

    private void read() throws IOException {
        try (JsonParser parser = JSON.createParser(bytes, 0, length)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                complain("not a JSON object");
                return;
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                readField(parser);
            }
            complete = true;
            if (parser.nextToken() != null) {
                complain("more than one JSON value on the line");
            }
        } catch (StreamConstraintsException e) {
            problem = "nested too deeply at column " + column(e);
        } catch (JsonEOFException e) {
            problem = "not valid JSON at column " + (characters(length) + 1) + ": the "
                    + (terminated ? "line ends too early" : "last line is cut off");
        } catch (JsonProcessingException e) {
            // Jackson's own message quotes the text.
            problem = "not valid JSON at column " + column(e);
        }
    }

    private void readField(JsonParser parser) throws IOException {
        String name = parser.currentName();
        JsonToken value = parser.nextToken();
        switch (name) {
            case "id" -> id = readId(parser, value);
            case "source" -> {
                source = readText(parser, value, name);
                sourceUnreadable = source == null && value != JsonToken.VALUE_NULL;
            }
            case "title" -> title = readText(parser, value, name);
            case "content" -> content = readText(parser, value, name);
            default -> parser.skipChildren();
        }
    }

    private @Nullable String readId(JsonParser parser, JsonToken value) throws IOException {
        return switch (value) {
            case VALUE_STRING, VALUE_NUMBER_INT -> parser.getText();
            default -> {
                parser.skipChildren();
                complain("id is " + kind(value) + ", not a string or an integer");
                yield null;
            }
        };
    }

    private @Nullable String readText(JsonParser parser, JsonToken value, String name) throws IOException {
        return switch (value) {
            case VALUE_STRING -> parser.getText();
            case VALUE_NULL -> null;
            default -> {
                parser.skipChildren();
                complain(name + " is " + kind(value) + ", not a string");
                yield null;
            }
        };
    }

    private Result result(Locator locator) {
        if (!complete) {
            RecordKey key = id == null || source == null ? null : keyOrNull(source, id);
            return new Result(null, problem, key, source == null && !sourceUnreadable ? id : null);
        }
        RecordKey key = null;
        if (id == null) {
            complain("id is missing");
        } else if (!sourceUnreadable) {
            try {
                key = new RecordKey(source == null ? RecordKey.DEFAULT_SOURCE : source, id);
            } catch (IllegalArgumentException e) {
                // RecordKey's messages name the part and the rule, never the value.
                complain(String.valueOf(e.getMessage()));
            }
        }
        if (content == null) {
            complain("content is missing or null");
        }
        if (problem != null || key == null || content == null) {
            return new Result(null, problem, key, null);
        }
        return new Result(new SourceRecord(key, title, content, locator), null, key, null);
    }

    private static @Nullable RecordKey keyOrNull(String source, String id) {
        try {
            return new RecordKey(source, id);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private void complain(String what) {
        if (problem == null) {
            problem = what;
        }
    }

    private static String kind(JsonToken value) {
        return switch (value) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_NUMBER_INT -> "a number";
            case VALUE_NUMBER_FLOAT -> "a number with a fraction or exponent";
            case VALUE_TRUE, VALUE_FALSE -> "a boolean";
            default -> "null";
        };
    }

    private int column(JsonProcessingException e) {
        long at = e.getLocation() == null ? 0 : e.getLocation().getByteOffset();
        return characters((int) Math.min(Math.max(at, 0), length)) + 1;
    }

    /** How many characters the first bytes of the line make. */
    private int characters(int count) {
        int characters = 0;
        for (int i = 0; i < count; i++) {
            if ((bytes[i] & 0xC0) != 0x80) {
                characters++;
            }
        }
        return characters;
    }
}
