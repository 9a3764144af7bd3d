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
 * @param freshSince number of the rebuild that put the record on a list and has not got it its vector yet, or 0: vectors and
 *     rewrites that were bought by jobs with a lower number must not serve it
 */
public record Claim(RecordKey key, Locator locator, long version, int attempts, long freshSince) {
    /** What to fetch. */
    public RecordRef ref() {
        return new RecordRef(key, locator);
    }
}
