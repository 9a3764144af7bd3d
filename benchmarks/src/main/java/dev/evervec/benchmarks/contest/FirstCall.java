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
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CountDownLatch;
import org.slf4j.LoggerFactory;

/**
 * Everything to the end of the first call, which a new process measures with all of this library's classes still to be loaded. With
 * no texts at all it is a whole build on an empty table.
 */
public final class FirstCall implements Contender {
    private final Task task;
    private final Workplace place;
    private RecordSource source = new GeneratedSource(0, 0);

    /** One for the task. */
    public FirstCall(Task task) throws IOException {
        this.task = task;
        this.place = new Workplace(task.characters());
    }

    /** What a host has had to do with before: its table with its driver, and its log. */
    @Override
    public void prepare(int texts) throws IOException {
        LoggerFactory.getLogger(FirstCall.class).debug("{} texts", texts);
        source = texts > 0 ? new GeneratedSource(texts, task.characters()) : emptyTable();
    }

    private RecordSource emptyTable() throws IOException {
        String url = "jdbc:sqlite:" + place.hostDatabase();
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("create table if not exists article (id integer primary key, content text not null)");
        } catch (SQLException e) {
            throw new IOException("cannot make an empty table", e);
        }
        return JdbcRecordSource.of(url, "select id, content from article");
    }

    @Override
    public void run(int texts) throws Exception {
        CountDownLatch called = new CountDownLatch(texts == 0 ? 0 : 1);
        try (LLMProvider provider = OwnProvider.embedder(task);
                EmbeddingStore store = JdbcStore.openSqlite(place.newStore())) {
            BuildRun run = BuildPipeline.builder()
                    .records(source)
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

    @Override
    public void close() throws IOException {
        place.close();
    }
}
