package dev.evervec.pipeline;

import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.ScannedRecord.Content;
import dev.evervec.pipeline.store.Sha256;

/** Where a job's records come from, page by page, with what the ledger compares. Confined to one thread. */
interface RecordReader extends AutoCloseable {
    /**
     * The next page, or the end.
     *
     * @throws SourceException if the source cannot be read on
     */
    Event next();

    @Override
    void close();

    static ScannedRecord scanned(SourceRecord record) {
        Content content = record.content().isBlank() ? Content.BLANK : Content.PRESENT;
        return new ScannedRecord(
                record.key(), Sha256.ofContent(record.title(), record.content()), content, record.locator());
    }
}
