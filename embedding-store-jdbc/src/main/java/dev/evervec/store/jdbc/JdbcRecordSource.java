package dev.evervec.store.jdbc;

import dev.evervec.pipeline.source.FetchedRecords;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordRef;
import dev.evervec.pipeline.source.RecordScan;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.store.jdbc.SourceSql.Condition;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * Records from a SQL query: a select whose columns are named {@code id} and {@code content} and, optionally, {@code source}
 * and {@code title}, in any case and order. Other columns are ignored.
 *
 * <p>Ids may be of any type and become text (bytes: hexadecimal digits); a null source is {@code default}, null content is
 * blank. Rows without an id are counted and reported. On SQLite, PostgreSQL, MySQL, MariaDB and H2 any select will do. It is
 * read in pages, source by source in the order of the ids, so the id should have an index; an {@code order by} of its own
 * changes nothing and can be slow. H2 (2.4) reads, for each page, all rows from there to the end, so expect that to take
 * minutes beyond some 100,000 rows. Any other database needs a query that does its own paging with {@code :after} and
 * {@code :limit}:
 *
 * <pre>{@code
 * select id, content from tickets where id > :after order by id fetch first :limit rows only
 * }</pre>
 *
 * <p>{@code :after} is below all ids at first (the smallest number of the type, the empty text). Such a query is run as a
 * whole for every fetch, so the plain form is to be preferred where there is a choice.
 *
 * <p>Each page and each fetch takes a connection, reads, and gives it back as it was; no transaction stays open. Nothing is
 * written. No text of the database's errors is passed on but for a query that it refuses outright. Thread-safe if the data
 * source is.
 */
public final class JdbcRecordSource implements RecordSource {
    // Well below every database's limit on parameters, even where an id is bound in several types.
    private static final int IDS_PER_STATEMENT = 500;

    private final SourceDatabase database;
    private final SourceQuery query;

    private JdbcRecordSource(SourceDatabase database, SourceQuery query) {
        this.database = database;
        this.query = query;
    }

    /**
     * Reads from a data source.
     *
     * @param query one select; a semicolon at its end does no harm
     * @throws SourceException if it is no select, or has only one of {@code :after} and {@code :limit}
     */
    public static JdbcRecordSource of(DataSource dataSource, String query) {
        return new JdbcRecordSource(
                SourceDatabase.of(Objects.requireNonNull(dataSource, "dataSource")), SourceQuery.of(query));
    }

    /**
     * Reads from the database at a JDBC URL, with a connection of its own for each page.
     *
     * @param query one select; a semicolon at its end does no harm
     * @throws SourceException if it is no select, or has only one of {@code :after} and {@code :limit}
     */
    public static JdbcRecordSource of(String url, String query) {
        return of(url, null, null, query);
    }

    /**
     * Reads from the database at a JDBC URL, with a connection of its own for each page.
     *
     * @param user who logs in, or null if the URL tells or nobody does
     * @param password the password, or null
     * @param query one select; a semicolon at its end does no harm
     * @throws SourceException if it is no select, or has only one of {@code :after} and {@code :limit}
     */
    public static JdbcRecordSource of(String url, @Nullable String user, @Nullable String password, String query) {
        return new JdbcRecordSource(
                SourceDatabase.of(Objects.requireNonNull(url, "url"), user, password), SourceQuery.of(query));
    }

    @Override
    public RecordScan scan(@Nullable String source) {
        try (SourceConnection connection = SourceConnection.open(database)) {
            SourceColumns columns = columns(connection);
            if (query.pagesItself()) {
                return new SourceScan(database, query, columns, source, List.of(Condition.NONE), null);
            }
            List<Condition> parts = parts(connection, columns, source);
            return new SourceScan(database, query, columns, source, parts, withoutId(connection, columns, source));
        } catch (SQLException e) {
            throw SourceFailures.failed("starting the records query", e);
        }
    }

    @Override
    public FetchedRecords fetch(List<RecordRef> refs) {
        if (refs.isEmpty()) {
            return new FetchedRecords(Map.of(), Map.of());
        }
        Map<RecordKey, SourceRecord> found = new HashMap<>();
        try (SourceConnection connection = SourceConnection.open(database)) {
            SourceColumns columns = columns(connection);
            for (Map.Entry<String, List<String>> source : idsBySource(refs).entrySet()) {
                Condition ofSource = ofSource(source.getKey(), columns, connection.dialect());
                if (ofSource != null) {
                    fetch(connection, columns, source.getKey(), ofSource, source.getValue(), found);
                }
            }
        } catch (SQLException e) {
            throw SourceFailures.failed("fetching records by id", e);
        }
        return new FetchedRecords(found, Map.of());
    }

    @Override
    public Set<String> sources() {
        Set<String> names = new TreeSet<>();
        try (SourceConnection connection = SourceConnection.open(database)) {
            SourceColumns columns = columns(connection);
            if (columns.source() != null) {
                for (SourceValue source : distinctSources(connection, columns, columns.source())) {
                    names.add(nameOf(source));
                }
            } else if (hasRows(connection, columns)) {
                names.add(RecordKey.DEFAULT_SOURCE);
            }
        } catch (SQLException e) {
            throw SourceFailures.failed("listing the sources", e);
        }
        return names;
    }

    /** Names neither the database nor the query's text: a URL may hold a password. */
    @Override
    public String toString() {
        return "JdbcRecordSource[pagesItself=" + query.pagesItself() + "]";
    }

    private SourceColumns columns(SourceConnection connection) {
        if (!connection.dialect().wraps() && !query.pagesItself()) {
            throw new SourceException(
                    "The records query cannot be read in pages: this database is none of SQLite, PostgreSQL, MySQL, MariaDB and"
                            + " H2. " + SourceQuery.PAGING_ADVICE,
                    null);
        }
        return connection.columns(query);
    }

