package dev.evervec.pipeline.source;

import java.util.List;

/**
 * The next records of a scan, in its order.
 *
 * @param records what could be read; may be empty on a page of unreadable records
 * @param unreadable what could not
 */
public record ScanPage(List<SourceRecord> records, List<UnreadableRecord> unreadable) {
    public ScanPage {
        records = List.copyOf(records);
        unreadable = List.copyOf(unreadable);
    }
}
