package dev.evervec.benchmarks.stub;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.SplittableRandom;
import java.util.function.IntFunction;

/**
 * The vectors of all answers of one form, written out once: an answer for n texts is the beginning of them, up to the end of the
 * nth. Thread-safe.
 */
final class Vectors {
    private static final int FIRST_COUNT = 128;

    /** How an answer has its vectors. */
    enum Form {
        /** OpenAI's, as base64. */
        OPENAI_BASE64("{\"object\":\"list\",\"data\":["),
        /** OpenAI's, as numbers. */
        OPENAI_FLOATS("{\"object\":\"list\",\"data\":["),
        /** Gemini's. */
        GEMINI("{\"embeddings\":[");

        private final String opening;

        Form(String opening) {
            this.opening = opening;
        }

        /** What comes before the first vector. */
        ByteBuffer opening() {
            return ByteBuffer.wrap(ascii(opening));
        }
    }

    private final Form form;
    private final int dimension;
    private ByteBuffer written = ByteBuffer.allocateDirect(0);
    private int[] ends = {};

    Vectors(Form form, int dimension) {
        this.form = form;
        this.dimension = dimension;
    }

    /** A buffer of its own over the shared bytes. */
    synchronized ByteBuffer ofTexts(int count) {
        if (count > ends.length) {
            write(Math.max(count, Math.max(FIRST_COUNT, ends.length * 2)));
        }
        return written.duplicate().limit(ends[count - 1]);
    }

    private void write(int count) {
        IntFunction<byte[]> entry = form == Form.OPENAI_BASE64 ? this::base64 : this::floats;
        int[] newEnds = Arrays.copyOf(ends, count);
        ByteArrayOutputStream more = new ByteArrayOutputStream();
        for (int i = ends.length; i < count; i++) {
            more.writeBytes(entry.apply(i));
            newEnds[i] = written.limit() + more.size();
        }
        written = ByteBuffer.allocateDirect(written.limit() + more.size())
                .put(written.duplicate())
                .put(more.toByteArray())
                .flip();
        ends = newEnds;
    }

    private byte[] base64(int index) {
        ByteBuffer bytes = ByteBuffer.allocate(dimension * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float component : components(index)) {
            bytes.putFloat(component);
        }
        return ascii(comma(index) + "{\"object\":\"embedding\",\"index\":" + index + ",\"embedding\":\""
                + Base64.getEncoder().encodeToString(bytes.array()) + "\"}");
    }

    private byte[] floats(int index) {
        String numbers = Arrays.toString(components(index)).replace(" ", "");
        return ascii(
                form == Form.GEMINI
                        ? comma(index) + "{\"values\":" + numbers + "}"
                        : comma(index) + "{\"object\":\"embedding\",\"index\":" + index + ",\"embedding\":" + numbers
                                + "}");
    }

    private static String comma(int index) {
        return index == 0 ? "" : ",";
    }

    /** As different and as long in decimal as those of a model. */
    private float[] components(int index) {
        SplittableRandom random = new SplittableRandom(index);
        float[] components = new float[dimension];
        for (int i = 0; i < dimension; i++) {
            components[i] = (float) random.nextDouble(-0.1, 0.1);
        }
        return components;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
