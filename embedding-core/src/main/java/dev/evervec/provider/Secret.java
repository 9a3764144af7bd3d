package dev.evervec.provider;

import java.util.Objects;

/**
 * An API key or a password that does not show itself: {@link #toString()} is always {@code ***}.
 *
 * <p>White space around the key is removed. A key with control characters or blanks inside is refused here, because HTTP
 * clients would otherwise quote it in their own exceptions. Immutable.
 */
public final class Secret {
    private final String value;

    private Secret(String value) {
        this.value = value;
    }

    /**
     * Wraps a key.
     *
     * @throws IllegalArgumentException if the trimmed key is empty or has a character that no HTTP header may carry; the
     *     message does not show the key
     */
    public static Secret of(String key) {
        String trimmed = Objects.requireNonNull(key, "key").strip();
        if (trimmed.isEmpty()) {
            throw new IllegalArgumentException("the key is empty");
        }
        if (!trimmed.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
            throw new IllegalArgumentException(
                    "it has a character that an HTTP header cannot carry (line break, blank or non-ASCII)");
        }
        return new Secret(trimmed);
    }

    /**
     * Wraps a password that travels in no HTTP header: any characters, kept as they are.
     *
     * @throws IllegalArgumentException if it is empty
     */
    public static Secret ofPassword(String password) {
        if (password.isEmpty()) {
            throw new IllegalArgumentException("the password is empty");
        }
        return new Secret(password);
    }

    /** The key itself; hand it to the SDK and nowhere else. */
    public String reveal() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Secret secret && secret.value.equals(value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }

    @Override
    public String toString() {
        return "***";
    }
}
