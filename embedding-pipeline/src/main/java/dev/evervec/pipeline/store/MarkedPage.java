package dev.evervec.pipeline.store;

import dev.evervec.pipeline.source.RecordKey;
import java.util.List;

/**
 * What the ledger said to a page of scanned records.
 *
 * @param taken how many were put on the job's list
 * @param duplicates keys that this scan had met before; the first one wins, these were ignored
 * @param exhausted unchanged records that failed as often as is allowed and are left alone
 */
public record MarkedPage(int taken, List<RecordKey> duplicates, List<RecordKey> exhausted) {
    public MarkedPage {
        duplicates = List.copyOf(duplicates);
        exhausted = List.copyOf(exhausted);
    }
}
