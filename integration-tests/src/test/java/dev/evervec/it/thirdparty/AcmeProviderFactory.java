package dev.evervec.it.thirdparty;

import com.google.auto.service.AutoService;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderSettings;
import java.util.List;
import java.util.OptionalInt;

/** Makes the provider {@code acme-letters}, which needs a key although nothing leaves the process. */
@AutoService(LLMProviderFactory.class)
public final class AcmeProviderFactory implements LLMProviderFactory {
    static final String NAME = "acme-letters";
    static final String MODEL = "letters-1";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public LLMProvider create(ProviderSettings settings) {
        if (!settings.model().equals(MODEL)) {
            throw new IllegalArgumentException("name: " + NAME + " has the model " + MODEL + " only");
        }
        return new AcmeProvider(settings);
    }

    @Override
    public boolean needsKey() {
        return true;
    }

    @Override
    public List<String> keyVariables() {
        return List.of("ACME_LETTERS_KEY");
    }

    @Override
    public OptionalInt defaultDimension(String model) {
        return OptionalInt.of(128);
    }
}
