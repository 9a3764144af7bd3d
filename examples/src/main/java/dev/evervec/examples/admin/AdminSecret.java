package dev.evervec.examples.admin;

import dev.evervec.config.ServeSettings;
import dev.evervec.provider.Secret;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/** What a person must know to use the admin page. Immutable; does not show itself. */
public final class AdminSecret {
    /** Makes guessing the secret from a stolen session token slow; takes a tenth of a second at the start. */
    private static final int DERIVATION_ROUNDS = 100_000;

    private static final int GENERATED_BYTES = 24;

    private final Secret secret;
    private final byte[] hash;

    private AdminSecret(Secret secret) {
        this.secret = secret;
        this.hash = sha256(secret.reveal());
    }

    /**
     * One that a person chose.
     *
     * @throws IllegalArgumentException if it is shorter than {@link ServeSettings#MIN_SECRET_LENGTH}, or has a character that
     *     an HTTP header cannot carry; the message does not show it
     */
    public static AdminSecret of(Secret chosen) {
        return new AdminSecret(ServeSettings.secret(chosen.reveal()));
    }

    /** A random one. */
    public static AdminSecret generate() {
        byte[] bytes = new byte[GENERATED_BYTES];
        new SecureRandom().nextBytes(bytes);
        return new AdminSecret(Secret.of(Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)));
    }

    /** The secret itself; to be shown to whoever started the program and nobody else. */
    public String reveal() {
        return secret.reveal();
    }

    /** Takes as long for a wrong one as for the right one, whatever their lengths. */
    boolean matches(String given) {
        return MessageDigest.isEqual(hash, sha256(given.strip()));
    }

    /** The key that signs sessions: the same after a restart with the same secret. */
    SecretKeySpec sessionKey() {
        char[] characters = secret.reveal().toCharArray();
        byte[] salt = "evervec admin session".getBytes(StandardCharsets.UTF_8);
        try {
            byte[] key = SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                    .generateSecret(new PBEKeySpec(characters, salt, DERIVATION_ROUNDS, 256))
                    .getEncoded();
            return new SecretKeySpec(key, Sessions.ALGORITHM);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has PBKDF2WithHmacSHA256", e);
        }
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return "***";
    }
}
