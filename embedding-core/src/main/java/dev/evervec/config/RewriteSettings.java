package dev.evervec.config;

import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderSettings;

/**
 * The {@code [llm.models.rewrite]} table: texts are rewritten before they are embedded. {@code workers} is
 * {@link dev.evervec.provider.CallPolicy#maxInFlight()} of the provider's call policy.
 *
 * @param provider settings of the provider that rewrites
 * @param promptTemplate the prompt with exactly one {@code {text}} and at most one {@code {title}}; other braces are
 *     literal
 */
public record RewriteSettings(ProviderSettings provider, String promptTemplate) {
    public RewriteSettings {
        if (provider.capability() != Capability.REWRITE) {
            throw new IllegalArgumentException(
                    "the settings are made for " + provider.capability().configName());
        }
        String defect = PromptTemplate.defectOf(promptTemplate);
        if (defect != null) {
            throw new IllegalArgumentException("the prompt template " + defect);
        }
    }

    /** Shows the length of the template. */
    @Override
    public String toString() {
        return "RewriteSettings[provider=" + provider + ", promptTemplate=" + promptTemplate.length() + " chars]";
    }
}
