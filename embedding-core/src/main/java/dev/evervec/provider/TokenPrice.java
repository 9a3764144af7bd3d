package dev.evervec.provider;

import java.math.BigDecimal;

/**
 * What a model's tokens cost, in USD for a million. A price has at most six decimals, so that a single token costs a whole
 * number of 10<sup>-12</sup> USD and sums are exact.
 *
 * @param inputUsdPerMillion for a million input tokens
 * @param outputUsdPerMillion for a million output tokens; 0 for embeddings, which have none
 */
public record TokenPrice(BigDecimal inputUsdPerMillion, BigDecimal outputUsdPerMillion) {
    /** Most that a million tokens may cost, in USD: more is a typing mistake. */
    public static final BigDecimal MAX_USD_PER_MILLION = BigDecimal.valueOf(9_000);

    /** Most decimals of a price for a million tokens. */
    public static final int MAX_DECIMALS = 6;

    /** For what runs in the host's own process. Stands after the limits that it is checked against. */
    public static final TokenPrice FREE = new TokenPrice(BigDecimal.ZERO, BigDecimal.ZERO);

    /**
     * Checks the prices.
     *
     * @throws IllegalArgumentException if one is negative, above {@link #MAX_USD_PER_MILLION}, or has more than six decimals
     */
    public TokenPrice {
        inputUsdPerMillion = checked(inputUsdPerMillion);
        outputUsdPerMillion = checked(outputUsdPerMillion);
    }

    private static BigDecimal checked(BigDecimal usdPerMillion) {
        BigDecimal price = shortest(usdPerMillion);
        if (price.signum() < 0 || price.compareTo(MAX_USD_PER_MILLION) > 0) {
            throw new IllegalArgumentException("USD for a million tokens must be from 0 to "
                    + MAX_USD_PER_MILLION.toPlainString() + ": " + price.toPlainString());
        }
        if (price.scale() > MAX_DECIMALS) {
            throw new IllegalArgumentException(
                    "USD for a million tokens has at most " + MAX_DECIMALS + " decimals: " + price.toPlainString());
        }
        return price;
    }

    /** The price of a model that only reads. */
    public static TokenPrice ofInput(BigDecimal usdPerMillion) {
        return new TokenPrice(usdPerMillion, BigDecimal.ZERO);
    }

    /** What these tokens cost in USD, exactly: at most twelve decimals. */
    public BigDecimal costOf(TokenUsage usage) {
        return costOf(usage.inputTokens(), usage.outputTokens());
    }

    /** What so many tokens cost in USD, exactly: at most twelve decimals. */
    public BigDecimal costOf(long inputTokens, long outputTokens) {
        BigDecimal cost = inputUsdPerMillion
                .multiply(BigDecimal.valueOf(inputTokens))
                .add(outputUsdPerMillion.multiply(BigDecimal.valueOf(outputTokens)))
                .movePointLeft(6);
        return shortest(cost);
    }

    /** The same number without zeros at its end, but without an exponent in the place of zeros before the point. */
    private static BigDecimal shortest(BigDecimal usd) {
        BigDecimal stripped = usd.stripTrailingZeros();
        return stripped.scale() < 0 ? stripped.setScale(0) : stripped;
    }
}
