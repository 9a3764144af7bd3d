package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildRequest.Retry;
import dev.evervec.pipeline.jobs.RequestJson.Form;
import java.math.BigDecimal;
import java.util.Map;
import java.util.Objects;
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
    private static final Map<String, Form> KEYS =
            Map.of("source", Form.TEXT, "now", Form.FLAG, "all", Form.FLAG, "budget_usd", Form.AMOUNT);

    /** What is due, of every source. */
    public static final RetryRequest DUE = new RetryRequest(null, Retry.DUE, null);

    public RetryRequest {
        Objects.requireNonNull(which, "which");
    }

    /**
     * Reads {@code {"source","now","all","budget_usd"}}; each key may be absent or null, and the text may be blank. Without
     * {@code now} and {@code all} those are tried that are due; {@code all} goes beyond {@code now}.
     *
     * @throws TriggerRefusedException {@link TriggerRefusedException.Refusal#INVALID} if it is no such object, has another key, or
     *     a key twice
     */
    public static RetryRequest ofJson(String json) {
        if (json.isBlank()) {
            return DUE;
        }
        RequestJson request = RequestJson.read(json, KEYS);
        Retry which = request.flag("all") ? Retry.ALL : request.flag("now") ? Retry.NOW : Retry.DUE;
        return new RetryRequest(request.text("source"), which, request.amount("budget_usd"));
    }
}
