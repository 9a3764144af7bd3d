package dev.evervec.config;

import dev.evervec.provider.ProviderFactories;
import java.nio.file.Path;
import java.util.Map;

/** Lets tests of other packages read a configuration with an environment of their own. */
public final class TestConfigs {
    private TestConfigs() {}

    public static LlmConfig parse(
            String toml, Path baseDir, Map<String, String> environment, ProviderFactories factories) {
        return LlmConfig.parse(toml, "test.toml", baseDir, environment, factories);
    }
}
