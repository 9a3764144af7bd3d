package dev.evervec.pipeline.source;

import java.util.Map;

/**
 * What a fetch found. A key that is in neither map has vanished from the source.
 *
 * @param records the records as they are now
 * @param unreadable for records that are there but cannot be read, what is wrong, without any of their text
 */
public record FetchedRecords(Map<RecordKey, SourceRecord> records, Map<RecordKey, String> unreadable) {
    public FetchedRecords {
        records = Map.copyOf(records);
        unreadable = Map.copyOf(unreadable);
    }
}
