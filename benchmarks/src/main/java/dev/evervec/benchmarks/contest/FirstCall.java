package dev.evervec.benchmarks.contest;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcRecordSource;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;

/**
 * Everything from nothing to the end of the first call, which a new process measures with all its classes still to be loaded. With
 * no texts at all it is a whole build on an empty table.
 */
public final class FirstCall implements Contender {
    private final Task task;
    private final Workplace place;

    /** One for the task. */
    public FirstCall(Task task) throws IOException {
        this.task = task;
        this.place = new Workplace(task.characters());
    }

    @Override
    public void run(int texts) throws Exception {
        CountDownLatch called = new CountDownLatch(texts == 0 ? 0 : 1);
        try (LLMProvider provider = OwnProvider.embedder(task);
                EmbeddingStore store = JdbcStore.openSqlite(place.newStore())) {
            BuildRun run = BuildPipeline.builder()
                    .records(source(texts))
                    .embedder(provider)
                    .store(store)
                    .listener(new BuildListener() {
                        @Override
                        public void onCall(ProviderCall call) {
                            called.countDown();
                        }
                    })
                    .build()
                    .start(BuildRequest.all());
            called.await();
            if (texts > 0) {
                run.cancel();
            }
            run.result();
        }
    }

    private RecordSource source(int texts) throws IOException, SQLException {
        if (texts > 0) {
            return new GeneratedSource(texts, task.characters());
        }
        Path database = place.newStore();
        String url = "jdbc:sqlite:" + database;
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("create table article (id integer primary key, content text not null)");
        }
        return JdbcRecordSource.of(url, "select id, content from article");
    }

    @Override
    public void close() throws IOException {
        place.close();
    }
}
