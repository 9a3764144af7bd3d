package dev.evervec.pipeline.live;

import dev.evervec.pipeline.source.RecordKey;
import java.util.Map;
import java.util.Set;

/**
 * Records to be looked at now.
 *
 * @param rows the row that each of them was taken from
 * @param changed those that are there, as far as is known
 * @param removable those that leave the store if they are not there
 * @param more whether others wait that could be looked at now, too
 */
record Task(Map<RecordKey, Long> rows, Set<RecordKey> changed, Set<RecordKey> removable, boolean more) {
    Task {
        rows = Map.copyOf(rows);
        changed = Set.copyOf(changed);
        removable = Set.copyOf(removable);
    }

    boolean isEmpty() {
        return rows.isEmpty();
    }
}
