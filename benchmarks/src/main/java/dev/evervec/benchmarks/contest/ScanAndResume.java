package dev.evervec.benchmarks.contest;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.BuildRun;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;

/** A build that is cancelled when all records have been read, and another one that goes on with what it left, as far as that. */
public final class ScanAndResume implements Contender {
    private final Task task;
    private final Workplace place;
    private final LLMProvider embedder;

    /** One for the task. */
    public ScanAndResume(Task task) throws IOException {
        this.task = task;
        this.place = new Workplace(task.characters());
        this.embedder = OwnProvider.embedder(task);
    }

    @Override
    public void run(int texts) throws Exception {
        try (EmbeddingStore store = JdbcStore.openSqlite(place.newStore())) {
            BuildReport first = untilScanned(store, texts);
            BuildReport second = untilScanned(store, texts);
            if (first.totalPending() != texts || second.totalPending() + first.succeeded() != texts) {
                throw new IllegalStateException("found " + first.totalPending() + " of " + texts + " records, then "
                        + second.totalPending() + " besides " + first.succeeded());
            }
        }
    }

    private BuildReport untilScanned(EmbeddingStore store, int texts) throws InterruptedException {
        CountDownLatch scanned = new CountDownLatch(1);
        BuildRun run = BuildPipeline.builder()
                .records(new GeneratedSource(texts, task.characters()))
                .embedder(embedder)
                .store(store)
                .listener(new BuildListener() {
                    @Override
                    public void onProgress(BuildProgress progress) {
                        if (progress.phase() != BuildProgress.Phase.SCANNING) {
                            scanned.countDown();
                        }
                    }

                    @Override
                    public void onEnd(BuildReport report) {
                        scanned.countDown();
                    }
                })
                .build()
                .start(BuildRequest.all());
        scanned.await();
        run.cancel();
        return run.result();
    }

    @Override
    public void close() throws IOException {
        embedder.close();
        place.close();
    }
}
