package dev.evervec.examples;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcRecordSource;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Path;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The program of the README's first screen, with what a host has around it: how a host application embeds its own table.
 * Started in a folder that has a {@code config.toml}; leaves {@code embeddings.db} there.
 */
public final class HostProgram {
    private static final Logger log = LoggerFactory.getLogger(HostProgram.class);

    private final DataSource dataSource;

    /** A host with the table {@code problems}, which has the columns {@code id}, {@code title} and {@code content}. */
    public HostProgram(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    /** Embeds every row that is new, changed or left over, and prints the report. */
    public void run() {
        // README begins
        LlmConfig config = LlmConfig.load(Path.of("config.toml"));
        try (LLMProvider provider = LLMProviders.create(config, Capability.EMBEDDING);
                EmbeddingStore store = JdbcStore.openSqlite(Path.of("embeddings.db"))) {
            BuildPipeline pipeline = BuildPipeline.builder()
                    .records(JdbcRecordSource.of(dataSource, "select id, title, content from problems"))
                    .embedder(provider)
                    .store(store)
                    .listener(new BuildListener() {
                        @Override
                        public void onProgress(BuildProgress progress) {
                            log.info(
                                    "{} of {}",
                                    progress.embed().done(),
                                    progress.embed().total());
                        }
                    })
                    .build();
            BuildReport report = pipeline.run(BuildRequest.all());
            System.out.println(report.toJson());
        }
        // README ends
    }
}
