package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteDataSource;

class JdbcRecordSourceSqliteTest extends JdbcRecordSourceContract {
    @TempDir
    Path folder;

    @Override
    protected DataSource database() {
        SQLiteDataSource database = new SQLiteDataSource();
        database.setUrl(url());
        return database;
    }

    private String url() {
        return "jdbc:sqlite:" + folder.resolve("host.db") + "?synchronous=OFF&journal_mode=MEMORY";
    }

    @Test
    void oneColumnMayHoldIdsOfSeveralTypes() throws SQLException {
        execute("create table mixed (id, content)");
        execute(
                "insert into mixed values (7, 'integer'), ('8', 'text'), ('x', 'text'), (2.5, 'real'), (x'0aff', 'blob')");
        RecordSource source = JdbcRecordSource.of(url(), "select id, content from mixed");

        for (int size : new int[] {1, 2, 10}) {
            List<SourceRecord> records = recordsOf(pages(source, null, size, 1000));
            assertThat(records).extracting(r -> r.key().id()).containsExactlyInAnyOrder("7", "8", "x", "2.5", "0aff");
            assertThat(source.fetch(refs(records)).records()).hasSize(5);
        }
    }

    @Test
    void idsThatTheDatabaseHoldsEqualAreAllRead() throws SQLException {
        execute("create table caseless (id text collate nocase, content text)");
        execute("insert into caseless values ('a', '1'), ('A', '2'), ('b', '3'), ('B', '4'), ('bb', '5'), ('BB', '6'),"
                + " ('Bb', '7'), ('bB', '8'), ('c', '9')");
        RecordSource source = JdbcRecordSource.of(url(), "select id, content from caseless");

        for (int size = 1; size < 11; size++) {
            List<SourceRecord> records = recordsOf(pages(source, null, size, 1000));
            assertThat(records)
                    .as("pages of " + size)
                    .extracting(r -> r.key().id())
                    .containsExactlyInAnyOrder("a", "A", "b", "B", "bb", "BB", "Bb", "bB", "c");
            assertThat(source.fetch(refs(records)).records()).hasSize(9);
        }
    }

    @Test
    void aPageIsAShortRangeOfTheIndex() throws SQLException {
        execute("create table large (id integer primary key, kind text not null, content text)");

        String plan = planOfAPage("explain query plan", "select kind as source, id, content from large");

        assertThat(plan).contains("SEARCH large USING INTEGER PRIMARY KEY").doesNotContain("B-TREE");
    }

    @Test
    void aMissingFileIsNamedAndNotMade() {
        Path missing = folder.resolve("missing.db");
        RecordSource source = JdbcRecordSource.of("jdbc:sqlite:" + missing, "select id, content from records");

        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> source.scan(null))
                .withMessageContaining("there is no file " + missing);
        assertThat(missing).doesNotExist();
    }

    @Test
    void aFileThatIsNoDatabaseIsRefused() throws Exception {
        Path text = folder.resolve("text.db");
        Files.writeString(text, "this is no database, and long enough to be sure. ".repeat(50));
        RecordSource source = JdbcRecordSource.of("jdbc:sqlite:" + text, "select id, content from records");

        assertThatExceptionOfType(SourceException.class)
                .isThrownBy(() -> source.scan(null))
                .withMessageContaining("no SQLite database");
    }
}
