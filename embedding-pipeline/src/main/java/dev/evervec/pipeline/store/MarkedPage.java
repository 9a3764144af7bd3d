package dev.evervec.pipeline.store;

import dev.evervec.pipeline.source.RecordKey;
import java.util.List;

/**
 * What the ledger said to a page of scanned records.
 *
 * @param taken how many were put on the job's list
 * @param duplicates keys that this scan had met before; the first one wins, these were ignored
 * @param exhausted unchanged records that failed as often as is allowed and are left alone
 * @param busy records that another worker has claimed, and that therefore are not on this job's list
 */
public record MarkedPage(int taken, List<RecordKey> duplicates, List<RecordKey> exhausted, List<RecordKey> busy) {
    public MarkedPage {
        duplicates = List.copyOf(duplicates);
        exhausted = List.copyOf(exhausted);
        busy = List.copyOf(busy);
    }
}
