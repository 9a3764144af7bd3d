package dev.evervec.it;

import dev.evervec.config.StoreSettings;
import dev.evervec.store.jdbc.EmbeddingQueue;
import dev.evervec.store.jdbc.HostColumn;
import dev.evervec.store.jdbc.JdbcStore;
import dev.evervec.store.jdbc.TriggerSpec;
import java.util.List;

/** What {@code docs/live.md} and {@code docs/postgresql.md} tell a host on PostgreSQL to write. */
final class PostgresHost {
    private PostgresHost() {}

    static JdbcStore store(StoreSettings settings) {
        // docs/postgresql.md begins
        JdbcStore store = JdbcStore.builder(settings)
                .alsoWrite(HostColumn.update("update app.question set embedding = :embedding where id = :id")
                        .forSource("questions"))
                .open();
        // docs/postgresql.md ends
        return store;
    }

    static List<String> triggers() {
        // docs/live.md begins
        TriggerSpec questions = TriggerSpec.on("question")
                .inSchema("app")
                .id("id")
                .source("questions") // or sourceColumn("kind")
                .watching("title", "body")
                .build();
        List<String> statements = EmbeddingQueue.triggerDdl(EmbeddingQueue.Database.POSTGRESQL, questions);
        // docs/live.md ends
        return statements;
    }
}