    /** A condition for each source to be read. */
    private List<Condition> parts(SourceConnection connection, SourceColumns columns, @Nullable String source)
            throws SQLException {
        SourceColumn column = columns.source();
        if (column == null) {
            return source == null || source.equals(RecordKey.DEFAULT_SOURCE) ? List.of(Condition.NONE) : List.of();
        }
        List<Condition> parts = new ArrayList<>();
        if (source == null) {
            for (SourceValue value : distinctSources(connection, columns, column)) {
                parts.add(value.equals(SourceValue.NULL) ? Condition.isNull(column) : Condition.equal(column, value));
            }
        } else {
            List<SourceValue> values = SourceValue.candidates(source, column, connection.dialect());
            if (!values.isEmpty()) {
                parts.add(Condition.in(column, values));
            }
            if (source.equals(RecordKey.DEFAULT_SOURCE)) {
                parts.add(Condition.isNull(column));
            }
        }
        return parts;
    }

    private @Nullable UnreadableRecord withoutId(
            SourceConnection connection, SourceColumns columns, @Nullable String source) throws SQLException {
        Condition rows = Condition.isNull(columns.id());
        if (source != null) {
            Condition ofSource = ofSource(source, columns, connection.dialect());
            if (ofSource == null) {
                return null;
            }
            rows = rows.and(ofSource);
        }
        SourceSql count = SourceSql.count(query, rows, SourceValue.NULL);
        try (PreparedStatement statement = connection.prepare(count);
                ResultSet result = statement.executeQuery()) {
            long missing = result.next() ? result.getLong(1) : 0;
            return missing == 0 ? null : SourceScan.withoutId(missing);
        }
    }

    /** What tells a source's rows, or null if there can be none. */
    private static @Nullable Condition ofSource(String source, SourceColumns columns, SourceDialect dialect) {
        boolean isDefault = source.equals(RecordKey.DEFAULT_SOURCE);
        SourceColumn column = columns.source();
        if (column == null) {
            return isDefault ? Condition.NONE : null;
        }
        List<SourceValue> values = SourceValue.candidates(source, column, dialect);
        if (values.isEmpty()) {
            return isDefault ? Condition.isNull(column) : null;
        }
        Condition in = Condition.in(column, values);
        return isDefault ? Condition.isNull(column).or(in) : in;
    }

    private void fetch(
            SourceConnection connection,
            SourceColumns columns,
            String source,
            Condition ofSource,
            List<String> ids,
            Map<RecordKey, SourceRecord> found)
            throws SQLException {
        for (int start = 0; start < ids.size(); start += IDS_PER_STATEMENT) {
            Set<RecordKey> wanted = new LinkedHashSet<>();
            List<SourceValue> values = new ArrayList<>();
            for (String id : ids.subList(start, Math.min(ids.size(), start + IDS_PER_STATEMENT))) {
                wanted.add(new RecordKey(source, id));
                values.addAll(SourceValue.candidates(id, columns.id(), connection.dialect()));
            }
            if (!values.isEmpty()) {
                Condition ofIds = Condition.in(columns.id(), values);
                Condition rows = connection.dialect().fetchesByIdAlone() ? ofIds : ofSource.and(ofIds);
                fetch(connection, columns, rows, wanted, found);
            }
        }
    }

    private void fetch(
            SourceConnection connection,
            SourceColumns columns,
            Condition rows,
            Set<RecordKey> wanted,
            Map<RecordKey, SourceRecord> found)
            throws SQLException {
        SourceDialect dialect = connection.dialect();
        SourceSql sql = SourceSql.rows(query, columns, rows, SourceValue.smallest(columns.id(), dialect));
        try (PreparedStatement statement = connection.prepare(sql);
                ResultSet result = statement.executeQuery()) {
            while (result.next()) {
                SourceRow row = SourceRow.read(result, columns, dialect);
                // The database may hold more ids equal than were asked for.
                if (row.problem() == null && wanted.contains(row.key())) {
                    found.putIfAbsent(row.key(), row.record(result, columns));
                }
            }
        }
    }

    private static Map<String, List<String>> idsBySource(List<RecordRef> refs) {
        Map<String, List<String>> ids = new LinkedHashMap<>();
        for (RecordRef ref : refs) {
            ids.computeIfAbsent(ref.key().source(), s -> new ArrayList<>())
                    .add(ref.key().id());
        }
        return ids;
    }

    /** The different sources, with {@link SourceValue#NULL} for null. */
    private Set<SourceValue> distinctSources(SourceConnection connection, SourceColumns columns, SourceColumn column)
            throws SQLException {
        Set<SourceValue> sources = new LinkedHashSet<>();
        SourceValue smallest = SourceValue.smallest(columns.id(), connection.dialect());
        try (PreparedStatement statement = connection.prepare(SourceSql.distinct(query, column, smallest));
                ResultSet result = statement.executeQuery()) {
            while (result.next()) {
                SourceValue source = SourceValue.read(result, column, connection.dialect());
                sources.add(source == null ? SourceValue.NULL : source);
            }
        }
        return sources;
    }

    private boolean hasRows(SourceConnection connection, SourceColumns columns) throws SQLException {
        SourceValue smallest = SourceValue.smallest(columns.id(), connection.dialect());
        SourceSql count = SourceSql.count(query, Condition.NONE, smallest);
        try (PreparedStatement statement = connection.prepare(count);
                ResultSet result = statement.executeQuery()) {
            return result.next() && result.getLong(1) > 0;
        }
    }

    private static String nameOf(SourceValue source) {
        return source.equals(SourceValue.NULL) ? RecordKey.DEFAULT_SOURCE : source.text();
    }
}
