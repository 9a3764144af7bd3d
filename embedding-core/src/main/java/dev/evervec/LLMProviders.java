package dev.evervec;

import dev.evervec.config.ConfigException;
import dev.evervec.config.LlmConfig;
import dev.evervec.config.RewriteSettings;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderFactories;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.resilience.Resilience;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes providers that are ready for use: found on the class path by name and decorated with {@link Resilience}, so that
 * retries, waits for quota and pacing are done by the library and by nobody else.
 *
 * <p>Whoever creates a provider closes it. Create one per model and share it: live calls and builds on the same provider
 * share its quota.
 */
public final class LLMProviders {
    private LLMProviders() {}

    /**
     * The provider that is configured for this capability. Makes no call.
     *
     * @throws IllegalArgumentException if rewriting is asked for and not configured
     * @throws ConfigException if the provider refuses a setting, or its SDK is not on the class path
     */
    public static LLMProvider create(LlmConfig config, Capability capability) {
        return create(config.name(), settings(config, capability), ProviderFactories.onClassPath());
    }

    /**
     * A provider with these settings. Makes no call.
     *
     * @throws ConfigException if no provider of that name is on the class path, it refuses a setting, or its SDK is not
     *     on the class path
     */
    public static LLMProvider create(ProviderSettings settings) {
        return create(settings, ProviderFactories.onClassPath());
    }

    static LLMProvider create(ProviderSettings settings, ProviderFactories factories) {
        return create("provider settings", settings, factories);
    }

    private static ProviderSettings settings(LlmConfig config, Capability capability) {
        return switch (capability) {
            case EMBEDDING -> config.embedding();
            case REWRITE ->
                config.rewrite()
                        .map(RewriteSettings::provider)
                        .orElseThrow(
                                () -> new IllegalArgumentException(
                                        config.name()
                                                + " configures no rewriting: add [llm.models.rewrite] or check LlmConfig.rewrite() first"));
        };
    }

    private static LLMProvider create(String source, ProviderSettings settings, ProviderFactories factories) {
        String name = settings.provider();
        LLMProviderFactory factory =
                factories.find(name).orElseThrow(() -> problem(source, settings, factories.explainMissing(name), null));
        try {
            return Resilience.decorate(factory.create(settings), settings, factory.quotaUnit());
        } catch (IllegalArgumentException e) {
            throw problem(source, settings, "provider " + name + " refuses a setting: " + e.getMessage(), e);
        } catch (LinkageError e) {
            String message = "provider " + name + " cannot be used because a class that it needs is missing ("
                    + e.getMessage() + "): check that its SDK is on the class path";
            throw problem(source, settings, message, e);
        }
    }

    private static ConfigException problem(
            String source, ProviderSettings settings, String message, @Nullable Throwable cause) {
        String key = "llm.models." + settings.capability().configName();
        ConfigException exception = new ConfigException(source, List.of(new ConfigException.Problem(0, key, message)));
        exception.initCause(cause);
        return exception;
    }
}
