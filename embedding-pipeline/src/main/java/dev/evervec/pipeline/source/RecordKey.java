package dev.evervec.pipeline.source;

import java.nio.charset.StandardCharsets;

/**
 * Names one record of the host.
 *
 * @param source which of the host's tables or collections: 1 to 128 bytes of UTF-8, not {@code all}
 * @param id its id there: 1 to 512 bytes of UTF-8
 */
public record RecordKey(String source, String id) {
    /** The source of records that name none. */
    public static final String DEFAULT_SOURCE = "default";

    /** Stands for every source in requests; no source may be called so. */
    public static final String ALL_SOURCES = "all";

    /**
     * Checks both parts.
     *
     * @throws IllegalArgumentException if a part is empty, too long, has control characters or unpaired surrogates, or the
     *     source is {@code all}
     */
    public RecordKey {
        check("source", source, 128);
        check("id", id, 512);
        if (source.equals(ALL_SOURCES)) {
            throw new IllegalArgumentException("source must not be \"all\": the word stands for every source");
        }
    }

    private static void check(String part, String value, int maxBytes) {
        if (value.isEmpty()) {
            throw new IllegalArgumentException(part + " is empty");
        }
        if (value.codePoints().anyMatch(c -> Character.isISOControl(c) || (c >= 0xD800 && c <= 0xDFFF))) {
            throw new IllegalArgumentException(part + " has a control character or an unpaired surrogate");
        }
        if (value.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
            throw new IllegalArgumentException(part + " is longer than " + maxBytes + " bytes of UTF-8");
        }
    }

    @Override
    public String toString() {
        return source + "/" + id;
    }
}
