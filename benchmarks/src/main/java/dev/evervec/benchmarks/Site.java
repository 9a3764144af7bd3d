package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.GeneratedSource;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.store.jdbc.EmbeddingQueue;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A host with a database of its own, its outbox, and a store that something may be built in. */
final class Site implements AutoCloseable {
    private static final Duration PROVIDER_LATENCY = Duration.ofMillis(100);

    private final Path folder;
    private final EmbeddingStore store;
    private final EmbeddingQueue queue;
    private final Connection host;
    private final @Nullable BuildRun run;

    private Site(Path folder, EmbeddingStore store, EmbeddingQueue queue, Connection host, @Nullable BuildRun run) {
        this.folder = folder;
        this.store = store;
        this.queue = queue;
        this.host = host;
        this.run = run;
    }

    static Site open(boolean sharedFile, boolean building) throws IOException, SQLException {
        Path folder = Files.createTempDirectory("evervec-benchmark");
        Path app = folder.resolve("app.db");
        EmbeddingStore store = JdbcStore.openSqlite(sharedFile ? app : folder.resolve("embeddings.db"));
        Connection host = DriverManager.getConnection("jdbc:sqlite:" + app
                + "?journal_mode=WAL&synchronous=NORMAL&transaction_mode=IMMEDIATE&busy_timeout=5000");
        try (Statement statement = host.createStatement()) {
            statement.execute("create table host_order (id integer primary key, text text not null)");
        }
        EmbeddingQueue queue = EmbeddingQueue.inSqlite(app);
        queue.createTableIfMissing();
        BuildRun run = building ? build(store) : null;
        return new Site(folder, store, queue, host, run);
    }

    private static BuildRun build(EmbeddingStore store) {
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(new GeneratedSource(Long.MAX_VALUE, 500))
                .embedder(new SteadyProvider(PROVIDER_LATENCY))
                .store(store)
                .build();
        return pipeline.start(BuildRequest.all());
    }

    EmbeddingQueue queue() {
        return queue;
    }

    /** A connection of the host, with auto-commit. */
    Connection host() {
        return host;
    }

    /** Records stored so far, or 0 without a build. */
    long built() {
        return run == null ? 0 : run.progress().embed().done();
    }

    @Override
    public void close() throws IOException, SQLException {
        if (run != null) {
            run.cancel();
            run.result();
        }
        queue.close();
        host.close();
        store.close();
        delete(folder);
    }

    static void delete(Path folder) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.delete(path);
        }
    }
}
