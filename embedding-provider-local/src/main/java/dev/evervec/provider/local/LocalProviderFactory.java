package dev.evervec.provider.local;

import com.google.auto.service.AutoService;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderSettings;
import java.util.OptionalInt;

/**
 * Makes {@linkplain LocalProvider local providers}, under the name {@code local}: embedding only, no key. Of the settings
 * only the model ({@value LocalProvider#MODEL}), the dimension (256 if left out), the texts per request and the call
 * policy have a meaning; the others are ignored. Thread-safe.
 */
@AutoService(LLMProviderFactory.class)
public final class LocalProviderFactory implements LLMProviderFactory {
    /** The name used in the configuration. */
    public static final String NAME = "local";

    private static final int DEFAULT_DIMENSION = 256;

    /** For the service loader. */
    public LocalProviderFactory() {}

    @Override
    public String name() {
        return NAME;
    }

    /**
     * Makes a provider.
     *
     * @throws IllegalArgumentException if it is asked to rewrite, or for a model that it does not know
     */
    @Override
    public LLMProvider create(ProviderSettings settings) {
        if (settings.capability() != Capability.EMBEDDING) {
            throw new IllegalArgumentException(
                    "provider: " + NAME + " does not rewrite, it only embeds; choose another provider for "
                            + settings.capability().configName());
        }
        if (!settings.model().equals(LocalProvider.MODEL)) {
            throw new IllegalArgumentException("model: " + NAME + " does not know '" + settings.model()
                    + "'; its models are: " + LocalProvider.MODEL);
        }
        return new LocalProvider(settings);
    }

    @Override
    public boolean supports(Capability capability) {
        return capability == Capability.EMBEDDING;
    }

    @Override
    public OptionalInt defaultDimension(String model) {
        return OptionalInt.of(DEFAULT_DIMENSION);
    }
}
