package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/**
 * What names a row of the host's query; its text is read only where it is wanted.
 *
 * @param id its id, or null
 * @param source its source; {@code default} where it has none
 */
record SourceRow(@Nullable SourceValue id, String source) {
    private static final int SHOWN_ID_CHARACTERS = 80;

    static SourceRow read(ResultSet row, SourceColumns columns, SourceDialect dialect) throws SQLException {
        SourceValue source = columns.source() == null ? null : SourceValue.read(row, columns.source(), dialect);
        return new SourceRow(
                SourceValue.read(row, columns.id(), dialect),
                source == null ? RecordKey.DEFAULT_SOURCE : source.text());
    }

    /** Why this is no record, or null if it is one. */
    @Nullable
    String problem() {
        try {
            key();
            return null;
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
    }

    RecordKey key() {
        return new RecordKey(source, id == null ? "" : id.text());
    }

    /** The record of the row that the result stands on. */
    SourceRecord record(ResultSet row, SourceColumns columns) throws SQLException {
        String content = row.getString(columns.content().label());
        String title =
                columns.title() == null ? null : row.getString(columns.title().label());
        return new SourceRecord(key(), title, content == null ? "" : content, Locator.NONE);
    }

    UnreadableRecord unreadable(String problem) {
        return new UnreadableRecord("row with id " + shownId(), problem, null);
    }

    private String shownId() {
        String text = id == null ? "null" : id.text();
        String start = text.substring(0, Math.min(text.length(), SHOWN_ID_CHARACTERS));
        StringBuilder shown = new StringBuilder();
        start.codePoints()
                .map(c -> Character.isISOControl(c) || (c >= 0xD800 && c <= 0xDFFF) ? '?' : c)
                .forEach(shown::appendCodePoint);
        return start.length() < text.length() ? shown + "..." : shown.toString();
    }
}
