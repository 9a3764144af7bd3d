package dev.evervec.pipeline.source;

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
        if (hasUnprintable(value)) {
            throw new IllegalArgumentException(part + " has a control character or an unpaired surrogate");
        }
        if (Utf8.length(value) > maxBytes) {
            throw new IllegalArgumentException(part + " is longer than " + maxBytes + " bytes of UTF-8");
        }
    }

    private static boolean hasUnprintable(String value) {
        int codePoint;
        for (int i = 0; i < value.length(); i += Character.charCount(codePoint)) {
            codePoint = value.codePointAt(i);
            if (Character.isISOControl(codePoint) || (codePoint >= 0xD800 && codePoint <= 0xDFFF)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public String toString() {
        return source + "/" + id;
    }
}
