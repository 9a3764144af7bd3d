package dev.evervec.pipeline.source;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The host's records.
 *
 * <p>Implementations must be thread-safe: a scan and a fetch may run at the same time on different threads. They must hand
 * out what they can read and report the rest, must not hold all records in memory, and must not put text of records into
 * messages. They own nothing of the host that they did not open themselves.
 */
public interface RecordSource {
    /**
     * Starts a pass over all records of one source, or of all sources.
     *
     * @param source the source wanted, or null for all
     * @throws SourceException if the source cannot be read at all (missing file or table, no permission)
     */
    RecordScan scan(@Nullable String source);

    /**
     * Reads records as they are now. Called with at most a few thousand at a time.
     *
     * <p>A source whose locators can go stale must check that it found the record that was asked for, and look for it
     * elsewhere before it calls it vanished.
     *
     * @throws SourceException if the source cannot be read
     */
    FetchedRecords fetch(List<RecordRef> refs);

    /**
     * The names of all sources that have records; may need a pass over the data.
     *
     * @throws SourceException if they cannot be read
     */
    Set<String> sources();
}
