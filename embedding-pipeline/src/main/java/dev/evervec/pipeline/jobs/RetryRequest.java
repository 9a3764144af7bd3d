package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildRequest.Retry;
import java.math.BigDecimal;
import org.jspecify.annotations.Nullable;

/**
 * Which failed records are to be tried again.
 *
 * @param source only this source; null or {@code all} for every one
 * @param which those that are due, have tries left, or all
 * @param budgetUsd most that the job may cost, or null for what is configured
 */
public record RetryRequest(
        @Nullable String source, Retry which, @Nullable BigDecimal budgetUsd) {
    /**
     * Reads {@code {"source","now","all","budget_usd"}}; each key may be absent or null, and so may the whole text. Without
     * {@code now} and {@code all} those are tried that are due.
     *
     * @throws TriggerRefusedException {@link TriggerRefusedException.Refusal#INVALID} if it is no such object, has another key, or
     *     a key twice
     */
    public static RetryRequest ofJson(String json) {
        throw new UnsupportedOperationException(json);
    }
}
