package dev.evervec.examples;

import dev.evervec.config.LlmConfig;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option {@code --config} that every command has. */
final class ConfigOption {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = {
                "Configuration in TOML: models, records, store. Every key is explained in config.toml.example (in the jar"
                        + " under dev/evervec/config). Without it: the bundled samples, the local model, and the SQLite"
                        + " file evervec-example.db in this folder."
            })
    private @Nullable Path file;

    LlmConfig load(Shell shell) {
        return file == null ? BundledExample.config(shell.folder()) : LlmConfig.load(shell.file(file));
    }

    boolean isBundled() {
        return file == null;
    }
}
