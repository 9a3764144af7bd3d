package dev.evervec.examples;

import dev.evervec.config.LlmConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option {@code --config} that every command has. */
final class ConfigOption {
    private static final String USUAL_NAME = "config.toml";

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
        if (file != null) {
            return LlmConfig.load(shell.file(file));
        }
        if (Files.exists(shell.folder().resolve(USUAL_NAME))) {
            shell.err()
                    .println("evervec: " + USUAL_NAME + " in this folder is not used: give it with --config "
                            + USUAL_NAME + ". Working on the bundled samples.");
        }
        return BundledExample.config(shell.folder());
    }

    boolean isBundled() {
        return file == null;
    }
}
