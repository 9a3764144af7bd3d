package dev.evervec.store.jdbc;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** Money as columns hold it: a whole number of 10<sup>-12</sup> USD. */
final class Money {
    /** Units in a dollar. */
    static final long DOLLAR = 1_000_000_000_000L;

    /** Where amounts are cut in two for adding up: neither half overflows in the first thousand million rows. */
    static final long HALF = 1_000_000_000L;

    private static final int DECIMALS = 12;

    private Money() {}

    /**
     * An amount in units.
     *
     * @throws IllegalArgumentException if it has more than twelve decimals, is negative, or more than 9 million USD
     */
    static @Nullable Long units(@Nullable BigDecimal usd) {
        if (usd == null) {
            return null;
        }
        try {
            long units = usd.movePointRight(DECIMALS).longValueExact();
            if (units >= 0) {
                return units;
            }
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(
                    "a cost has at most twelve decimals and is below 9 million USD: " + usd.toPlainString(), e);
        }
        throw new IllegalArgumentException("a cost is not negative: " + usd.toPlainString());
    }

    /** So many dollars and units; the dollars may be as many as fit. */
    static BigDecimal usd(long dollars, long rest) {
        return plain(BigDecimal.valueOf(dollars).add(BigDecimal.valueOf(rest, DECIMALS)));
    }

    /** The amount in a column of units, null if that is. */
    static @Nullable BigDecimal usd(ResultSet row, int column) throws SQLException {
        long units = row.getLong(column);
        return row.wasNull() ? null : usd(0, units);
    }

    /** An amount that was added up in two halves. */
    static BigDecimal usdOfHalves(long high, long low) {
        BigInteger units =
                BigInteger.valueOf(high).multiply(BigInteger.valueOf(HALF)).add(BigInteger.valueOf(low));
        return plain(new BigDecimal(units, DECIMALS));
    }

    private static BigDecimal plain(BigDecimal usd) {
        return usd.signum() == 0 ? BigDecimal.ZERO : usd.stripTrailingZeros();
    }
}
