package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.TokenUsage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads the answer to an embeddings request: vectors as base64 or as numbers, whatever was asked for, in any order.
 *
 * <p>Not thread-safe; one per answer.
 */
final class EmbeddingAnswer {
    private final EmbedResponse.Builder proof;
    private final int texts;
    private final int dimension;
    private final boolean normalizing;
    private final Exchange exchange;
    private final OpenAiErrors errors;
    private final ReportedUsage usage = new ReportedUsage();
    private final List<Vector> withoutIndex = new ArrayList<>();
    private boolean dataSeen;
    private @Nullable ErrorBody error;

    /** Where the next vector is decoded to; it is copied from there. */
    private final byte[] decoded;

    /** The vector of one entry, little-endian, or why it is none. */
    private static final class Vector {
        final byte @Nullable [] littleEndian;
        final String defect;

        private Vector(byte @Nullable [] littleEndian, String defect) {
            this.littleEndian = littleEndian;
            this.defect = defect;
        }

        Vector kept() {
            return littleEndian == null ? this : new Vector(littleEndian.clone(), defect);
        }
    }

    EmbeddingAnswer(int texts, int dimension, boolean normalizing, Exchange exchange, OpenAiErrors errors) {
        this.proof = EmbedResponse.builder(texts, dimension);
        this.texts = texts;
        this.dimension = dimension;
        this.decoded = new byte[dimension * Float.BYTES];
        this.normalizing = normalizing;
        this.exchange = exchange;
        this.errors = errors;
    }

    /**
     * Reads the answer to its end and proves it.
     *
     * @param estimate the tokens of the texts, asked for only if the service does not say
     * @throws IOException if the body breaks off or is no JSON; a Jackson exception is the latter
     */
    EmbedResponse read(InputStream in, LongSupplier estimate) throws IOException {
        AnswerBody body = new AnswerBody(in, texts, decoded.length);
        try (JsonParser parser = Json.FACTORY.createParser(body)) {
            document(parser, body);
        } catch (CappedInputStream.TooLongException e) {
            // Vectors of a larger dimension than configured make an answer too long: that is worth saying.
            assignByPosition();
            if (proof.received() > 0) {
                proof.build(TokenUsage.NONE);
            }
            throw e;
        }
        if (error != null) {
            throw errors.refusedWithOk(new Refusal(exchange.httpStatus, exchange.headers, error), texts);
        }
        if (!withoutIndex.isEmpty() && (proof.received() > 0 || withoutIndex.size() != texts)) {
            throw malformed(withoutIndex.size() + " vectors without index for " + texts
                    + " texts: they cannot be matched with the texts");
        }
        assignByPosition();
        return proof.build(usage.ofEmbedding(estimate));
    }

    private void assignByPosition() {
        if (proof.received() > 0) {
            return;
        }
        for (int i = 0; i < Math.min(texts, withoutIndex.size()); i++) {
            put(i, withoutIndex.get(i));
        }
    }

