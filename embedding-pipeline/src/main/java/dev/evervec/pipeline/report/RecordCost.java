package dev.evervec.pipeline.report;

import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * One record's share of the provider calls made for it in one job.
 *
 * @param tokens input and output tokens; the shares of a call add up to the call's tokens
 * @param usd what they cost, or null if a price is not known
 */
public record RecordCost(long tokens, @Nullable BigDecimal usd) {
    /** Nothing was sent for it, or somebody else's call served it too. */
    public static final RecordCost NONE = new RecordCost(0, BigDecimal.ZERO);

    /** The sum; its cost is unknown as soon as one of the two is. */
    public RecordCost plus(RecordCost other) {
        return new RecordCost(
                Math.addExact(tokens, other.tokens), usd == null || other.usd == null ? null : usd.add(other.usd));
    }
}
