package dev.evervec.pipeline.store;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** A SHA-256 hash. Immutable. */
public final class Sha256 {
    private static final int LENGTH = 32;

    private final byte[] bytes;

    private Sha256(byte[] bytes) {
        this.bytes = bytes;
    }

    /** The hash of a text's UTF-8 bytes. */
    public static Sha256 ofText(String text) {
        return new Sha256(digest().digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** The hash of a record as its source keeps it: title, a zero byte, content. */
    public static Sha256 ofContent(@Nullable String title, String content) {
        MessageDigest digest = digest();
        if (title != null) {
            digest.update(title.getBytes(StandardCharsets.UTF_8));
        }
        digest.update((byte) 0);
        return new Sha256(digest.digest(content.getBytes(StandardCharsets.UTF_8)));
    }

    /**
     * A hash read back from where it was kept (copied).
     *
     * @throws IllegalArgumentException if it is not 32 bytes long
     */
    public static Sha256 fromBytes(byte[] bytes) {
        if (bytes.length != LENGTH) {
            throw new IllegalArgumentException("a SHA-256 has 32 bytes, not " + bytes.length);
        }
        return new Sha256(bytes.clone());
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** A copy of the 32 bytes. */
    public byte[] bytes() {
        return bytes.clone();
    }

    /** 64 lower-case hex digits. */
    public String hex() {
        return HexFormat.of().formatHex(bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Sha256 hash && Arrays.equals(hash.bytes, bytes);
    }

    /** The first four bytes: every part of it is as good as random. */
    @Override
    public int hashCode() {
        return ByteBuffer.wrap(bytes).getInt();
    }

    @Override
    public String toString() {
        return hex();
    }
}
