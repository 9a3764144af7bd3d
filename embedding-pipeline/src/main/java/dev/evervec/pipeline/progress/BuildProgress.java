package dev.evervec.pipeline.progress;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How far a job is, at one moment.
 *
 * @param jobId the job
 * @param phase what it is doing; only moves forward
 * @param rewrite how far rewriting is; 0 of 0 without rewriting
 * @param embed how far embedding is
 * @param startedAt when the job began
 * @param updatedAt when this was true
 * @param eta how long it may still take, or null if that cannot be said
 * @param recordsPerSecond how many records left the last stage per second of late, or null if that cannot be said
 * @param requests provider calls so far
 * @param tokens tokens used so far
 * @param costUsd cost so far at the configured prices, or null if a price is not known
 * @param heldUpBy why nothing gets through to a provider at the moment (an outage with its last failure, or a quota that is
 *     used up for half a minute or more), or null if nothing holds the job up
 * @param splits how often a request was split because of what was in it
 * @param waited for how long calls have been kept back by now, by cause
 */
public record BuildProgress(
        String jobId,
        Phase phase,
        Stage rewrite,
        Stage embed,
        Instant startedAt,
        Instant updatedAt,
        @Nullable Duration eta,
        @Nullable Double recordsPerSecond,
        long requests,
        long tokens,
        @Nullable BigDecimal costUsd,
        @Nullable String heldUpBy,
        long splits,
        Map<Wait, Duration> waited) {
    public BuildProgress {
        waited = Map.copyOf(waited);
    }

    /** What a job is doing. */
    public enum Phase {
        /** Looking for records to embed. */
        SCANNING,
        /** The scan has ended and records wait for their rewrite. */
        REWRITING,
        /** Nothing waits for a rewrite. */
        EMBEDDING,
        /** It ended without a failed record. */
        COMPLETED,
        /** It ended with failed records. */
        FAILED,
        /** It was cancelled. */
        CANCELLED;

        /** The word used in the progress file. */
        public String code() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The progress as one line of JSON, as it stands in the progress file; what is not known is null. */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("job_id", jobId);
        json.put("phase", phase.code());
        json.putObject("rewrite_progress")
                .put("done", rewrite.done())
                .put("total", rewrite.total())
                .put("skipped", rewrite.skipped());
        json.putObject("embed_progress").put("done", embed.done()).put("total", embed.total());
        json.put("started_at", startedAt.truncatedTo(ChronoUnit.MILLIS).toString());
        json.put("updated_at", updatedAt.truncatedTo(ChronoUnit.MILLIS).toString());
        json.put("eta_secs", eta == null ? null : BigDecimal.valueOf(eta.toMillis(), 3));
        json.put(
                "records_per_sec",
                recordsPerSecond == null
                        ? null
                        : BigDecimal.valueOf(recordsPerSecond).setScale(3, RoundingMode.HALF_UP));
        json.put("requests", requests);
        json.put("tokens", tokens);
        // As a number it could come with an exponent.
        json.putRawValue(
                "cost_usd",
                costUsd == null
                        ? null
                        : new RawValue(costUsd.stripTrailingZeros().toPlainString()));
        json.put("held_up_by", heldUpBy);
        return json.toString();
    }

    /**
     * Reads what {@link #toJson} wrote, of this version or another: keys that it does not know are passed over, and what may be
     * unknown may be absent. Splits and waits are not in it; they are 0 and none.
     *
     * @return empty if this is not the progress of a job, whatever else it is
     */
    public static Optional<BuildProgress> ofJson(String json) {
        return ProgressJson.read(json);
    }

    /**
     * One stage of the way.
     *
     * @param done records that left the stage, skipped ones included; never falls
     * @param total records known so far; may grow until the scan ends
     * @param skipped records that were left out at this stage
     */
    public record Stage(long done, long total, long skipped) {
        /** A stage that is not used. */
        public static final Stage NONE = new Stage(0, 0, 0);
    }
}
