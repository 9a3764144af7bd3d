package dev.evervec.config;

import dev.evervec.provider.ProviderFactories;
import dev.evervec.provider.ProviderSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The configuration, read from a TOML file, checked as a whole and resolved: models, keys and endpoints per capability,
 * where records and results are, how patient a build is, what counts as healthy, where the admin page is.
 *
 * <p>Everything wrong with a file is reported at once, by one {@link ConfigException} with a line for each problem. Every
 * key is explained in {@code config.toml.example} beside this class. Keys come from the model's table, then from the
 * section ({@code [llm]}), then from the environment variables that the provider names; an empty string counts as absent.
 * A capability whose provider is not the section's inherits neither its key nor its base URL. Relative files are resolved
 * against the folder of the configuration file, so that the same file gives the same result wherever the program is
 * started.
 *
 * <p>Immutable. Shows no key, no password and no secret.
 */
public final class LlmConfig {
    private static final Logger LOG = LoggerFactory.getLogger(LlmConfig.class);

    private final String name;
    private final ProviderSettings embedding;
    private final @Nullable RewriteSettings rewrite;
    private final @Nullable RecordsSettings records;
    private final @Nullable StoreSettings store;
    private final BuildSettings build;
    private final HealthSettings health;
    private final ServeSettings serve;
    private final Path logsDir;
    private final List<String> warnings;

    LlmConfig(
            String name,
            ProviderSettings embedding,
            @Nullable RewriteSettings rewrite,
            @Nullable RecordsSettings records,
            @Nullable StoreSettings store,
            BuildSettings build,
            HealthSettings health,
            ServeSettings serve,
            Path logsDir,
            List<String> warnings) {
        this.name = Objects.requireNonNull(name, "name");
        this.embedding = Objects.requireNonNull(embedding, "embedding");
        this.rewrite = rewrite;
        this.records = records;
        this.store = store;
        this.build = Objects.requireNonNull(build, "build");
        this.health = Objects.requireNonNull(health, "health");
        this.serve = Objects.requireNonNull(serve, "serve");
        this.logsDir = Objects.requireNonNull(logsDir, "logsDir");
        this.warnings = List.copyOf(warnings);
    }

    /**
     * Reads a configuration file, with the environment of this process and the providers on the class path. Relative
     * files in it are resolved against its folder.
     *
     * @throws ConfigException if the file cannot be read or anything in it is wrong
     */
    public static LlmConfig load(Path file) {
        return logged(new ConfigParser(System.getenv(), ProviderFactories.onClassPath()).load(file));
    }

    /**
     * Reads a configuration from a string, otherwise like {@link #load}.
     *
     * @param toml the text of a configuration file
     * @param name how messages call it
     * @param baseDir the folder that relative files are resolved against
     * @throws ConfigException if anything in it is wrong
     */
    public static LlmConfig parse(String toml, String name, Path baseDir) {
        return logged(new ConfigParser(System.getenv(), ProviderFactories.onClassPath()).parse(toml, name, baseDir));
    }

    /** The same with this environment and these providers. */
    static LlmConfig parse(
            String toml, String name, Path baseDir, Map<String, String> environment, ProviderFactories factories) {
        return new ConfigParser(environment, factories).parse(toml, name, baseDir);
    }

    private static LlmConfig logged(LlmConfig config) {
        config.warnings.forEach(warning -> LOG.warn("{}: {}", config.name, warning));
        return config;
    }

    /** How messages call the file. */
    public String name() {
        return name;
    }

    /** The model that embeds. */
    public ProviderSettings embedding() {
        return embedding;
    }

    /** The model that rewrites texts before they are embedded; empty if they are embedded as they are. */
    public Optional<RewriteSettings> rewrite() {
        return Optional.ofNullable(rewrite);
    }

    /** Where the command line reads records from, if the file says so. */
    public Optional<RecordsSettings> records() {
        return Optional.ofNullable(records);
    }

    /** Where ledger and vectors are kept, if the file says so. */
    public Optional<StoreSettings> store() {
        return Optional.ofNullable(store);
    }

    /** How patient and how strict a build is; {@link BuildSettings#DEFAULT} where the file says nothing. */
    public BuildSettings build() {
        return build;
    }

    /** Which thresholds a healthy state keeps; {@link HealthSettings#NONE} where the file says nothing. */
    public HealthSettings health() {
        return health;
    }

    /** Where the admin page of the command line is; {@link ServeSettings#DEFAULT} where the file says nothing. */
    public ServeSettings serve() {
        return serve;
    }

    /** The folder for job logs and progress files; {@code logs} beside the configuration file unless the file says else. */
    public Path logsDir() {
        return logsDir;
    }

    /** What works but should be changed. {@link #load} and {@link #parse} have logged each of them already. */
    public List<String> warnings() {
        return warnings;
    }

    @Override
    public String toString() {
        return "LlmConfig[name=" + name + ", embedding=" + embedding + ", rewrite=" + rewrite + ", records=" + records
                + ", store=" + store + ", build=" + build + ", health=" + health + ", serve=" + serve + ", logsDir="
                + logsDir + "]";
    }
}
