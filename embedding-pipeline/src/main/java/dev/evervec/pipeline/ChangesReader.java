package dev.evervec.pipeline;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.pipeline.store.ScannedRecord;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Reads given records, some at a time, as a scan would. Confined to one thread. */
final class ChangesReader implements RecordReader {
    private static final int PAGE_RECORDS = 256;

    private final RecordSource source;
    private final List<RecordKey> keys;
    private int next;

    ChangesReader(RecordSource source, BuildRequest.Intake.Changes changes) {
        this.source = source;
        Set<RecordKey> all = new LinkedHashSet<>(changes.changed());
        all.addAll(changes.removable());
        this.keys = List.copyOf(all);
    }

    @Override
    public Event next() {
        if (next == keys.size()) {
            return new Event.SourceExhausted(List.of());
        }
        List<RecordKey> page = keys.subList(next, Math.min(keys.size(), next + PAGE_RECORDS));
        FetchedRecords fetched = source.fetch(
                page.stream().map(key -> new RecordRef(key, Locator.NONE)).toList());
        next += page.size();
        List<ScannedRecord> found = new ArrayList<>(page.size());
        List<UnreadableRecord> unreadable = new ArrayList<>();
        Set<RecordKey> missing = new LinkedHashSet<>();
        long textBytes = 0;
        for (RecordKey key : page) {
            SourceRecord record = fetched.records().get(key);
            String problem = fetched.unreadable().get(key);
            if (record != null) {
                found.add(RecordReader.scanned(record));
                textBytes += record.content().length();
            } else if (problem != null) {
                unreadable.add(new UnreadableRecord(key.toString(), problem, key));
            } else {
                missing.add(key);
            }
        }
        return new Event.PageScanned(found, unreadable, textBytes, missing);
    }

    @Override
    public void close() {}
}
