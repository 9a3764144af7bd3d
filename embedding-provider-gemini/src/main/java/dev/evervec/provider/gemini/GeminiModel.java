package dev.evervec.provider.gemini;

import dev.evervec.provider.ProviderLimits;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * A model by its name without {@code models/}, and what is known of its family.
 *
 * @param name the name as the service spells it
 * @param family what the name says about its behaviour
 */
record GeminiModel(String name, Family family) {
    private static final String RESOURCE_PREFIX = "models/";
    // The name becomes a part of the URL, which the SDK joins without escaping.
    private static final Pattern URL_SAFE = Pattern.compile("[A-Za-z0-9._:@/-]+");

    /** Models that need the same treatment. */
    enum Family {
        /** Task type as a parameter; only 3,072 components come with length 1 (vendor blog, 2025-09-10). */
        EMBEDDING_001(3072, 2_048),
        /** Task type in the text; every size comes with length 1 (vendor's model page, 2026-04). */
        EMBEDDING_2(3072, 8_192),
        /** Not known here. */
        OTHER(0, ProviderLimits.UNLIMITED);

        private final int dimension;
        private final int maxTokensPerText;

        Family(int dimension, int maxTokensPerText) {
            this.dimension = dimension;
            this.maxTokensPerText = maxTokensPerText;
        }

        /** The full size of its vectors, if known. */
        OptionalInt dimension() {
            return dimension == 0 ? OptionalInt.empty() : OptionalInt.of(dimension);
        }

        int maxTokensPerText() {
            return maxTokensPerText;
        }

        /** Whether vectors of this size leave the service with another length than 1, though those of full size have 1. */
        boolean shrinksUnnormalised(int size) {
            return this == EMBEDDING_001 && size != dimension;
        }
    }

    static GeminiModel of(String configured) {
        String name = configured.strip();
        if (name.startsWith(RESOURCE_PREFIX)) {
            name = name.substring(RESOURCE_PREFIX.length());
        }
        return new GeminiModel(name, familyOf(name));
    }

    private static Family familyOf(String name) {
        if (name.equals("gemini-embedding-001")) {
            return Family.EMBEDDING_001;
        }
        // Previews and dated versions share the vector space and the prompt form.
        if (name.equals("gemini-embedding-2") || name.startsWith("gemini-embedding-2-")) {
            return Family.EMBEDDING_2;
        }
        return Family.OTHER;
    }

    /**
     * Itself.
     *
     * @throws IllegalArgumentException if the name cannot be part of a URL
     */
    GeminiModel checked() {
        if (!URL_SAFE.matcher(name).matches() || name.contains("..")) {
            throw new IllegalArgumentException("model name '" + name
                    + "' has a character that no Gemini model name has; example: gemini-embedding-001");
        }
        return this;
    }
}
