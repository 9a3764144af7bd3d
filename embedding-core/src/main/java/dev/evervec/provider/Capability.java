package dev.evervec.provider;

import java.util.Locale;

/** What a provider instance is made for; each capability has its own model, key and base URL in the configuration. */
public enum Capability {
    /** Texts in, vectors out. */
    EMBEDDING,
    /** A prompt in, a rewritten text out. */
    REWRITE;

    /** The name used in configuration keys and reports: {@code embedding} or {@code rewrite}. */
    public String configName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
