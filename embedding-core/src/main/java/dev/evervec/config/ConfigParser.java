package dev.evervec.config;

import dev.evervec.provider.ProviderFactories;
import java.nio.file.Path;
import java.util.Map;

/** Reads a configuration. */
final class ConfigParser {
    private final Map<String, String> environment;
    private final ProviderFactories factories;

    ConfigParser(Map<String, String> environment, ProviderFactories factories) {
        this.environment = environment;
        this.factories = factories;
    }

    LlmConfig load(Path file) {
        throw new UnsupportedOperationException(file + " " + environment.size());
    }

    LlmConfig parse(String toml, String name, Path baseDir) {
        throw new UnsupportedOperationException(name + " " + factories);
    }
}
