package dev.evervec.provider.gemini;

import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;

/** The main class of a JVM of its own, because an environment cannot be changed from inside: embeds one text and ends. */
final class EnvironmentProbe {
    private EnvironmentProbe() {}

    /** Arguments: base URL, then the key or nothing. Prints what came of it, and leaves the provider open on purpose. */
    public static void main(String[] args) {
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "gemini", "gemini-embedding-001")
                .baseUrl(args[0])
                .apiKey(args.length > 1 ? Secret.of(args[1]) : null)
                .dimension(2)
                .build();
        LLMProvider provider = new GeminiProviderFactory().create(settings);
        try {
            System.out.println("dimension " + provider.embed("a").dimension());
        } catch (ProviderException failure) {
            System.out.println(failure.owner() + " " + failure.getMessage());
        }
    }
}
