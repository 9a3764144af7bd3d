package dev.evervec.pipeline.source;

import org.jspecify.annotations.Nullable;

/** One pass over a source. Used by one thread at a time; not thread-safe. */
public interface RecordScan extends AutoCloseable {
    /**
     * Reads on. A page holds at most {@code maxRecords} records and about {@code maxBytes} bytes of text, but always at
     * least one record or one unreadable one.
     *
     * @return the next page, or null at the end
     * @throws SourceException if the source cannot be read on; the scan is then over
     */
    @Nullable
    ScanPage next(int maxRecords, long maxBytes);

    /** Frees what the scan holds. */
    @Override
    void close();
}
