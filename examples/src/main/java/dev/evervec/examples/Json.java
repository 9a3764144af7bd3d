package dev.evervec.examples;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.provider.Embedding;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/** The JSON that programs read; its shapes are in {@code docs/json.md}. */
final class Json {
    // The fast writer gives the shortest digits that read back as the same float, on every Java version.
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER, StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN)
            .disable(StreamWriteFeature.AUTO_CLOSE_TARGET, StreamWriteFeature.FLUSH_PASSED_TO_STREAM)
            .build();

    private Json() {}

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** On one line. */
    static String line(ObjectNode json) {
        try {
            return MAPPER.writeValueAsString(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonGenerator generator(Writer writer) throws IOException {
        return MAPPER.createGenerator(writer);
    }

    static void writeComponents(JsonGenerator json, Embedding embedding) throws IOException {
        json.writeStartArray();
        for (int i = 0; i < embedding.dimension(); i++) {
            json.writeNumber(embedding.get(i));
        }
        json.writeEndArray();
    }

    /** An amount without exponent and trailing zeros. */
    static String plain(BigDecimal amount) {
        return amount.stripTrailingZeros().toPlainString();
    }

    /** An amount as a number in JSON, or null if it is not known. */
    static @Nullable BigDecimal money(@Nullable BigDecimal usd) {
        return usd == null ? null : usd.stripTrailingZeros();
    }

    /** ISO-8601 in UTC. */
    static @Nullable String time(@Nullable Instant instant) {
        return instant == null ? null : instant.truncatedTo(ChronoUnit.MILLIS).toString();
    }
}
