package dev.evervec.it;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.ShortLease;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * One worker of many on a PostgreSQL store, in a process of its own: generated records, OpenAI's SDK. It begins when a byte
 * comes on its standard input, prints what stopped it, if anything did, and its report, and leaves with 0 if no record failed, 1 if one did, and 2 if no job began.
 */
final class SharedBuild {
    static final int BATCH_SIZE = 16;
    static final int MAX_IN_FLIGHT = 4;

    /** Texts of one worker that may be with the provider, or answered and not yet committed. */
    static final int MOST_TEXTS = (MAX_IN_FLIGHT + 2) * BATCH_SIZE;

    /**
     * What one worker is to do.
     *
     * @param name tells its connections from those of others
     * @param storeUrl where ledger and vectors are
     * @param records how many there are
     * @param lease after how long without a sign of life it is taken for dead
     */
    record Settings(String name, String storeUrl, int records, Duration lease) {
        String[] arguments(String providerUrl) {
            return new String[] {
                storeUrl + "&ApplicationName=" + name,
                providerUrl,
                Integer.toString(records),
                Long.toString(lease.toMillis())
            };
        }
    }

    private SharedBuild() {}

    /** The arguments: store, provider, number of records, lease in milliseconds. */
    public static void main(String[] args) throws IOException {
        System.out.println(KilledBuild.READY);
        if (System.in.read() < 0) {
            System.exit(3);
        }
        Thread parent = new Thread(SharedBuild::endWithParent, "parent");
        parent.setDaemon(true);
        parent.start();
        System.exit(run(args[0], args[1], Integer.parseInt(args[2]), Duration.ofMillis(Long.parseLong(args[3]))));
    }

    /** Nobody else would end it. */
    private static void endWithParent() {
        try {
            while (System.in.read() >= 0) {
                // Waits for the end of the input.
            }
        } catch (IOException e) {
            // As good as the end.
        }
        Runtime.getRuntime().halt(4);
    }

    private static int run(String storeUrl, String providerUrl, int records, Duration lease) {
        try (LLMProvider embedder = LLMProviders.create(config(providerUrl), Capability.EMBEDDING);
                EmbeddingStore store = open(storeUrl)) {
            BuildPipeline.Builder pipeline = BuildPipeline.builder()
                    .records(GeneratedRecords.sound(records))
                    .embedder(embedder)
                    .store(store);
            BuildReport report = ShortLease.of(lease, pipeline).build().run(BuildRequest.all());
            report.stopCause().ifPresent(System.out::println);
            System.out.println(report.toJson());
            return report.state() == BuildReport.State.COMPLETED ? 0 : 1;
        } catch (StoreException | JobRefusedException e) {
            System.out.println(e.getMessage());
            return 2;
        }
    }

    static EmbeddingStore open(String url) {
        return JdbcStore.open(new StoreSettings(url, null, null, null));
    }

    /** What the vectors of such builds are. */
    static Fingerprint fingerprint() {
        try (LLMProvider embedder = LLMProviders.create(config("http://127.0.0.1:1"), Capability.EMBEDDING)) {
            return new Fingerprint(embedder.model(), "");
        }
    }

    private static LlmConfig config(String url) {
        return LlmConfig.parse(
                """
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
                """.formatted(Vendor.KEY, url, KilledBuild.MODEL, KilledBuild.DIMENSION, BATCH_SIZE, MAX_IN_FLIGHT),
                "shared.toml",
                Path.of("."));
    }
}
