package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.TokenUsage;
import java.io.IOException;
import java.io.InputStream;
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

    /**
     * The vector of one entry, or why it is none.
     *
     * @param components how many there are, usable or not
     */
    private record Vector(@Nullable Embedding embedding, int components, String defect) {
        /** Of components that may be none. */
        static Vector of(byte[] littleEndian) {
            int components = littleEndian.length / Float.BYTES;
            try {
                return of(Embedding.fromLittleEndian(littleEndian));
            } catch (IllegalArgumentException e) {
                return new Vector(null, components, String.valueOf(e.getMessage()));
            }
        }

        static Vector of(float[] components) {
            try {
                return of(Embedding.of(components));
            } catch (IllegalArgumentException e) {
                return new Vector(null, components.length, String.valueOf(e.getMessage()));
            }
        }

        static Vector of(Embedding embedding) {
            return new Vector(embedding, embedding.dimension(), "");
        }

        static Vector none(String defect) {
            return new Vector(null, 0, defect);
        }
    }

    EmbeddingAnswer(int texts, int dimension, boolean normalizing, Exchange exchange, OpenAiErrors errors) {
        this.proof = EmbedResponse.builder(texts, dimension);
        this.texts = texts;
        this.dimension = dimension;
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
        AnswerBody body = new AnswerBody(in, texts, dimension);
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
        Vector vector = Vector.none("the entry has no vector");
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
            withoutIndex.add(vector);
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

    /** An empty vector is a defect of its text and says nothing about the model's dimension. */
    private void put(int index, Vector vector) {
        Embedding embedding = vector.embedding;
        if (vector.components > 0 && vector.components != dimension) {
            proof.putWrongDimension(index, vector.components);
        } else if (embedding == null) {
            proof.putDefect(index, vector.defect);
        } else {
            proof.put(index, normalizing ? embedding.normalized() : embedding);
        }
    }

    private Vector vector(JsonParser parser, AnswerBody body) throws IOException {
        switch (parser.currentToken()) {
            case VALUE_STRING -> {
                Embedding embedding = body.takeVector(parser);
                return embedding != null ? Vector.of(embedding) : fromBase64(parser.getText());
            }
            case START_ARRAY -> {
                return fromNumbers(parser);
            }
            default -> {
                parser.skipChildren();
                return Vector.none("the vector is neither base64 nor a list of numbers");
            }
        }
    }

    /** Of any length, and however it is written. */
    private static Vector fromBase64(String text) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(text);
        } catch (IllegalArgumentException e) {
            return Vector.none("the vector is broken base64");
        }
        return bytes.length % Float.BYTES == 0
                ? Vector.of(bytes)
                : Vector.none("the vector's base64 is no whole number of 32-bit floats");
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
                ? Vector.of(Arrays.copyOf(components, count))
                : Vector.none("the vector has a component that is no number");
    }

    private RuntimeException malformed(String what) {
        return errors.malformed(what, exchange.httpStatus, exchange.headers, null);
    }
}
