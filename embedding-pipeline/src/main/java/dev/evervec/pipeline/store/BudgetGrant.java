package dev.evervec.pipeline.store;

import java.math.BigDecimal;
import java.util.Objects;

/**
 * What a worker was granted of its job's budget.
 *
 * @param granted in USD; less than the least that it asked for only if there is no more
 * @param rest whether it may be worth while to ask again
 */
public record BudgetGrant(BigDecimal granted, Rest rest) {
    /** What there is beside it. */
    public enum Rest {
        /** Other workers hold some of the budget and may give it back. */
        WITH_OTHERS,
        /** No other worker holds anything that it has not spent. */
        KNOWN
    }

    public BudgetGrant {
        Objects.requireNonNull(granted, "granted");
        Objects.requireNonNull(rest, "rest");
    }

    /**
     * Decides what to grant: as much as is wanted and there; nothing, if that is less than the least, and others may still give
     * something back; else what there is.
     *
     * @param left what is left of the budget, negative if it was passed
     */
    public static BudgetGrant of(BudgetAsk ask, BigDecimal left, Rest rest) {
        BigDecimal there = left.max(BigDecimal.ZERO);
        boolean tooLittle = there.compareTo(ask.least()) < 0;
        BigDecimal granted = tooLittle && rest == Rest.WITH_OTHERS ? BigDecimal.ZERO : there.min(ask.wanted());
        return new BudgetGrant(granted, rest);
    }
}
