package dev.evervec.pipeline;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * What a job may still spend. The most that a call can cost is reserved before it is sent, and settled when its end is known,
 * so that calls under way together cannot pass the budget. Owned by the thread of the state machine.
 */
final class Purse {
    private final @Nullable BigDecimal budget;
    private BigDecimal spent;
    private BigDecimal reserved = BigDecimal.ZERO;

    /**
     * @param budget most that may be spent, or null without a cap
     * @param carried what the interrupted job had spent that this one carries on
     */
    Purse(@Nullable BigDecimal budget, BigDecimal carried) {
        this.budget = budget;
        this.spent = carried;
    }

    static Purse unlimited() {
        return new Purse(null, BigDecimal.ZERO);
    }

    boolean isLimited() {
        return budget != null;
    }

    /** What is neither spent nor reserved, 0 at least; null without a cap. */
    @Nullable
    BigDecimal left() {
        return budget == null ? null : budget.subtract(spent).subtract(reserved).max(BigDecimal.ZERO);
    }

    /** Sets so much aside; false if there is not as much. */
    boolean tryReserve(BigDecimal most) {
        BigDecimal left = left();
        if (left != null && most.compareTo(left) > 0) {
            return false;
        }
        reserved = reserved.add(most);
        return true;
    }

    /** What was reserved for a call is free again; what it cost is spent. */
    void settle(BigDecimal reservation, BigDecimal cost) {
        reserved = reserved.subtract(reservation);
        spent = spent.add(cost);
    }

    /** Whether everything that was reserved is settled. */
    boolean nothingReserved() {
        return reserved.signum() == 0;
    }

    /** The budget and what became of it, in words. */
    String account() {
        return "the budget of " + (budget == null ? "any" : budget.toPlainString()) + " USD is used up: "
                + spent.stripTrailingZeros().toPlainString()
                + " USD are spent, and another request might pass it";
    }
}
