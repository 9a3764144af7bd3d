package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.evervec.provider.Embedding;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AnswerBodyTest {
    @Test
    void vectorsAreTakenAndAllElseIsLeftToTheParser() throws IOException {
        long seed = new Random().nextLong();
        System.out.println("AnswerBodyTest seed " + seed);
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            readsWhatWasWritten(random, "seed " + seed + ", round " + round);
        }
    }

    private static void readsWhatWasWritten(Random random, String as) throws IOException {
        int dimension = 1 + random.nextInt(random.nextInt(10) == 0 ? 20_000 : 300);
        int bytes = Float.BYTES * dimension;
        int count = 1 + random.nextInt(20);
        List<String> values = new ArrayList<>();
        StringBuilder json = new StringBuilder("[");
        for (int i = 0; i < count; i++) {
            byte[] vector = new byte[bytes];
            random.nextBytes(vector);
            // Nearly always some four of these bytes are no finite number, in short vectors less often.
            String plain = Base64.getEncoder().encodeToString(random.nextBoolean() ? finite(vector) : vector);
            String value = random.nextInt(3) > 0 ? plain : somethingElse(random, plain);
            values.add(value);
            json.append(i == 0 ? "" : ", ").append(written(random, value)).append(random.nextBoolean() ? " \n" : "");
        }
        AnswerBody body = new AnswerBody(inPieces(json.append(']').toString(), random), count, dimension);

        int taken = 0;
        try (JsonParser parser = Json.FACTORY.createParser(body)) {
            assertThat(parser.nextToken()).as(as).isEqualTo(JsonToken.START_ARRAY);
            for (int i = 0; i < count; i++) {
                assertThat(parser.nextToken()).as(as).isEqualTo(JsonToken.VALUE_STRING);
                Embedding vector = body.takeVector(parser);
                if (vector != null) {
                    taken++;
                    assertThat(vector.toLittleEndian())
                            .as(as)
                            .isEqualTo(Base64.getDecoder().decode(values.get(i)));
                } else {
                    assertThat(parser.getText()).as(as).isEqualTo(values.get(i));
                }
            }
            assertThat(parser.nextToken()).as(as).isEqualTo(JsonToken.END_ARRAY);
            assertThat(parser.nextToken()).as(as).isNull();
        }
        String written = json.toString();
        assertThat(taken).as("%s: strings taken", as).isEqualTo((int) values.stream()
                .filter(value -> written.contains('"' + value + '"') && isVector(value, bytes))
                .count());
    }

    /** The same with no exponent of ones alone. */
    private static byte[] finite(byte[] littleEndian) {
        for (int i = Float.BYTES - 1; i < littleEndian.length; i += Float.BYTES) {
            littleEndian[i] &= (byte) 0xbf;
        }
        return littleEndian;
    }

    private static boolean isVector(String value, int bytes) {
        try {
            Embedding.fromLittleEndian(Base64.getDecoder().decode(value));
            return Base64.getDecoder().decode(value).length == bytes && value.length() == (bytes + 2) / 3 * 4;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static String somethingElse(Random random, String plain) {
        return switch (random.nextInt(7)) {
            case 0 -> "";
            case 1 -> plain.replace("=", "") + "====".substring(random.nextInt(5));
            case 2 -> plain.substring(random.nextInt(plain.length()));
            case 3 -> plain + plain;
            case 4 ->
                new StringBuilder(plain)
                        .replace(random.nextInt(plain.length()), plain.length(), "é\"\\")
                        .toString();
            case 5 -> "x".repeat(random.nextInt(3 * plain.length()));
            default -> plain.replace('A', '-');
        };
    }

    /** As a JSON string, now and then with more escapes than there need be. */
    private static String written(Random random, String value) {
        String escaped = value.replace("\\", "\\\\").replace("\"", "\\\"");
        return '"' + (random.nextInt(4) == 0 ? escaped.replace("/", "\\/").replace("B", "\\u0042") : escaped) + '"';
    }

    /** A stream whose reads bring as much as they like. */
    private static InputStream inPieces(String text, Random random) {
        byte[] all = text.getBytes(StandardCharsets.UTF_8);
        int most = 1 + random.nextInt(random.nextBoolean() ? 20 : 20_000);
        return new ByteArrayInputStream(all) {
            @Override
            public synchronized int read(byte[] target, int offset, int length) {
                return super.read(target, offset, Math.min(length, 1 + random.nextInt(most)));
            }
        };
    }

    @Test
    void aBodyThatBreaksOffIsReadToItsEnd() throws IOException {
        String whole = "[\"" + Base64.getEncoder().encodeToString(ones(100)) + "\"]";
        for (int length = 0; length < whole.length(); length++) {
            AnswerBody body = new AnswerBody(
                    new ByteArrayInputStream(whole.getBytes(StandardCharsets.US_ASCII), 0, length), 1, 100);
            try (JsonParser parser = Json.FACTORY.createParser(body)) {
                boolean string =
                        Arrays.asList(parser.nextToken(), nextToken(parser)).get(1) == JsonToken.VALUE_STRING;
                assertThat(string && body.takeVector(parser) != null)
                        .as("of the first %d bytes", length)
                        .isEqualTo(length == whole.length() - 1);
            }
        }
    }

    private static byte[] ones(int dimension) {
        float[] ones = new float[dimension];
        Arrays.fill(ones, 1);
        return Embedding.of(ones).toLittleEndian();
    }

    private static JsonToken nextToken(JsonParser parser) {
        try {
            return parser.nextToken();
        } catch (IOException e) {
            return JsonToken.NOT_AVAILABLE;
        }
    }
}
