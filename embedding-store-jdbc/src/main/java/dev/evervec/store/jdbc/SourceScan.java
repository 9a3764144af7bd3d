package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.ScanPage;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.store.jdbc.SourceSql.Condition;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One pass over the host's query, a statement for each page.
 *
 * <p>Sources are read one after the other, each in the order of its ids: that needs no index over both columns, and every
 * page is a short range of the index on the id. A page begins <em>at</em> the last id of the page before, not after it, and
 * leaves out the rows already given: where the database holds different ids equal (collations without case), or an id
 * occurs twice, a page's end may fall between them, and "after" would lose the rest. If a statement gives nothing but such
 * rows, the next one asks for more rows. A query that does its own paging is asked from the last id but one, to the same
 * end.
 *
 * <p>No connection is held between pages. Not thread-safe.
 */
final class SourceScan implements RecordScan {
    private final SourceDatabase database;
    private final SourceQuery query;
    private final SourceColumns columns;
    private final @Nullable String source;
    // The rows still to read, one condition for each source.
    private final Deque<Condition> parts;
    private @Nullable UnreadableRecord withoutId;
    private long idsMissing;

    // Within the current part.
    private @Nullable SourceValue from;
    private Set<SourceRow> given = new HashSet<>();
    private int moreRows;

    /**
     * A scan.
     *
     * @param source the source wanted, or null
     * @param parts a condition for each source to read; a query that does its own paging has one part, without condition
     * @param withoutId stands for the rows that have no id, or null
     */
    SourceScan(
            SourceDatabase database,
            SourceQuery query,
            SourceColumns columns,
            @Nullable String source,
            List<Condition> parts,
            @Nullable UnreadableRecord withoutId) {
        this.database = database;
        this.query = query;
        this.columns = columns;
        this.source = source;
        this.parts = new ArrayDeque<>(parts);
        this.withoutId = withoutId;
    }

    @Override
    public @Nullable ScanPage next(int maxRecords, long maxBytes) {
        Page page = new Page(Math.max(1, maxRecords), maxBytes);
        try {
            while (page.isEmpty() && !parts.isEmpty()) {
                readOn(page);
            }
        } catch (SQLException e) {
            parts.clear();
            throw SourceFailures.failed("reading a page of the records query", e);
        }
        if (page.isEmpty() && withoutId != null) {
            page.unreadable.add(withoutId);
            withoutId = null;
        }
        return page.isEmpty() ? null : new ScanPage(page.records, page.unreadable);
    }

    @Override
    public void close() {
        parts.clear();
        withoutId = null;
    }

    private void readOn(Page page) throws SQLException {
        Chunk chunk = new Chunk();
        int limit = (int) Math.min(Integer.MAX_VALUE, (long) page.maxRecords + 1 + moreRows);
        try (SourceConnection connection = SourceConnection.open(database);
                PreparedStatement statement = connection.prepare(sql(connection.dialect(), limit));
                ResultSet rows = statement.executeQuery()) {
            while (!chunk.pageFull && rows.next()) {
                chunk.take(rows, connection.dialect(), page);
            }
        }
        boolean lastRows = !chunk.pageFull && chunk.rows < limit;
        // A query that does its own paging may filter after it has cut: only a page without news is its end.
        if (lastRows && (!query.pagesItself() || !chunk.news)) {
            endPart();
        } else if (chunk.news) {
            advance(chunk);
        } else {
            moreRows = (int) Math.min(Integer.MAX_VALUE, 2L * limit);
        }
    }

    private SourceSql sql(SourceDialect dialect, int limit) {
        if (query.pagesItself()) {
            SourceValue after = from == null ? SourceValue.smallest(columns.id(), dialect) : from;
            return SourceSql.ownPage(query, after, limit);
        }
        return SourceSql.page(query, columns, parts.element(), from, limit);
    }

    private void advance(Chunk chunk) {
        SourceValue reached = query.pagesItself() ? chunk.lastButOneId : chunk.lastId;
        if (reached == null || reached.equals(from)) {
            given.addAll(chunk.seen);
        } else {
            from = reached;
            given = chunk.seen;
        }
        moreRows = 0;
    }

    private void endPart() {
        parts.remove();
        from = null;
        given = new HashSet<>();
        moreRows = 0;
        if (idsMissing > 0) {
            withoutId = withoutId(idsMissing);
        }
    }

    /** Stands for rows without an id. */
    static UnreadableRecord withoutId(long rows) {
        return new UnreadableRecord(
                "rows without id", rows + (rows == 1 ? " row has" : " rows have") + " null for its id", null);
    }

    /** What one statement gave. */
    private final class Chunk {
        private final Set<SourceRow> seen = new HashSet<>();
        private int rows;
        private boolean news;
        private boolean pageFull;
        private @Nullable SourceValue lastId;
        private @Nullable SourceValue lastButOneId;

        void take(ResultSet result, SourceDialect dialect, Page page) throws SQLException {
            SourceRow row = SourceRow.read(result, columns, dialect);
            if (!given.contains(row)) {
                if (!page.take(row, result)) {
                    pageFull = true;
                    return;
                }
                news = true;
            }
            rows++;
            if (row.id() == null) {
                idsMissing++;
                return;
            }
            seen.add(row);
            if (!row.id().equals(lastId)) {
                checkOrder(row.id());
                lastButOneId = lastId;
                lastId = row.id();
            }
        }

        private void checkOrder(SourceValue id) {
            if (query.pagesItself() && lastId != null && id.isIntegerBelow(lastId)) {
                throw new SourceException(
                        "The records query does not give its rows in the order of their ids, so that pages would lose some."
                                + " Add order by id.",
                        null);
            }
        }
    }

    /** The page being filled. */
    private final class Page {
        private final int maxRecords;
        private final long maxBytes;
        private final List<SourceRecord> records = new ArrayList<>();
        private final List<UnreadableRecord> unreadable = new ArrayList<>();
        private long bytes;

        Page(int maxRecords, long maxBytes) {
            this.maxRecords = maxRecords;
            this.maxBytes = maxBytes;
        }

        boolean isEmpty() {
            return records.isEmpty() && unreadable.isEmpty();
        }

        /** Takes a row in, or refuses it because the page is full. */
        boolean take(SourceRow row, ResultSet result) throws SQLException {
            if (row.id() == null || (source != null && !source.equals(row.source()))) {
                return true;
            }
            if (records.size() + unreadable.size() == maxRecords) {
                return false;
            }
            String problem = row.problem();
            if (problem != null) {
                unreadable.add(row.unreadable(problem));
                return true;
            }
            SourceRecord record = row.record(result, columns);
            bytes += utf8Length(record.content()) + utf8Length(record.title());
            if (bytes > maxBytes && !isEmpty()) {
                return false;
            }
            records.add(record);
            return true;
        }

        private static long utf8Length(@Nullable String text) {
            long length = 0;
            for (int i = 0; text != null && i < text.length(); i++) {
                char c = text.charAt(i);
                length += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
            }
            return length;
        }
    }
}
