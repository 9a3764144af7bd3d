package dev.evervec.pipeline.store;

import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;

/**
 * The right to write a record's result, until it is taken over or released.
 *
 * @param key which record
 * @param locator where its source finds it
 * @param version fences the result: a later claim has a higher one
 * @param attempts how many jobs have failed on the record's present text
 */
public record Claim(RecordKey key, Locator locator, long version, int attempts) {
    /** What to fetch. */
    public RecordRef ref() {
        return new RecordRef(key, locator);
    }
}
