package dev.evervec.pipeline.source;

import org.jspecify.annotations.Nullable;

/**
 * Something in a source that is no record.
 *
 * @param where its place, for a person to find it: {@code line 17}, {@code row with id 12}
 * @param problem what is wrong, without any of the record's text
 * @param key its key as far as that could be read, or null
 */
public record UnreadableRecord(
        String where, String problem, @Nullable RecordKey key) {}
