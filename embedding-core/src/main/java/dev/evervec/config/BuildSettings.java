package dev.evervec.config;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The {@code [build]} table: how patient and how strict a build is.
 *
 * @param outagePatience how long an outage of the provider is sat out once a request has succeeded
 * @param firstContactPatience the same while no request has succeeded yet
 * @param quotaPatience how long a used-up quota is sat out without any success
 * @param maxAttempts jobs in which a record may fail before builds leave it alone
 * @param onTooLong what is done with a text over the model's input limit
 * @param budgetUsd most that a job may cost, or null for no cap
 */
public record BuildSettings(
        Duration outagePatience,
        Duration firstContactPatience,
        Duration quotaPatience,
        int maxAttempts,
        TooLong onTooLong,
        @Nullable BigDecimal budgetUsd) {
    /** What is done with a text over the model's input limit. */
    public enum TooLong {
        /** It is skipped as {@code input_too_long}. */
        SKIP,
        /** It is cut to the limit. */
        TRUNCATE
    }

    /** 300 s in an outage, 30 s before the first success, 3,600 s for quota, 3 attempts, skip, no cap. */
    public static final BuildSettings DEFAULT = new BuildSettings(
            Duration.ofSeconds(300), Duration.ofSeconds(30), Duration.ofSeconds(3600), 3, TooLong.SKIP, null);

    public BuildSettings {
        Objects.requireNonNull(onTooLong, "onTooLong");
        if (outagePatience.isNegative() || firstContactPatience.isNegative() || quotaPatience.isNegative()) {
            throw new IllegalArgumentException("patience must not be negative");
        }
        if (maxAttempts < 1) {
            throw new IllegalArgumentException("maxAttempts must be positive: " + maxAttempts);
        }
    }
}
