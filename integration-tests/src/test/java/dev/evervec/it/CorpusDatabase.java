package dev.evervec.it;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Sha256;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The corpus and what a build did with it, on disk, because the tests of it have no heap to spare: its records, read here
 * without the library's own readers, the texts that were sent, and the records that are accounted for. Thread-safe.
 */
final class CorpusDatabase implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A record of the corpus. */
    record Text(@Nullable String title, String content) {}

    private final Path file;
    private final Connection connection;

    private CorpusDatabase(Path file) throws SQLException {
        this.file = file;
        this.connection = DriverManager.getConnection(url());
    }

    /** A database made of a JSON Lines file; of duplicate ids the first is taken, and what is no record is left out. */
    static CorpusDatabase of(Path jsonLines, Path file) throws IOException, SQLException {
        CorpusDatabase database = new CorpusDatabase(file);
        try (Statement statement = database.connection.createStatement()) {
            statement.execute("pragma journal_mode = wal");
            statement.execute("pragma synchronous = off");
            statement.execute(
                    "create table record (source text not null, id text not null, title text, content text not"
                            + " null, blank integer not null, primary key (source, id)) without rowid");
            statement.execute("create table sent (hash blob primary key, text text not null) without rowid");
            statement.execute("create table accounted (source text not null, id text not null, how text not null,"
                    + " primary key (source, id)) without rowid");
        }
        database.load(jsonLines);
        return database;
    }

    /** Where it is, for others who read the table {@code record}. */
    String url() {
        return "jdbc:sqlite:" + file;
    }

    private void load(Path jsonLines) throws IOException, SQLException {
        connection.setAutoCommit(false);
        try (BufferedReader lines = Files.newBufferedReader(jsonLines);
                PreparedStatement insert =
                        connection.prepareStatement("insert or ignore into record values (?, ?, ?, ?, ?)")) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                JsonNode record = parse(line);
                JsonNode id = record.path("id");
                String content = record.path("content").asText("");
                if (id.isTextual() || id.isIntegralNumber()) {
                    insert.setString(1, record.path("source").asText(RecordKey.DEFAULT_SOURCE));
                    insert.setString(2, id.asText());
                    insert.setString(3, record.path("title").asText(null));
                    insert.setString(4, content);
                    insert.setBoolean(5, content.isBlank());
                    insert.executeUpdate();
                }
            }
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private static JsonNode parse(String line) {
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException e) {
            return JSON.missingNode();
        }
    }

    /** Records whose content is not blank: those that a build must account for. */
    synchronized long recordsWithContent() throws SQLException {
        return count("select count(*) from record where not blank");
    }

    /** Forgets what a build did. */
    synchronized void beginBuild() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("delete from sent");
            statement.execute("delete from accounted");
        }
    }

    /** Keeps the texts of a request. */
    synchronized void sent(List<String> texts) {
        try (PreparedStatement insert = connection.prepareStatement("insert or ignore into sent values (?, ?)")) {
            connection.setAutoCommit(false);
            for (String text : texts) {
                insert.setBytes(1, Sha256.ofText(text).bytes());
                insert.setString(2, text);
                insert.addBatch();
            }
            insert.executeBatch();
            connection.commit();
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            throw new IllegalStateException("the texts of a request cannot be kept", e);
        }
    }

    /** Different texts that were sent. */
    synchronized long differentTexts() throws SQLException {
        return count("select count(*) from sent");
    }

    /** The text with this hash that was sent, or null. */
    synchronized @Nullable String textOf(Sha256 hash) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("select text from sent where hash = ?")) {
            select.setBytes(1, hash.bytes());
            try (ResultSet found = select.executeQuery()) {
                return found.next() ? found.getString(1) : null;
            }
        }
    }

    /** The record as it stands in the corpus, or null. */
    synchronized @Nullable Text record(RecordKey key) throws SQLException {
        try (PreparedStatement select =
                connection.prepareStatement("select title, content from record where source = ? and id = ?")) {
            select.setString(1, key.source());
            select.setString(2, key.id());
            try (ResultSet found = select.executeQuery()) {
                return found.next() ? new Text(found.getString(1), found.getString(2)) : null;
            }
        }
    }

    /** Runs something between the beginning and the end of one transaction. */
    synchronized void inTransaction(Runnable work) throws SQLException {
        connection.setAutoCommit(false);
        work.run();
        connection.commit();
        connection.setAutoCommit(true);
    }

    /**
     * Notes what became of a record.
     *
     * @throws SQLException if that is noted already: a record belongs in one place
     */
    synchronized void account(RecordKey key, String how) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement("insert into accounted values (?, ?, ?)")) {
            insert.setString(1, key.source());
            insert.setString(2, key.id());
            insert.setString(3, how);
            insert.executeUpdate();
        }
    }

    /** Records with content that nothing is noted about. */
    synchronized long unaccounted() throws SQLException {
        return count("select count(*) from record left join accounted using (source, id)"
                + " where not blank and accounted.how is null");
    }

    private long count(String sql) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet count = statement.executeQuery(sql)) {
            count.next();
            return count.getLong(1);
        }
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
