package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.jobs.RequestJson.Form;
import java.math.BigDecimal;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a person asks for on an admin page; checked by {@link EmbeddingJobs#trigger}.
 *
 * @param source only this source; null or {@code all} for every one
 * @param rebuild whether every record is to be embedded anew, whatever its state
 * @param dryRun whether only to tell what the job would do and cost
 * @param batchSize texts per request at most, or null for what is configured
 * @param filter only records whose id contains this, taken literally; null for every one
 * @param budgetUsd most that the job may cost, or null for what is configured
 */
public record JobRequest(
        @Nullable String source,
        boolean rebuild,
        boolean dryRun,
        @Nullable Integer batchSize,
        @Nullable String filter,
        @Nullable BigDecimal budgetUsd) {
    private static final Map<String, Form> KEYS = Map.of(
            "source", Form.TEXT,
            "rebuild", Form.FLAG,
            "dry_run", Form.FLAG,
            "batch_size", Form.COUNT,
            "filter", Form.TEXT,
            "budget_usd", Form.AMOUNT);

    /** Everything that is pending. */
    public static final JobRequest ALL = new JobRequest(null, false, false, null, null, null);

    /**
     * Reads {@code {"source","rebuild","dry_run","batch_size","filter","budget_usd"}}; each key may be absent or null.
     *
     * @throws TriggerRefusedException {@link TriggerRefusedException.Refusal#INVALID} if it is no such object, has another key, or
     *     a key twice
     */
    public static JobRequest ofJson(String json) {
        RequestJson request = RequestJson.read(json, KEYS);
        return new JobRequest(
                request.text("source"),
                request.flag("rebuild"),
                request.flag("dry_run"),
                request.count("batch_size"),
                request.text("filter"),
                request.amount("budget_usd"));
    }
}
