package dev.evervec.config;

import java.math.BigDecimal;
import java.math.MathContext;
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
 * @param budgetUsd most that a job may cost, or null for no cap; more than 0, at most {@link #MAX_BUDGET_USD}, with at most
 *     twelve decimals
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

    /** The largest budget, in USD: more is a typing mistake. */
    public static final BigDecimal MAX_BUDGET_USD = BigDecimal.valueOf(1_000_000);

    /** Most decimals of a budget, which are those of every amount of money here. */
    static final int BUDGET_DECIMALS = 12;

    private static final int MAX_SHOWN_DIGITS = 30;

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
        if (budgetUsd != null) {
            checkBudget(budgetUsd);
        }
    }

    /**
     * Checks what a job may cost.
     *
     * @throws IllegalArgumentException if no job could be held to this budget: not positive, above {@link #MAX_BUDGET_USD}, or
     *     with too many decimals
     */
    public static void checkBudget(BigDecimal usd) {
        if (usd.signum() <= 0 || usd.compareTo(MAX_BUDGET_USD) > 0) {
            throw new IllegalArgumentException("a budget must be more than 0 and at most "
                    + MAX_BUDGET_USD.toPlainString() + " USD, not " + shown(usd));
        }
        if (usd.stripTrailingZeros().scale() > BUDGET_DECIMALS) {
            throw new IllegalArgumentException(
                    "a budget has at most " + BUDGET_DECIMALS + " decimals, not as many as " + shown(usd));
        }
    }

    /** Written out, unless that would be a number of up to two billion digits. */
    private static String shown(BigDecimal usd) {
        boolean isShort = usd.precision() <= MAX_SHOWN_DIGITS && Math.abs((long) usd.scale()) <= MAX_SHOWN_DIGITS;
        return isShort
                ? usd.toPlainString()
                : usd.round(new MathContext(MAX_SHOWN_DIGITS)).toString();
    }
}
