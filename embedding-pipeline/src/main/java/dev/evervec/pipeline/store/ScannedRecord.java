package dev.evervec.pipeline.store;

import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;

/**
 * What a scan says of one record.
 *
 * @param key which record
 * @param contentHash hash of title and content
 * @param content whether its raw content is blank
 * @param locator where the source finds it again
 */
public record ScannedRecord(RecordKey key, Sha256 contentHash, Content content, Locator locator) {
    /** Whether a record has content at all; one without never enters the ledger. */
    public enum Content {
        /** It has. */
        PRESENT,
        /** Nothing but white space. */
        BLANK
    }
}
