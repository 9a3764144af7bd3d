package dev.evervec.it.admin;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.LLMProvider;
import java.nio.file.Path;

/** What a host does once, when it starts. */
final class Host {
    private Host() {}

    static EmbeddingJobs jobs(RecordSource records, LLMProvider embedder, EmbeddingStore store) {
        // docs/admin-page.md begins
        BuildPipeline pipeline = BuildPipeline.builder()
                .records(records)
                .embedder(embedder)
                .store(store)
                .logs(Path.of("logs")) // for output and phases of jobs that this process did not run
                .build();
        EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline).build();
        // docs/admin-page.md ends
        return jobs;
    }
}
