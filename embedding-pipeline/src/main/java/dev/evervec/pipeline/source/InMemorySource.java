package dev.evervec.pipeline.source;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Records that are already in memory: for tests, and for hosts with few rows.
 *
 * <p>Holds the records it was made of, in their order; to change one, make a new source. Of records with the same key a
 * fetch gives the first. Immutable and thread-safe.
 */
public final class InMemorySource implements RecordSource {
    private final List<SourceRecord> records;
    private final Map<RecordKey, SourceRecord> firstByKey;

    private InMemorySource(List<SourceRecord> records) {
        this.records = records;
        Map<RecordKey, SourceRecord> first = new HashMap<>();
        records.forEach(r -> first.putIfAbsent(r.key(), r));
        this.firstByKey = Map.copyOf(first);
    }

    /** A source of these records (copied), which may be none. */
    public static InMemorySource of(Collection<SourceRecord> records) {
        return new InMemorySource(List.copyOf(records));
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        return new Scan(source);
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        Map<RecordKey, SourceRecord> found = new HashMap<>();
        for (RecordRef ref : refs) {
            SourceRecord record = firstByKey.get(ref.key());
            if (record != null) {
                found.put(ref.key(), record);
            }
        }
        return new FetchedRecords(found, Map.of());
    }

    @Override
    public Set<String> sources() {
        Set<String> names = new LinkedHashSet<>();
        records.forEach(r -> names.add(r.key().source()));
        return names;
    }

    /** Shows how many records there are. */
    @Override
    public String toString() {
        return "InMemorySource[records=" + records.size() + "]";
    }

    private final class Scan implements RecordScan {
        private final @Nullable String source;
        private int position;

        Scan(@Nullable String source) {
            this.source = source;
        }

        @Override
        public @Nullable ScanPage next(int maxRecords, long maxBytes) {
            List<SourceRecord> page = new ArrayList<>();
            long bytes = 0;
            while (position < records.size() && page.size() < Math.max(1, maxRecords)) {
                SourceRecord record = records.get(position);
                if (source == null || source.equals(record.key().source())) {
                    bytes += Utf8.length(record.content()) + Utf8.length(record.title());
                    if (bytes > maxBytes && !page.isEmpty()) {
                        break;
                    }
                    page.add(record);
                }
                position++;
            }
            return page.isEmpty() ? null : new ScanPage(page, List.of());
        }

        @Override
        public void close() {
            position = records.size();
        }
    }
}
