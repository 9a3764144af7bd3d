package dev.evervec.pipeline.source;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads a file line by line from any byte offset, on raw bytes, so that offsets are exact. A line ends with a line feed or
 * with the file. A line longer than the cap is passed over without being held. Not thread-safe.
 */
final class LineReader implements Closeable {
    private static final int BUFFER_BYTES = 128 * 1024;
    // A line's buffer that grew beyond this is given back to the heap after the line.
    private static final int KEPT_LINE_BYTES = 1024 * 1024;

    private final FileChannel channel;
    private final int maxLineBytes;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    // The buffer holds the file's bytes from bufferStart on, `filled` of them; the next to read is at `next`.
    private long bufferStart;
    private int filled;
    private int next;
    private byte[] line = new byte[8192];

    LineReader(Path file, int maxLineBytes) throws IOException {
        this.channel = FileChannel.open(file, StandardOpenOption.READ);
        this.maxLineBytes = maxLineBytes;
    }

    /**
     * A line as it stands in the file, without its line feed.
     *
     * @param offset where in the file it begins
     * @param bytes holds the line in its first {@code length} bytes; overwritten by the next read
     * @param length how long the line is; more than {@code bytes} holds if it is over the cap
     * @param terminated whether a line feed follows
     * @param tooLong whether it is over the cap and was passed over
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, and lives only until the next read
    record Line(long offset, byte[] bytes, long length, boolean terminated, boolean tooLong) {
        boolean isBlank() {
            for (int i = 0; !tooLong && i < length; i++) {
                if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r') {
                    return false;
                }
            }
            return !tooLong;
        }
    }

    long position() {
        return bufferStart + next;
    }

    void seek(long offset) {
        if (offset >= bufferStart && offset <= bufferStart + filled) {
            next = (int) (offset - bufferStart);
        } else {
            bufferStart = offset;
            filled = 0;
            next = 0;
        }
    }

    /** The next line, or null at the end of the file. */
    @Nullable
    Line readLine() throws IOException {
        if (next == filled && !fill()) {
            return null;
        }
        if (line.length > KEPT_LINE_BYTES) {
            line = new byte[8192];
        }
        long offset = position();
        long length = 0;
        do {
            int end = indexOfLineFeed();
            int chunk = end - next;
            if (length + chunk <= maxLineBytes) {
                append((int) length, chunk);
            }
            length += chunk;
            next = end;
            if (end < filled) {
                next++;
                return new Line(offset, line, length, true, length > maxLineBytes);
            }
        } while (fill());
        return new Line(offset, line, length, false, length > maxLineBytes);
    }

    /** Up to {@code count} bytes from the start of the file. */
    byte[] head(int count) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(count);
        while (head.hasRemaining()) {
            if (channel.read(head, head.position()) < 0) {
                break;
            }
        }
        return Arrays.copyOf(head.array(), head.position());
    }

    /** Whether the byte before the offset ends a line. */
    boolean followsLineFeed(long offset) throws IOException {
        seek(offset - 1);
        if (next == filled && !fill()) {
            return false;
        }
        return buffer[next++] == '\n';
    }

    private int indexOfLineFeed() {
        int i = next;
        while (i < filled && buffer[i] != '\n') {
            i++;
        }
        return i;
    }

    private void append(int at, int count) {
        if (at + count > line.length) {
            line = Arrays.copyOf(
                    line, (int) Math.min(Math.max(2L * line.length, at + count), Math.max(maxLineBytes, at + count)));
        }
        System.arraycopy(buffer, next, line, at, count);
    }

    private boolean fill() throws IOException {
        bufferStart += filled;
        next = 0;
        filled = 0;
        int read = channel.read(ByteBuffer.wrap(buffer), bufferStart);
        filled = Math.max(0, read);
        return filled > 0;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
