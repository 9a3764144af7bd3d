package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.StoreException;
import java.io.IOException;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two applications of one process, each with its own copy of SQLite's driver. */
@Timeout(60)
class DriverCopyTest {
    @TempDir
    private Path folder;

    private Path file;
    private URLClassLoader other;

    @BeforeEach
    void load() throws IOException {
        file = folder.resolve("store.db");
        other = OwnClasses.load(OwnClasses.Driver.OWN);
    }

    @AfterEach
    void unload() throws IOException {
        other.close();
        assertThat(System.getProperties().stringPropertyNames()).noneMatch(name -> name.contains(folder.toString()));
    }

    private AutoCloseable openInTheOther(Path path) throws ReflectiveOperationException {
        Class<?> store = other.loadClass(JdbcStore.class.getName());
        return (AutoCloseable) store.getMethod("openSqlite", Path.class).invoke(null, path);
    }

    @Test
    void onlyOneMayOpenAFileAtATime() throws Exception {
        try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
            assertThatThrownBy(() -> openInTheOther(file))
                    .cause()
                    .hasMessageContainingAll(file.toString(), "another copy of the SQLite driver", "close the other");
            assertThat(store.jobs(1)).isEmpty();
        }

        try (AutoCloseable theirs = openInTheOther(file)) {
            assertThat(theirs).isNotNull();
            assertThatThrownBy(() -> JdbcStore.openSqlite(file))
                    .isInstanceOfSatisfying(
                            StoreException.class,
                            refused -> assertThat(refused.kind()).isEqualTo(StoreException.Kind.PERMANENT))
                    .hasMessageContaining("org.xerial:sqlite-jdbc");
        }
        JdbcStore.openSqlite(file).close();
    }

    @Test
    void aFileStaysWithItsCopyUntilAllStoresAreClosed() throws Exception {
        EmbeddingStore first = JdbcStore.openSqlite(file);
        try (EmbeddingStore second = JdbcStore.openSqlite(file)) {
            assertThat(second.jobs(1)).isEmpty();
            first.close();
            first.close();

            assertThatThrownBy(() -> openInTheOther(file)).cause().hasMessageContaining("another copy");
        }
        openInTheOther(file).close();
    }

    @Test
    void aLinkIsTheFileThatItLeadsTo() throws Exception {
        try (EmbeddingStore store = JdbcStore.openSqlite(file)) {
            Path link = Files.createSymbolicLink(folder.resolve("link.db"), file);

            assertThatThrownBy(() -> openInTheOther(link)).cause().hasMessageContaining("another copy");
            assertThat(store.generations()).isEmpty();
        }
    }

    @Test
    void anotherFileIsNoneOfItsBusiness() throws Exception {
        try (EmbeddingStore ours = JdbcStore.openSqlite(file);
                AutoCloseable theirs = openInTheOther(folder.resolve("another.db"))) {
            assertThat(ours.jobs(1)).isEmpty();
            assertThat(theirs).isNotNull();
        }
    }

    @Test
    void whatCannotBeOpenedIsNotNoted() throws Exception {
        Files.writeString(file, "This is no database, but a text of some length that stands in the file.".repeat(20));

        assertThatThrownBy(() -> JdbcStore.openSqlite(file)).isInstanceOf(StoreException.class);

        Files.delete(file);
        openInTheOther(file).close();
    }
}
