package dev.evervec.config;

import dev.evervec.provider.Secret;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The {@code [serve]} table: where the admin page of the command line is, and who may see it. Shows no secret.
 *
 * @param host name or address to listen on
 * @param port from 0 to 65535; 0 takes any that is free
 * @param secret what a person must know to get in, at least {@value #MIN_SECRET_LENGTH} characters, or null if the file does not
 *     say
 */
public record ServeSettings(String host, int port, @Nullable Secret secret) {
    /** The length of the shortest secret; a shorter one can be guessed. */
    public static final int MIN_SECRET_LENGTH = 12;

    /** Only this machine, on port 8642, without a secret. */
    public static final ServeSettings DEFAULT = new ServeSettings("127.0.0.1", 8642, null);

    /**
     * Checks the settings.
     *
     * @throws IllegalArgumentException if the port is not in its range, or the secret is too short
     */
    public ServeSettings {
        Objects.requireNonNull(host, "host");
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("port must be from 0 to 65535: " + port);
        }
        if (secret != null) {
            secret(secret.reveal());
        }
    }

    /**
     * A secret that is long enough and that an HTTP header can carry.
     *
     * @throws IllegalArgumentException if it is not; the message does not show it
     */
    public static Secret secret(String chosen) {
        Secret secret = Secret.of(chosen);
        if (secret.reveal().length() < MIN_SECRET_LENGTH) {
            throw new IllegalArgumentException("a secret has at least " + MIN_SECRET_LENGTH + " characters");
        }
        return secret;
    }
}
