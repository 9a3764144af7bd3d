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

    private static void write(Session writer, int megabytes) throws SQLException {
        for (int i = 0; i < megabytes; i++) {
            writer.inTransaction(session -> session.update("insert into page values (?)", (Object) new byte[MEGABYTE]));
        }
    }

    @Test
    void theLogIsCopiedWhileTheWriterGoesOn() throws Exception {
        Path file = folder.resolve("store.db");
        try (Session writer = SqliteDialect.in(file).openWriter()) {
            writer.execute("create table page (bytes blob)");
            write(writer, WORTH_IT - 2);
            assertThat(Files.size(file)).isLessThan(MEGABYTE);

            write(writer, 3);

            while (Files.size(file) < (WORTH_IT - 2L) * MEGABYTE) {
                TimeUnit.MILLISECONDS.sleep(1);
            }
            write(writer, WORTH_IT);
            assertThat(writer.number("select count(*) from page")).isEqualTo(2L * WORTH_IT + 1);
        }
        assertThat(folder).isDirectoryNotContaining(left -> !left.equals(file));
    }

    @Test
    void theWriterCopiesTheRestOfALongLog() throws Exception {
        Path file = folder.resolve("store.db");
        try (Session writer = SqliteDialect.in(file).openWriter()) {
            writer.execute("create table page (bytes blob)");

            write(writer, 400);

            assertThat(Files.size(folder.resolve("store.db-wal"))).isLessThan(250L * MEGABYTE);
        }
    }
}
