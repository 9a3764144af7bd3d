package dev.evervec.store.jdbc;

import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.EmbeddingStoreContract;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

class SqliteStoreTest extends EmbeddingStoreContract {
    @TempDir
    private Path folder;

    @Override
    protected EmbeddingStore openEmpty() {
        return JdbcStore.openSqlite(folder.resolve("store.db"));
    }
}
