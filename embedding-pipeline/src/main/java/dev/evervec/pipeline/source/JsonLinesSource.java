package dev.evervec.pipeline.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Records in a JSON Lines file: UTF-8, one object a line.
 *
 * <p>{@code id} is a string or an integer; {@code content} a string; {@code source} (absent: {@code default}) and
 * {@code title} strings or null. Other names are ignored, blank lines passed over; a byte order mark and Windows line ends
 * do no harm. A line that is no record is reported with its number and what is wrong with it, and everything else is read.
 * A line has at most 16 MiB; a longer one is passed over and reported.
 *
 * <p>The file may be replaced while it is in use: a fetch looks where the record was and, if it is no longer there, through
 * the whole file, once for all records it misses. Records are best kept in place, then: appended to, not sorted anew, while
 * a build runs. Nothing of the file is held between calls. Immutable and thread-safe.
 */
public final class JsonLinesSource implements RecordSource {
    // Decoding holds a line up to five times over for a moment: this much still fits a heap of 256 MB.
    private static final int MAX_LINE_BYTES = 16 * 1024 * 1024;
    private static final int BOM_BYTES = 3;

    private final Path file;
    private final int maxLineBytes;

    JsonLinesSource(Path file, int maxLineBytes) {
        this.file = file;
        this.maxLineBytes = maxLineBytes;
    }

    /** Reads this file, which is first looked at when records are asked for. */
    public static JsonLinesSource of(Path file) {
        return new JsonLinesSource(file, MAX_LINE_BYTES);
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        return new Scan(new Lines(), source);
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        Found found = new Found();
        try (Lines lines = new Lines()) {
            Map<RecordKey, String> elsewhere = lookWhereTheyWere(lines, refs, found);
            if (!elsewhere.isEmpty()) {
                search(lines, elsewhere, found);
            }
        }
        return new FetchedRecords(found.records, found.unreadable);
    }

    @Override
    public Set<String> sources() {
        Set<String> names = new TreeSet<>();
        try (Lines lines = new Lines()) {
            for (JsonLine.Result line = lines.next(); line != null; line = lines.next()) {
                if (line.record() != null) {
                    names.add(line.record().key().source());
                }
            }
        }
        return names;
    }

    /** Shows the file's path. */
    @Override
    public String toString() {
        return "JsonLinesSource[file=" + file + "]";
    }

    /** Reads at the locators, in the file's order; returns the keys not found, with the problem that stands in their place or "". */
    private static Map<RecordKey, String> lookWhereTheyWere(Lines lines, List<RecordRef> refs, Found found) {
        List<RecordRef> inFileOrder = new ArrayList<>(refs);
        inFileOrder.sort(Comparator.comparingLong(ref -> offset(ref.locator())));
        Map<RecordKey, String> elsewhere = new HashMap<>();
        for (RecordRef ref : inFileOrder) {
            JsonLine.Result line = lines.at(offset(ref.locator()));
            if (line == null) {
                elsewhere.put(ref.key(), "");
            } else if (ref.key().equals(line.keyAssuming(ref.key().source()))) {
                found.add(ref.key(), line);
            } else {
                elsewhere.put(ref.key(), line.tellsNoKey() ? String.valueOf(line.problem()) : "");
            }
        }
        return elsewhere;
    }

    /**
     * Looks for the keys in the whole file. A key that is nowhere but whose old place now holds a line without readable
     * key counts as unreadable: to call it vanished would drop a record for a broken line.
     */
    private static void search(Lines lines, Map<RecordKey, String> wanted, Found found) {
        Set<RecordKey> missing = new HashSet<>(wanted.keySet());
        lines.rewind();
        JsonLine.Result line = lines.next();
        while (line != null && !missing.isEmpty()) {
            RecordKey key = line.keyAssuming(lines.assumedSource());
            if (key != null && missing.remove(key)) {
                found.add(key, line);
            }
            line = lines.next();
        }
        for (RecordKey key : missing) {
            String problem = wanted.getOrDefault(key, "");
            if (!problem.isEmpty()) {
                found.unreadable.put(key, problem);
            }
        }
    }

    private static Locator locator(long offset) {
        return Locator.of(ByteBuffer.allocate(Long.BYTES).putLong(offset).array());
    }

    /** The offset, or -1 for a locator that is not one of this class's. */
    private static long offset(Locator locator) {
        byte[] bytes = locator.bytes();
        return bytes.length == Long.BYTES ? ByteBuffer.wrap(bytes).getLong() : -1;
    }

    private SourceException failed(IOException e) {
        String what;
        if (e instanceof NoSuchFileException) {
            what = "there is no such file. Check the path";
        } else if (e instanceof AccessDeniedException) {
            what = "no permission to read it. Give this process the right to read the file";
        } else {
            what = "reading failed (" + e.getClass().getSimpleName() + "). Check the disk and try again";
        }
        return new SourceException("Records file " + file + ": " + what + ".", e);
    }

    private SourceException unsuitable(String what) {
        return new SourceException("Records file " + file + ": " + what + ".", null);
    }

    /** What a fetch has found so far. */
    private static final class Found {
        private final Map<RecordKey, SourceRecord> records = new HashMap<>();
        private final Map<RecordKey, String> unreadable = new HashMap<>();

