package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class CheckpointsTest {
    private static final int MEGABYTE = 1 << 20;
    private static final int WORTH_IT = 32;

    @TempDir
    Path folder;

    private static void write(Session writer, String table, int megabytes) throws SQLException {
        for (int i = 0; i < megabytes; i++) {
            writer.inTransaction(
                    session -> session.update("insert into " + table + " values (?)", (Object) new byte[MEGABYTE]));
        }
    }

    @Test
    void theLogIsCopiedWhileTheWriterGoesOn() throws Exception {
        Path file = folder.resolve("store.db");
        try (Session writer = SqliteDialect.in(file).openWriter()) {
            writer.execute("create table evervec_page (bytes blob)");
            write(writer, "evervec_page", WORTH_IT + 2); // the first time it is the writer that copies
            write(writer, "evervec_page", WORTH_IT + 8);

            while (Files.size(file) < (2L * WORTH_IT - 4) * MEGABYTE) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            assertThat(writer.number("select count(*) from evervec_page")).isEqualTo(2L * WORTH_IT + 10);
        }
        assertThat(folder).isDirectoryNotContaining(left -> !left.equals(file));
    }

    @Test
    void theWriterCopiesTheRestOfALongLog() throws Exception {
        Path file = folder.resolve("store.db");
        try (Session writer = SqliteDialect.in(file).openWriter()) {
            writer.execute("create table evervec_page (bytes blob)");

            write(writer, "evervec_page", 400);

            assertThat(Files.size(folder.resolve("store.db-wal"))).isLessThan(250L * MEGABYTE);
        }
    }

    @Test
    void aLogThatOthersMayHaveToCopyStaysShort() throws Exception {
        Path file = folder.resolve("host.db");
        try (Session writer = SqliteDialect.in(file).openWriter()) {
            writer.execute("create table article (bytes blob)");

            write(writer, "article", 200);

            assertThat(Files.size(folder.resolve("host.db-wal"))).isLessThan(40L * MEGABYTE);
        }
    }
}
