package dev.evervec.provider.openai;

import com.fasterxml.jackson.core.JsonParser;
import dev.evervec.provider.Embedding;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The body of an answer, which a JSON parser reads but for its vectors. These are taken past the parser, which would make
 * characters of their bytes and a string of the characters: nearly all of what reading an answer costs.
 *
 * <p>Not thread-safe; one per answer.
 */
final class AnswerBody extends InputStream {
    /** The parser gets little at a time, so that there is little to take back where a vector begins. */
    private static final int PORTION = 256;

    /** Room for what is taken back: at most the last portion, or the first few bytes, which the parser may ask for apart. */
    private static final int HEADROOM = 2 * PORTION;

    private static final int MAX_BUFFER = 64 * 1024;

    private final InputStream in;
    private final int base64Bytes;
    private final byte[] buffer;
    private int at = HEADROOM;
    private int end = HEADROOM;

    /**
     * The body of an answer to so many texts.
     *
     * @param dimension the promised one of every vector
     */
    AnswerBody(InputStream in, int texts, int dimension) {
        this.in = in;
        this.base64Bytes = (dimension * Float.BYTES + 2) / 3 * 4;
        int entry = base64Bytes + PORTION;
        this.buffer = new byte[HEADROOM + entry + Math.min(MAX_BUFFER, entry * Math.min(texts, 64))];
    }

    @Override
    public int read() throws IOException {
        return fill() ? buffer[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int count = Math.min(Math.min(length, PORTION), end - at);
        System.arraycopy(buffer, at, target, offset, count);
        at += count;
        return count;
    }

    /**
     * Takes the string at which the parser stands, if it is plain base64 of a vector of the promised dimension. If it is anything
     * else, nothing is taken, and the parser can read it.
     */
    @Nullable
    Embedding takeVector(JsonParser parser) throws IOException {
        if (!takeBack(parser) || !available(base64Bytes + 1) || buffer[at + base64Bytes] != '"') {
            return null;
        }
        Embedding vector;
        try {
            vector = Embedding.fromBase64(ByteBuffer.wrap(buffer, at, base64Bytes));
        } catch (IllegalArgumentException e) {
            // Whoever reads it with the parser says what is wrong with it.
            return null;
        }
        at += base64Bytes; // which stand for three lengths at most, of which one is a whole number of floats
        return vector;
    }

    /** Takes back what the parser has read ahead, if it tells. */
    private boolean takeBack(JsonParser parser) throws IOException {
        return parser.releaseBuffered(new Unread()) >= 0;
    }

    private boolean fill() throws IOException {
        return at < end || available(1);
    }

    /** Whether so many bytes are there, which are then in the buffer. */
    private boolean available(int bytes) throws IOException {
        if (end - at >= bytes) {
            return true;
        }
        System.arraycopy(buffer, at, buffer, HEADROOM, end - at);
        end -= at - HEADROOM;
        at = HEADROOM;
        while (end - at < bytes) {
            int read = in.read(buffer, end, buffer.length - end);
            if (read < 0) {
                return false;
            }
            end += read;
        }
        return true;
    }

    /** Puts bytes back to where they were read. */
    private final class Unread extends OutputStream {
        @Override
        public void write(int b) {
            buffer[--at] = (byte) b;
        }

        @Override
        public void write(byte[] bytes, int offset, int length) {
            at -= length;
            System.arraycopy(bytes, offset, buffer, at, length);
        }
    }
}
