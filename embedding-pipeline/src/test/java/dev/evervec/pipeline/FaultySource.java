package dev.evervec.pipeline;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Records in memory, in small pages, some of which cannot be read, from a source that fails when a script says so. */
final class FaultySource implements RecordSource {
    private final RecordSource records;
    private final int pageSize;
    private IntFunction<@Nullable RuntimeException> pageFault = call -> null;
    private IntFunction<@Nullable RuntimeException> fetchFault = call -> null;
    private Predicate<RecordKey> unreadable = key -> false;
    private int pages;
    private int fetches;
    private boolean closed;

    FaultySource(Collection<SourceRecord> records, int pageSize) {
        this(InMemorySource.of(records), pageSize);
    }

    FaultySource(RecordSource records, int pageSize) {
        this.records = records;
        this.pageSize = pageSize;
    }

    /** What the n-th reading of a page throws, if anything. */
    FaultySource pageFault(IntFunction<@Nullable RuntimeException> fault) {
        pageFault = fault;
        return this;
    }

    /** What the n-th fetch throws, if anything. */
    FaultySource fetchFault(IntFunction<@Nullable RuntimeException> fault) {
        fetchFault = fault;
        return this;
    }

    /** These records are there and cannot be read. */
    FaultySource unreadable(Predicate<RecordKey> keys) {
        unreadable = keys;
        return this;
    }

    int pages() {
        return pages;
    }

    int fetches() {
        return fetches;
    }

    boolean isClosed() {
        return closed;
    }

    private static void meet(@Nullable RuntimeException fault) {
        if (fault != null) {
            throw fault;
        }
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        RecordScan scan = records.scan(source);
        return new RecordScan() {
            @Override
            public @Nullable ScanPage next(int maxRecords, long maxBytes) {
                meet(pageFault.apply(++pages));
                ScanPage page = scan.next(Math.min(maxRecords, pageSize), maxBytes);
                return page == null ? null : withoutUnreadable(page);
            }

            @Override
            public void close() {
                closed = true;
                scan.close();
            }
        };
    }

    private ScanPage withoutUnreadable(ScanPage page) {
        List<SourceRecord> readable = new ArrayList<>();
        List<UnreadableRecord> bad = new ArrayList<>();
        for (SourceRecord record : page.records()) {
            if (unreadable.test(record.key())) {
                bad.add(new UnreadableRecord("row " + record.key().id(), "it cannot be read", record.key()));
            } else {
                readable.add(record);
            }
        }
        return new ScanPage(readable, bad);
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        meet(fetchFault.apply(++fetches));
        Map<RecordKey, SourceRecord> found = new HashMap<>(records.fetch(refs).records());
        Map<RecordKey, String> bad = new HashMap<>();
        for (RecordRef ref : refs) {
            if (unreadable.test(ref.key()) && found.remove(ref.key()) != null) {
                bad.put(ref.key(), "it cannot be read");
            }
        }
        return new FetchedRecords(found, bad);
    }

    @Override
    public Set<String> sources() {
        return records.sources();
    }
}
