package dev.evervec.it;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Any number of records that are nowhere: each is computed from its index when it is asked for. Of every kind there are some. */
final class GeneratedRecords implements RecordSource {
    /** In the text of every record that no provider embeds. */
    static final String UNACCEPTABLE = "unacceptable";

    private static final List<String> WORDS =
            List.of("river", "theorem", "invoice", "orchard", "kernel", "sonata", "glacier", "ledger");

    private final int count;
    private final boolean broken;

    /** What becomes of a record. */
    enum Kind {
        EMBEDDED,
        REFUSED,
        BLANK,
        DUPLICATE,
        UNREADABLE
    }

    private GeneratedRecords(int count, boolean broken) {
        this.count = count;
        this.broken = broken;
    }

    /** Of which some cannot be read. */
    static GeneratedRecords broken(int count) {
        return new GeneratedRecords(count, true);
    }

    /** Without those that cannot be read. */
    static GeneratedRecords sound(int count) {
        return new GeneratedRecords(count, false);
    }

    static Kind kind(int index) {
        if (index % 40 == 11) {
            return Kind.REFUSED;
        } else if (index % 500 == 3) {
            return Kind.BLANK;
        } else if (index % 700 == 5) {
            return Kind.DUPLICATE;
        }
        return index % 900 == 7 ? Kind.UNREADABLE : Kind.EMBEDDED;
    }

    static String id(int index) {
        return String.format(Locale.ROOT, "r%08d", kind(index) == Kind.DUPLICATE ? index - 1 : index);
    }

    static String text(int index) {
        if (kind(index) == Kind.BLANK) {
            return " ";
        }
        RandomGenerator random = new SplittableRandom(index);
        StringBuilder text = new StringBuilder("record ").append(index);
        for (int i = 0; i < 20; i++) {
            text.append(' ').append(WORDS.get(random.nextInt(WORDS.size())));
        }
        return kind(index) == Kind.REFUSED ? text + " " + UNACCEPTABLE : text.toString();
    }

    /** How many of a kind there are. */
    long count(Kind kind) {
        long found = 0;
        for (int index = 0; index < count; index++) {
            found += kind(index) == kind ? 1 : 0;
        }
        return found;
    }

    private static SourceRecord record(int index) {
        byte[] place = ByteBuffer.allocate(Integer.BYTES).putInt(index).array();
        return new SourceRecord(
                new RecordKey(RecordKey.DEFAULT_SOURCE, id(index)), null, text(index), Locator.of(place));
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        return new RecordScan() {
            private int next;

            @Override
            public @Nullable ScanPage next(int maxRecords, long maxBytes) {
                List<SourceRecord> records = new ArrayList<>();
                List<UnreadableRecord> unreadable = new ArrayList<>();
                for (int room = Math.max(1, maxRecords); room > 0 && next < count; room--, next++) {
                    if (kind(next) != Kind.UNREADABLE) {
                        records.add(record(next));
                    } else if (broken) {
                        unreadable.add(new UnreadableRecord("record " + next, "not readable by design", null));
                    }
                }
                return records.isEmpty() && unreadable.isEmpty() ? null : new ScanPage(records, unreadable);
            }

            @Override
            public void close() {
                next = count;
            }
        };
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        Map<RecordKey, SourceRecord> found = new HashMap<>();
        for (RecordRef ref : refs) {
            found.put(ref.key(), record(ByteBuffer.wrap(ref.locator().bytes()).getInt()));
        }
        return new FetchedRecords(found, Map.of());
    }

    @Override
    public Set<String> sources() {
        return Set.of(RecordKey.DEFAULT_SOURCE);
    }
}
