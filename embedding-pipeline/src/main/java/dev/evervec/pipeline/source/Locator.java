package dev.evervec.pipeline.source;

import java.util.Arrays;

/**
 * Where a source finds a record again, in the source's own words: at most 64 opaque bytes, kept in the ledger and handed
 * back to {@link RecordSource#fetch}. Immutable.
 */
public final class Locator {
    /** For sources that find records by key. */
    public static final Locator NONE = new Locator(new byte[0]);

    /** Most bytes a locator may have. */
    public static final int MAX_BYTES = 64;

    private final byte[] bytes;

    private Locator(byte[] bytes) {
        this.bytes = bytes;
    }

    /**
     * A locator of these bytes (copied).
     *
     * @throws IllegalArgumentException if there are more than {@value #MAX_BYTES}
     */
    public static Locator of(byte[] bytes) {
        if (bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException("a locator has at most " + MAX_BYTES + " bytes, not " + bytes.length);
        }
        return bytes.length == 0 ? NONE : new Locator(bytes.clone());
    }

    /** A copy of the bytes. */
    public byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Locator locator && Arrays.equals(locator.bytes, bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return "Locator[bytes=" + bytes.length + "]";
    }
}