        void add(RecordKey key, JsonLine.Result line) {
            if (line.record() != null) {
                records.put(key, line.record());
            } else {
                unreadable.put(key, String.valueOf(line.problem()));
            }
        }
    }

    /** The open file as parsed lines. */
    private final class Lines implements AutoCloseable {
        private final LineReader reader;
        private final long start;
        private long lineNumber;
        private boolean sourcesNamed;

        Lines() {
            try {
                if (Files.isDirectory(file)) {
                    throw unsuitable("it is a folder. Name the file itself");
                }
                if (Files.exists(file) && !Files.isRegularFile(file)) {
                    throw unsuitable("it is a pipe or device, which cannot be read twice. Save it as a file first");
                }
                reader = new LineReader(file, maxLineBytes);
            } catch (IOException e) {
                throw failed(e);
            }
            try {
                start = startOfText(reader.head(BOM_BYTES));
                reader.seek(start);
            } catch (IOException e) {
                close();
                throw failed(e);
            } catch (SourceException e) {
                close();
                throw e;
            }
        }

        private long startOfText(byte[] head) {
            if (startsWith(head, 0x1F, 0x8B)) {
                throw unsuitable("it is compressed with gzip. Unpack it first (gunzip)");
            }
            if (startsWith(head, 0xFF, 0xFE) || startsWith(head, 0xFE, 0xFF)) {
                throw unsuitable("it is UTF-16. Convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)");
            }
            return startsWith(head, 0xEF, 0xBB, 0xBF) ? BOM_BYTES : 0;
        }

        private static boolean startsWith(byte[] head, int... magic) {
            if (head.length < magic.length) {
                return false;
            }
            for (int i = 0; i < magic.length; i++) {
                if ((head[i] & 0xFF) != magic[i]) {
                    return false;
                }
            }
            return true;
        }

        /** The number of the line that {@link #next()} read last. */
        long lineNumber() {
            return lineNumber;
        }

        /** The source of a line that broke off before it named one: none is assumed in a file whose lines name theirs. */
        @Nullable
        String assumedSource() {
            return sourcesNamed ? null : RecordKey.DEFAULT_SOURCE;
        }

        void rewind() {
            reader.seek(start);
            lineNumber = 0;
        }

        /** The next line that is not blank, or null at the end. */
        JsonLine.@Nullable Result next() {
            try {
                LineReader.Line line;
                do {
                    line = reader.readLine();
                    lineNumber++;
                } while (line != null && line.isBlank());
                return line == null ? null : parse(line);
            } catch (IOException e) {
                throw failed(e);
            }
        }

        /** The line that begins at this offset, or null if none does. */
        JsonLine.@Nullable Result at(long offset) {
            try {
                if (offset < start || (offset > start && !reader.followsLineFeed(offset))) {
                    return null;
                }
                reader.seek(offset);
                LineReader.Line line = reader.readLine();
                return line == null || line.isBlank() ? null : parse(line);
            } catch (IOException e) {
                throw failed(e);
            }
        }

        private JsonLine.Result parse(LineReader.Line line) throws IOException {
            JsonLine.Result result = JsonLine.parse(line, maxLineBytes, locator(line.offset()));
            RecordKey key = result.key();
            sourcesNamed |= key != null && !key.source().equals(RecordKey.DEFAULT_SOURCE);
            return result;
        }

        @Override
        public void close() {
            try {
                reader.close();
            } catch (IOException e) {
                throw failed(e);
            }
        }
    }

    private static final class Scan implements RecordScan {
        private final Lines lines;
        private final @Nullable String source;
        private @Nullable SourceRecord heldBack;

        Scan(Lines lines, @Nullable String source) {
            this.lines = lines;
            this.source = source;
        }

        @Override
        public @Nullable ScanPage next(int maxRecords, long maxBytes) {
            List<SourceRecord> records = new ArrayList<>();
            List<UnreadableRecord> unreadable = new ArrayList<>();
            long bytes = 0;
            while (records.size() + unreadable.size() < Math.max(1, maxRecords)) {
                SourceRecord record = heldBack;
                heldBack = null;
                if (record == null) {
                    JsonLine.Result line = lines.next();
                    if (line == null) {
                        break;
                    }
                    record = line.record();
                    if (record == null) {
                        report(line, unreadable);
                        continue;
                    }
                }
                if (!wanted(record.key())) {
                    continue;
                }
                bytes += Utf8.length(record.content()) + Utf8.length(record.title());
                if (bytes > maxBytes && !(records.isEmpty() && unreadable.isEmpty())) {
                    heldBack = record;
                    break;
                }
                records.add(record);
            }
            return records.isEmpty() && unreadable.isEmpty() ? null : new ScanPage(records, unreadable);
        }

        private void report(JsonLine.Result line, List<UnreadableRecord> unreadable) {
            RecordKey key = line.keyAssuming(lines.assumedSource());
            if (key == null || wanted(key)) {
                unreadable.add(new UnreadableRecord("line " + lines.lineNumber(), String.valueOf(line.problem()), key));
            }
        }

        private boolean wanted(RecordKey key) {
            return source == null || source.equals(key.source());
        }

        @Override
        public void close() {
            lines.close();
        }
    }
}
