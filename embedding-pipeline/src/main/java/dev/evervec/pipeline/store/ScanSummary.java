package dev.evervec.pipeline.store;

import java.util.Map;

/**
 * What the end of a scan changed.
 *
 * @param removed vanished records taken out of the ledger, by source
 * @param kept vanished records that were left in, by source, because they were too large a share
 */
public record ScanSummary(Map<String, Long> removed, Map<String, Long> kept) {
    public ScanSummary {
        removed = Map.copyOf(removed);
        kept = Map.copyOf(kept);
    }
}
