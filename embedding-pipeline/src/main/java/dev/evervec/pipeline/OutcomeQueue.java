package dev.evervec.pipeline;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Outcomes that a listener has not heard yet, in order: the oldest few thousand in memory, the rest in a temporary file. So
 * neither the heap grows nor anything is lost, however far a listener falls behind. Not thread-safe.
 */
final class OutcomeQueue implements AutoCloseable {
    static final int IN_MEMORY = 4096;
    private static final int FRAME = 1024;
    private static final Logger log = LoggerFactory.getLogger(OutcomeQueue.class);

    /** Makes an empty file. */
    @FunctionalInterface
    interface TemporaryFile {
        Path create() throws IOException;
    }

    private final TemporaryFile temporaryFile;
    private List<RecordOutcome> oldest = new ArrayList<>();
    private @Nullable Spill spill; // everything in it is newer than what is in memory
    private boolean diskFails;
    private long lost;

    OutcomeQueue() {
        this(() -> Files.createTempFile("evervec-outcomes-", ".tmp"));
    }

    OutcomeQueue(TemporaryFile temporaryFile) {
        this.temporaryFile = temporaryFile;
    }

    boolean isEmpty() {
        return oldest.isEmpty() && spill == null;
    }

    void add(List<RecordOutcome> outcomes) {
        int next = 0;
        while (next < outcomes.size()) {
            int room = spill == null ? IN_MEMORY - oldest.size() : 0;
            int to = Math.min(outcomes.size(), next + (room > 0 ? room : FRAME));
            List<RecordOutcome> some = outcomes.subList(next, to);
            if (room > 0) {
                oldest.addAll(some);
            } else {
                spill(some);
            }
            next = to;
        }
    }

    /** Removes and hands out the oldest ones; none if there are none. */
    List<RecordOutcome> take() {
        List<RecordOutcome> next = oldest;
        oldest = new ArrayList<>();
        return next.isEmpty() && spill != null ? unspill(spill) : next;
    }

    /** How many could not be kept because the disk failed. */
    long lost() {
        return lost;
    }

    private void spill(List<RecordOutcome> outcomes) {
        try {
            if (diskFails) {
                lost += outcomes.size();
                return;
            }
            if (spill == null) {
                spill = new Spill(temporaryFile.create());
            }
            spill.write(outcomes);
        } catch (IOException e) {
            diskFails(e);
            lost += outcomes.size();
            if (spill != null && spill.isEmpty()) {
                close();
            }
        }
    }

    private List<RecordOutcome> unspill(Spill from) {
        try {
            List<RecordOutcome> next = from.read();
            if (from.isEmpty()) {
                close();
            }
            return next;
        } catch (IOException e) {
            diskFails(e);
            lost += from.size();
            close();
            return List.of();
        }
    }

    private void diskFails(IOException cause) {
        diskFails = true;
        log.warn(
                "records that slow listeners have not heard of yet cannot be kept on disk any more: they will not hear of all;"
                        + " the report's outcomes have them",
                cause);
    }

    @Override
    public void close() {
        if (spill != null) {
            spill.close();
            spill = null;
        }
    }

    /** Frames of outcomes in a temporary file. Not a channel: that would be closed when a listener's thread is interrupted. */
    private static final class Spill implements AutoCloseable {
        private final Path path;
        private final RandomAccessFile file;
        private long readFrom;
        private long writeTo;
        private long size;

        Spill(Path path) throws IOException {
            this.path = path;
            file = new RandomAccessFile(path.toFile(), "rw");
            try {
                Files.delete(path); // so that not even a killed process leaves it behind
            } catch (IOException e) {
                log.debug("{} can be removed only when it is closed", path, e);
            }
        }

        boolean isEmpty() {
            return size == 0;
        }

        long size() {
            return size;
        }

        void write(List<RecordOutcome> outcomes) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream frame = new DataOutputStream(bytes);
            frame.writeInt(outcomes.size());
            for (RecordOutcome outcome : outcomes) {
                write(outcome.key().source(), frame);
                write(outcome.key().id(), frame);
                write(outcome.reason().code(), frame);
                write(outcome.detail(), frame);
            }
            file.seek(writeTo);
            file.writeInt(bytes.size());
            file.write(bytes.toByteArray());
            writeTo = file.getFilePointer();
            size += outcomes.size();
        }

        /** As UTF-16, because the form of {@code writeUTF} ends at 65,535 bytes. */
        private static void write(String text, DataOutputStream out) throws IOException {
            out.writeInt(text.length());
            out.writeChars(text);
        }

        List<RecordOutcome> read() throws IOException {
            file.seek(readFrom);
            byte[] bytes = new byte[file.readInt()];
            file.readFully(bytes);
            readFrom = file.getFilePointer();
            DataInputStream frame = new DataInputStream(new ByteArrayInputStream(bytes));
            int count = frame.readInt();
            List<RecordOutcome> outcomes = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                RecordKey key = new RecordKey(text(frame), text(frame));
                outcomes.add(new RecordOutcome(key, Reason.ofCode(text(frame)), text(frame)));
            }
            size -= count;
            return outcomes;
        }

        private static String text(DataInputStream in) throws IOException {
            char[] text = new char[in.readInt()];
            for (int i = 0; i < text.length; i++) {
                text[i] = in.readChar();
            }
            return new String(text);
        }

        @Override
        public void close() {
            try {
                file.close();
                Files.deleteIfExists(path);
            } catch (IOException e) {
                log.warn("cannot remove the temporary file {}", path, e);
            }
        }
    }
}
