package dev.evervec.it;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.ShortLease;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.JsonLinesSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A build in a process of its own, as a host or the command line would run it: JSON Lines, OpenAI's SDK, a store, logs. It
 * begins when a byte comes on its standard input, prints its report, and leaves with 0 if no record failed, 1 if one did,
 * and 2 if no job began.
 */
final class KilledBuild {
    static final String MODEL = "text-embedding-3-small";
    static final int DIMENSION = 16;
    static final int BATCH_SIZE = 8;
    static final int MAX_IN_FLIGHT = 4;
    static final int WORKERS = 4;
    static final String PROMPT = "Put it plainly: ";
    static final String RECORDS = "records.jsonl";
    static final String DATABASE = "vectors.db";
    static final String LOGS = "logs";
    static final String READY = "ready";

    /** Whether texts are rewritten before they are embedded. */
    enum Mode {
        PLAIN,
        REWRITING
    }

    private KilledBuild() {}

    /** The arguments: folder, address of the provider, mode, job id, address of the store, lease in milliseconds. */
    public static void main(String[] args) throws IOException {
        System.out.println(READY);
        if (System.in.read() < 0) {
            System.exit(3);
        }
        KillStore store = new KillStore(args[4], Duration.ofMillis(Long.parseLong(args[5])));
        System.exit(run(Path.of(args[0]), args[1], Mode.valueOf(args[2]), args[3], store));
    }

    private static int run(Path folder, String url, Mode mode, String jobId, KillStore place) {
        LlmConfig config = config(url, mode);
        try (LLMProvider embedder = LLMProviders.create(config, Capability.EMBEDDING);
                LLMProvider rewriter = rewriter(config);
                EmbeddingStore store = place.open()) {
            BuildPipeline.Builder builder = BuildPipeline.builder()
                    .records(JsonLinesSource.of(folder.resolve(RECORDS)))
                    .embedder(embedder)
                    .store(store)
                    .logs(folder.resolve(LOGS));
            if (rewriter != null) {
                builder.rewriter(rewriter, PROMPT + "{text}");
            }
            BuildReport report = ShortLease.of(place.lease(), builder)
                    .build()
                    .run(BuildRequest.all().jobId(jobId));
            System.out.println(report.toJson());
            return report.state() == BuildReport.State.COMPLETED ? 0 : 1;
        } catch (JobRefusedException e) {
            System.out.println(e.getMessage());
            return 2;
        }
    }

    /** What the vectors of such a build are. */
    static Fingerprint fingerprint(Mode mode) {
        LlmConfig config = config("http://127.0.0.1:1", mode);
        try (LLMProvider embedder = LLMProviders.create(config, Capability.EMBEDDING);
                LLMProvider rewriter = rewriter(config)) {
            return new Fingerprint(
                    embedder.model(),
                    rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), PROMPT + "{text}"));
        }
    }

    private static LLMProvider rewriter(LlmConfig config) {
        return config.rewrite().isPresent() ? LLMProviders.create(config, Capability.REWRITE) : null;
    }

    static LlmConfig config(String url, Mode mode) {
        String toml = """
                [llm]
                provider = "openai"
                api_key = "%s"
                base_url = "%s/v1"
                [llm.models.embedding]
                name = "%s"
                dim = %d
                send_dimensions = "always"
                batch_size = %d
                max_in_flight = %d
                """.formatted(Vendor.KEY, url, MODEL, DIMENSION, BATCH_SIZE, MAX_IN_FLIGHT);
        String rewrite = """
                [llm.models.rewrite]
                name = "gpt-4o-mini"
                workers = %d
                """.formatted(WORKERS);
        return LlmConfig.parse(mode == Mode.REWRITING ? toml + rewrite : toml, "killed.toml", Path.of("."));
    }
}
