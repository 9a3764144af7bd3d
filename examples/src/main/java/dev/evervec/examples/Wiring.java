package dev.evervec.examples;

import dev.evervec.LLMProviders;
import dev.evervec.config.LlmConfig;
import dev.evervec.config.RecordsSettings;
import dev.evervec.config.RewriteSettings;
import dev.evervec.config.StoreSettings;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.source.JsonLinesSource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.store.jdbc.JdbcRecordSource;
import dev.evervec.store.jdbc.JdbcStore;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Makes what a configuration describes, and closes what it made. */
final class Wiring implements AutoCloseable {
    private final LlmConfig config;
    private final LLMProvider embedder;
    private final @Nullable LLMProvider rewriter;
    private @Nullable JdbcStore store;

    private Wiring(LlmConfig config, LLMProvider embedder, @Nullable LLMProvider rewriter) {
        this.config = config;
        this.embedder = embedder;
        this.rewriter = rewriter;
    }

    static Wiring of(LlmConfig config) {
        return of(config, OptionalInt.empty());
    }

    /** {@code textsPerRequest}: overrides the configuration if it is there. */
    static Wiring of(LlmConfig config, OptionalInt textsPerRequest) {
        LLMProvider embedder = textsPerRequest.isEmpty()
                ? LLMProviders.create(config, Capability.EMBEDDING)
                : LLMProviders.create(embedding(config, textsPerRequest.getAsInt()));
        try {
            LLMProvider rewriter =
                    config.rewrite().isPresent() ? LLMProviders.create(config, Capability.REWRITE) : null;
            return new Wiring(config, embedder, rewriter);
        } catch (RuntimeException | Error e) {
            embedder.close();
            throw e;
        }
    }

    private static ProviderSettings embedding(LlmConfig config, int textsPerRequest) {
        if (textsPerRequest < 1) {
            throw new UsageException("--batch-size must be at least 1, not " + textsPerRequest);
        }
        return config.embedding().withMaxTextsPerRequest(textsPerRequest);
    }

    LLMProvider embedder() {
        return embedder;
    }

    @Nullable
    LLMProvider rewriter() {
        return rewriter;
    }

    /** What the vectors of this configuration are. */
    Fingerprint fingerprint() {
        String rewrite = rewriter == null
                ? ""
                : config.rewrite()
                        .map(RewriteSettings::promptTemplate)
                        .map(prompt -> Fingerprint.ofRewrite(rewriter.model(), prompt))
                        .orElse("");
        return new Fingerprint(embedder.model(), rewrite);
    }

    RecordSource records() {
        RecordsSettings records = config.records()
                .orElseThrow(() -> new UsageException(config.name()
                        + " does not say where the records are: add a [records] table with jsonl = \"records.jsonl\", or"
                        + " with jdbc_url and query"));
        if (records instanceof RecordsSettings.Sql sql) {
            return JdbcRecordSource.of(sql.jdbcUrl(), sql.query());
        }
        return JsonLinesSource.of(((RecordsSettings.JsonLines) records).file());
    }

    /** The store, made if it is not there. */
    JdbcStore store() {
        if (store == null) {
            store = JdbcStore.open(storeSettings());
        }
        return store;
    }

    /** From now on the store is only looked at, and not made if it is not there. */
    void onlyLookAtStore() {
        store = JdbcStore.openForReading(storeSettings());
    }

    /** The store of earlier builds: looking something up must leave neither an empty database nor empty tables behind. */
    JdbcStore existingStore() {
        if (store == null) {
            requireTables(storeSettings());
        }
        return store();
    }

    private static void requireTables(StoreSettings settings) {
        try (JdbcStore looking = JdbcStore.openForReading(settings)) {
            if (looking.schemaVersion() == 0) {
                throw new UsageException("there is no store in " + looking.location() + " yet: run a build first");
            }
        }
    }

    private StoreSettings storeSettings() {
        return storeSettings(config);
    }

    /** Where the store is. */
    static StoreSettings storeSettings(LlmConfig config) {
        return config.store()
                .orElseThrow(
                        () -> new UsageException(
                                config.name()
                                        + " does not say where vectors are kept: add a [store] table with url = \"jdbc:sqlite:embeddings.db\""));
    }

    /** A pipeline over these parts, with everything else as configured. */
    BuildPipeline.Builder pipeline(RecordSource records) {
        BuildPipeline.Builder builder = BuildPipeline.builder()
                .records(records)
                .embedder(embedder)
                .store(store())
                .settings(config.build())
                .logs(config.logsDir());
        if (rewriter != null) {
            config.rewrite().ifPresent(rewrite -> builder.rewriter(rewriter, rewrite.promptTemplate()));
        }
        return builder;
    }

    @Override
    public void close() {
        if (store != null) {
            store.close();
        }
        if (rewriter != null) {
            rewriter.close();
        }
        embedder.close();
    }
}
