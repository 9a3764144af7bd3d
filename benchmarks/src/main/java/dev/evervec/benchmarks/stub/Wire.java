package dev.evervec.benchmarks.stub;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** As much of HTTP/1.1 as clients use here: bodies of known length and in chunks, connections that stay open. For one thread. */
final class Wire {
    private static final int MAX_LINE = 16 * 1024;

    private final SocketChannel channel;
    private final InputStream in;
    private byte[] body = new byte[64 * 1024];
    private int bodyLength;

    /** The first line of a request. */
    record RequestLine(String method, String target) {}

    Wire(SocketChannel channel) throws IOException {
        this.channel = channel;
        this.in = new BufferedInputStream(channel.socket().getInputStream(), 64 * 1024);
    }

    /** Reads a request with its body, or null if the client has closed the connection. */
    @Nullable
    RequestLine read() throws IOException {
        String first = line();
        if (first == null) {
            return null;
        }
        long length = 0;
        boolean chunked = false;
        for (String header = more(); !header.isEmpty(); header = more()) {
            String lower = header.toLowerCase(Locale.ROOT);
            if (lower.startsWith("content-length:")) {
                length = Long.parseLong(
                        lower.substring("content-length:".length()).strip());
            } else if (lower.startsWith("transfer-encoding:")) {
                chunked = lower.contains("chunked");
            }
        }
        bodyLength = 0;
        if (chunked) {
            readChunks();
        } else {
            readBody(Math.toIntExact(length));
        }
        String[] words = first.split(" ", 3);
        return new RequestLine(words[0], words.length > 1 ? words[1] : "");
    }

    /** Of the request that was read last; the first {@link #bodyLength} bytes count. */
    byte[] body() {
        return body;
    }

    int bodyLength() {
        return bodyLength;
    }

    void write(ByteBuffer... parts) throws IOException {
        while (Arrays.stream(parts).anyMatch(ByteBuffer::hasRemaining)) {
            channel.write(parts);
        }
    }

    private void readChunks() throws IOException {
        for (int size = chunkSize(); size > 0; size = chunkSize()) {
            readBody(size);
            more();
        }
        while (!more().isEmpty()) {
            // trailers
        }
    }

    private int chunkSize() throws IOException {
        return Integer.parseInt(more().split(";", 2)[0].strip(), 16);
    }

    private void readBody(int length) throws IOException {
        if (bodyLength + length > body.length) {
            body = Arrays.copyOf(body, Math.max(bodyLength + length, body.length * 2));
        }
        if (in.readNBytes(body, bodyLength, length) < length) {
            throw new EOFException("the request breaks off");
        }
        bodyLength += length;
    }

    private String more() throws IOException {
        String line = line();
        if (line == null) {
            throw new EOFException("the request breaks off");
        }
        return line;
    }

    private @Nullable String line() throws IOException {
        StringBuilder line = new StringBuilder(128);
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                return null;
            }
            if (line.length() == MAX_LINE) {
                throw new IOException("a line of the request is too long");
            }
            line.append((char) next);
        }
        return line.toString().strip();
    }

    static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }
}
