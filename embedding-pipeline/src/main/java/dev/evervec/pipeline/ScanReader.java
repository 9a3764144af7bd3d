package dev.evervec.pipeline;

import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.pipeline.store.ScannedRecord;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a scan page by page and keeps of each selected record what the ledger compares. Confined to one thread.
 *
 * <p>Each page may be twice as long as the one before: nothing can be sent before the first is in the ledger.
 */
final class ScanReader implements RecordReader {
    private static final int PAGE_RECORDS = 1000;
    private static final int FIRST_RECORDS = 100;
    private static final long PAGE_BYTES = 8L << 20;

    private final RecordScan scan;
    private final BuildRequest request;
    private final int mostRecords;
    private final @Nullable Set<String> idsNotMet;
    private int pageRecords;

    ScanReader(RecordScan scan, BuildRequest request) {
        this(scan, request, PAGE_RECORDS, PAGE_RECORDS);
    }

    /**
     * Pages that one write to the store can take.
     *
     * @param recordsPerRequest what a request can carry; the first page is enough for whole requests
     */
    ScanReader(RecordScan scan, BuildRequest request, int rowsPerWrite, int recordsPerRequest) {
        this.scan = scan;
        this.request = request;
        this.mostRecords = Math.min(PAGE_RECORDS, rowsPerWrite);
        this.pageRecords = Math.min(mostRecords, recordsPerRequest * ((FIRST_RECORDS - 1) / recordsPerRequest + 1));
        this.idsNotMet = request.ids() == null ? null : new HashSet<>(request.ids());
    }

    @Override
    public Event next() {
        ScanPage page = nextSelected();
        if (page == null) {
            return new Event.SourceExhausted(notes());
        }
        List<ScannedRecord> scanned =
                page.records().stream().map(RecordReader::scanned).toList();
        long textBytes = page.records().stream()
                .mapToLong(record -> record.content().length())
                .sum();
        return new Event.PageScanned(scanned, page.unreadable(), textBytes, Set.of());
    }

    /** What is selected of the next page, which may be nothing, or null at the end of the source. */
    @Nullable
    ScanPage nextSelected() {
        ScanPage page = scan.next(pageRecords, PAGE_BYTES);
        pageRecords = Math.min(mostRecords, 2 * pageRecords);
        if (page == null) {
            return null;
        }
        List<SourceRecord> selected = page.records().stream()
                .filter(record -> request.selects(record.key()))
                .toList();
        selected.forEach(record -> met(record.key()));
        List<UnreadableRecord> unreadable = page.unreadable().stream()
                .filter(record -> record.key() == null || request.selects(record.key()))
                .toList();
        return new ScanPage(selected, unreadable);
    }

    private void met(RecordKey key) {
        if (idsNotMet != null) {
            idsNotMet.remove(key.id());
        }
    }

    /** What is to be said of the scan at its end. */
    List<String> notes() {
        if (idsNotMet == null || idsNotMet.isEmpty()) {
            return List.of();
        }
        String some = String.join(", ", idsNotMet.stream().sorted().limit(20).toList());
        return List.of(idsNotMet.size() + " of the given ids are not in the source: " + some
                + (idsNotMet.size() > 20 ? ", …" : ""));
    }

    @Override
    public void close() {
        scan.close();
    }
}
