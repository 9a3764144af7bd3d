package dev.evervec.benchmarks.contest;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.JsonLinesSource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** All of it: records from a file of JSON Lines, a new SQLite file, progress and logs. */
public class WholePipeline implements Contender {
    private final Workplace place;
    private final LLMProvider embedder;
    private final @Nullable LLMProvider rewriter;
    private @Nullable RecordSource records;
    private Path storeFile = Path.of("");

    /** Is told of the progress, which is put into words, as a host's display would be. */
    private static final class Watcher implements BuildListener {
        private final AtomicLong charactersHeard = new AtomicLong();

        @Override
        public void onProgress(BuildProgress progress) {
            charactersHeard.addAndGet(progress.toString().length());
        }
    }

    /** One for the task. */
    public WholePipeline(Task task) throws IOException {
        this.place = new Workplace(task.characters());
        this.embedder = OwnProvider.embedder(task);
        this.rewriter = task.rewrites() > 0 ? OwnProvider.rewriter(task) : null;
    }

    @Override
    public void prepare(int texts) throws IOException {
        records = source(texts);
        storeFile = place.newStore();
    }

    /** The records of a run; asked for before it. */
    RecordSource source(int texts) throws IOException {
        return JsonLinesSource.of(place.records(texts));
    }

    @Override
    public void run(int texts) {
        try (EmbeddingStore store = JdbcStore.openSqlite(storeFile)) {
            BuildReport report = pipeline(store).run(BuildRequest.all());
            if (report.succeeded() != texts) {
                throw new IllegalStateException(report.succeeded() + " of " + texts + " records were embedded");
            }
        }
    }

    private BuildPipeline pipeline(EmbeddingStore store) {
        BuildPipeline.Builder builder = BuildPipeline.builder()
                .records(Objects.requireNonNull(records))
                .embedder(embedder)
                .store(store)
                .logs(place.logs())
                .listener(new Watcher());
        if (rewriter != null) {
            builder.rewriter(rewriter, "Say this in short: {text}");
        }
        return builder.build();
    }

    @Override
    public void close() throws IOException {
        embedder.close();
        if (rewriter != null) {
            rewriter.close();
        }
        place.close();
    }
}
