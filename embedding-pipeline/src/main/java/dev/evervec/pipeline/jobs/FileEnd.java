package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.progress.JobLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;

/** The last bytes of a file, and the one before them if there is one. */
final class FileEnd {
    private final byte[] bytes;
    private final boolean whole;

    private FileEnd(byte[] bytes, boolean whole) {
        this.bytes = bytes;
        this.whole = whole;
    }

    static FileEnd read(FileChannel channel, int maxBytes) throws IOException {
        long from = Math.max(0, channel.size() - maxBytes - 1);
        ByteBuffer buffer = ByteBuffer.allocate(maxBytes + 1);
        while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) >= 0) {
            // Until it is full, or the file is at its end: it may be growing.
        }
        buffer.flip();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return new FileEnd(bytes, bytes.length <= maxBytes);
    }

    /** Whether this is all of the file. */
    boolean isWhole() {
        return whole;
    }

    String text() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** From the beginning of a line, or, if all of it is one line, of a character. */
    JobLog lines() {
        int begin = whole ? 0 : begin();
        int end = begin + wholeCharacters(begin);
        return new JobLog(new String(bytes, begin, end - begin, StandardCharsets.UTF_8), !whole);
    }

    private int begin() {
        for (int i = 0; i < bytes.length - 1; i++) {
            if (bytes[i] == '\n') {
                return i + 1;
            }
        }
        int begin = 1;
        while (begin < bytes.length && continues(bytes[begin])) {
            begin++;
        }
        return begin;
    }

    /** How many bytes there are without a last character that has not been written to its end. */
    private int wholeCharacters(int begin) {
        int last = bytes.length - 1;
        while (last > begin && bytes.length - last < 4 && continues(bytes[last])) {
            last--;
        }
        boolean cut = last >= begin && bytes.length - last < lengthAfter(bytes[last]);
        return (cut ? last : bytes.length) - begin;
    }

    private static boolean continues(byte unit) {
        return (unit & 0xC0) == 0x80;
    }

    private static int lengthAfter(byte lead) {
        int unit = lead & 0xFF;
        return unit < 0xC0 ? 1 : unit < 0xE0 ? 2 : unit < 0xF0 ? 3 : 4;
    }
}
