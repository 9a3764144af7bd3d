package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.JobLog;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;

/** The last lines of a log, in memory. Thread-safe. */
final class LogTail {
    private final int maxBytes;
    private final Deque<byte[]> lines = new ArrayDeque<>(); // guarded by this
    private int bytes; // guarded by this
    private boolean truncated; // guarded by this

    LogTail(int maxBytes) {
        this.maxBytes = maxBytes;
    }

    /** A line with its line break; one that is longer than everything that is kept counts as cut off. */
    synchronized void add(String line) {
        byte[] added = line.getBytes(StandardCharsets.UTF_8);
        lines.addLast(added);
        bytes += added.length;
        while (bytes > maxBytes) {
            bytes -= lines.removeFirst().length;
            truncated = true;
        }
    }

    synchronized JobLog take() {
        StringBuilder text = new StringBuilder(bytes);
        lines.forEach(line -> text.append(new String(line, StandardCharsets.UTF_8)));
        return new JobLog(text.toString(), truncated);
    }
}
