package dev.evervec.pipeline.source;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One row of the host as a source reads it.
 *
 * @param key which record
 * @param title its title, or null
 * @param content its content as the host keeps it, HTML or plain text; may be blank
 * @param locator where to find it again
 */
public record SourceRecord(RecordKey key, @Nullable String title, String content, Locator locator) {
    public SourceRecord {
        Objects.requireNonNull(key, "key");
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(locator, "locator");
    }

    /** A record of the default source without title, found by its key. */
    public static SourceRecord of(String id, String content) {
        return of(RecordKey.DEFAULT_SOURCE, id, null, content);
    }

    /** A record found by its key. */
    public static SourceRecord of(String source, String id, @Nullable String title, String content) {
        return new SourceRecord(new RecordKey(source, id), title, content, Locator.NONE);
    }

    /** Shows key and lengths, never the text. */
    @Override
    public String toString() {
        return "SourceRecord[key=" + key + ", chars=" + content.length() + "]";
    }
}
