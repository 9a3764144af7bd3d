package dev.evervec.pipeline.store;

import java.math.BigDecimal;
import java.util.Objects;

/**
 * What a worker tells and asks of the budget that it shares with the other workers of its job. It tells how it stands by now and
 * not what has changed, so that an ask whose answer was lost can be made again.
 *
 * @param spent what it has spent since it began, in USD
 * @param kept what it holds beyond that and still needs, for calls under way; the rest of what it was granted is given back
 * @param least if there is not as much as this, it is of no use yet
 * @param wanted how much it would like to be granted; at least {@code least}
 */
public record BudgetAsk(BigDecimal spent, BigDecimal kept, BigDecimal least, BigDecimal wanted) {
    public BudgetAsk {
        Objects.requireNonNull(spent, "spent");
        Objects.requireNonNull(kept, "kept");
        Objects.requireNonNull(least, "least");
        Objects.requireNonNull(wanted, "wanted");
    }

    /** What the worker may have spent at most when this much is granted to it. */
    public BigDecimal held(BigDecimal granted) {
        return spent.add(kept).add(granted);
    }
}