    private void document(JsonParser parser, AnswerBody body) throws IOException {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw malformed("the answer is no JSON object");
        }
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "data" -> entries(parser, body);
                case "usage" -> usage.read(parser);
                case "error" -> error = parser.currentToken() == JsonToken.VALUE_NULL ? error : ErrorBody.read(parser);
                case "base_resp" -> baseResp(parser);
                default -> parser.skipChildren();
            }
        }
        if (parser.nextToken() != null) {
            throw malformed("the answer goes on after its end");
        }
    }

    /** MiniMax reports errors inside a 200 as a status other than 0. */
    private void baseResp(JsonParser parser) throws IOException {
        ErrorBody status = ErrorBody.read(parser);
        if (status.numericCode() > 0) {
            error = status;
        }
    }

    private void entries(JsonParser parser, AnswerBody body) throws IOException {
        dataSeen = once(dataSeen, "data");
        if (parser.currentToken() == JsonToken.VALUE_NULL) {
            return;
        }
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw malformed("its data is no list");
        }
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                throw malformed("its data has something else than entries");
            }
            entry(parser, body);
        }
    }

    private void entry(JsonParser parser, AnswerBody body) throws IOException {
        Vector vector = new Vector(null, "the entry has no vector");
        int index = -1;
        boolean vectorSeen = false;
        boolean indexSeen = false;
        while (Json.nextField(parser)) {
            switch (parser.currentName()) {
                case "embedding" -> {
                    vectorSeen = once(vectorSeen, "embedding");
                    vector = vector(parser, body);
                }
                case "index" -> {
                    indexSeen = once(indexSeen, "index");
                    index = index(parser);
                }
                default -> parser.skipChildren();
            }
        }
        if (index >= 0) {
            put(index, vector);
        } else if (withoutIndex.size() < texts) {
            withoutIndex.add(vector.kept());
        } else {
            throw malformed("more vectors than the " + texts + " texts");
        }
    }

    /** Of a key that comes twice nobody knows which value is meant. */
    private boolean once(boolean seen, String key) {
        if (seen) {
            throw malformed("the key " + key + " comes twice");
        }
        return true;
    }

    private int index(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.VALUE_NULL) {
            return -1;
        }
        if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT || parser.getIntValue() < 0) {
            throw malformed("an index that is no position");
        }
        return parser.getIntValue();
    }

    private void put(int index, Vector vector) {
        if (vector.littleEndian == null) {
            proof.putDefect(index, vector.defect);
        } else if (normalizing) {
            proof.put(index, normalized(floats(vector.littleEndian)));
        } else {
            proof.put(index, vector.littleEndian);
        }
    }

    private Vector vector(JsonParser parser, AnswerBody body) throws IOException {
        return switch (parser.currentToken()) {
            case VALUE_STRING ->
                body.takeVector(parser, decoded) ? new Vector(decoded, "") : fromBase64(parser.getText());
            case START_ARRAY -> fromNumbers(parser);
            default -> {
                parser.skipChildren();
                yield new Vector(null, "the vector is neither base64 nor a list of numbers");
            }
        };
    }

    /** Of any length, and however it is written. */
    private static Vector fromBase64(String text) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            return new Vector(null, "the vector is broken base64");
        }
        return bytes.length % Float.BYTES == 0
                ? ofBytes(bytes)
                : new Vector(null, "the vector's base64 is no whole number of 32-bit floats");
    }

    private Vector fromNumbers(JsonParser parser) throws IOException {
        float[] components = new float[dimension];
        int count = 0;
        boolean numbers = true;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (!parser.currentToken().isNumeric()) {
                parser.skipChildren();
                numbers = false;
                continue;
            }
            if (count == components.length) {
                components = Arrays.copyOf(components, count * 2);
            }
            components[count++] = parser.getFloatValue();
        }
        return numbers
                ? ofBytes(littleEndian(components, count))
                : new Vector(null, "the vector has a component that is no number");
    }

    /** An empty vector is a defect of its text and says nothing about the model's dimension. */
    private static Vector ofBytes(byte[] littleEndian) {
        return littleEndian.length == 0 ? new Vector(null, "the vector is empty") : new Vector(littleEndian, "");
    }

    private static byte[] littleEndian(float[] components, int count) {
        byte[] bytes = new byte[count * Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(components, 0, count);
        return bytes;
    }

    private static float[] floats(byte[] littleEndian) {
        float[] components = new float[littleEndian.length / Float.BYTES];
        ByteBuffer.wrap(littleEndian)
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer()
                .get(components);
        return components;
    }

    /** The same direction with length 1; what has no direction stays as it is and is refused by the proof. */
    private static float[] normalized(float[] components) {
        double squares = 0;
        for (float component : components) {
            squares += (double) component * component;
        }
        if (squares == 0 || !Double.isFinite(squares)) {
            return components;
        }
        double length = Math.sqrt(squares);
        float[] unit = new float[components.length];
        for (int i = 0; i < unit.length; i++) {
            unit[i] = (float) (components[i] / length);
        }
        return unit;
    }

    private RuntimeException malformed(String what) {
        return errors.malformed(what, exchange.httpStatus, exchange.headers, null);
    }
}
