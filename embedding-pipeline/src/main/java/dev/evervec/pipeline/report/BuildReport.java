package dev.evervec.pipeline.report;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a job ended, with balanced books: every record that belonged to it is counted in exactly one place.
 *
 * @param jobId the job
 * @param state how it ended
 * @param totalPending records taken, and records on its list that were not taken
 * @param succeeded records whose vector was stored
 * @param skipped records left out, by reason; reasons that did not occur are absent
 * @param failed records that failed, by reason; reasons that did not occur are absent
 * @param duration from the start of the job to its end
 * @param requests calls made to providers, failed ones included
 * @param usage tokens used by them
 * @param costUsd what they cost at the configured prices, or null if a price is not known
 * @param notes what an operator should know beyond the counts: duplicate ids, exhausted records, sources not cleaned
 * @param stoppedBy why the job stopped before its end, or null
 * @param missing of given records, those that their source did not have and that were not removable; otherwise empty
 * @param busy records that another worker was working on, and that therefore are not among those of this job
 * @param outcomes where the records behind the counts are looked up
 */
public record BuildReport(
        String jobId,
        State state,
        long totalPending,
        long succeeded,
        Map<Reason, Long> skipped,
        Map<Reason, Long> failed,
        Duration duration,
        long requests,
        TokenUsage usage,
        @Nullable BigDecimal costUsd,
        List<String> notes,
        @Nullable String stoppedBy,
        Set<RecordKey> missing,
        Set<RecordKey> busy,
        Outcomes outcomes) {
    /** How a job ended. */
    public enum State {
        /** No record failed. */
        COMPLETED,
        /** At least one record failed. */
        FAILED,
        /** It was cancelled. */
        CANCELLED;

        /** The word used in the summary, such as {@code completed}. */
        public String code() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Looks up the records of a job that have a reason, without holding them all in memory. */
    @FunctionalInterface
    public interface Outcomes {
        /** Hands each such record to the consumer. */
        void forEach(Reason reason, Consumer<RecordOutcome> consumer);
    }

    /**
     * Checks the books.
     *
     * @throws IllegalStateException if they do not balance
     */
    public BuildReport {
        Objects.requireNonNull(jobId, "jobId");
        Objects.requireNonNull(state, "state");
        skipped = copyOf(skipped, Reason.Kind.SKIPPED);
        failed = copyOf(failed, Reason.Kind.FAILED);
        notes = List.copyOf(notes);
        missing = Set.copyOf(missing);
        busy = Set.copyOf(busy);
        long counted = succeeded + sum(skipped) + sum(failed);
        if (counted != totalPending) {
            throw new IllegalStateException("the books of job " + jobId + " do not balance: " + totalPending
                    + " records pending, but " + succeeded + " succeeded, " + skipped + " skipped, " + failed
                    + " failed");
        }
    }

    private static Map<Reason, Long> copyOf(Map<Reason, Long> counts, Reason.Kind kind) {
        Map<Reason, Long> copy = new EnumMap<>(Reason.class);
        counts.forEach((reason, count) -> {
            if (reason.kind() != kind || count < 0) {
                throw new IllegalStateException(reason.code() + " = " + count + " cannot be counted as " + kind);
            }
            if (count > 0) {
                copy.put(reason, count);
            }
        });
        return Collections.unmodifiableMap(copy);
    }

    private static long sum(Map<Reason, Long> counts) {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    /** All skipped records. */
    public long totalSkipped() {
        return sum(skipped);
    }

    /** All failed records. */
    public long totalFailed() {
        return sum(failed);
    }

    /**
     * The report as one line of JSON: {@code job_id}, {@code state}, {@code total_pending}, {@code succeeded}, {@code skipped} and
     * {@code failed} by reason, {@code duration_secs}, {@code requests}, {@code tokens}, {@code cost_usd} (null if a price is
     * not known).
     */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("job_id", jobId);
        json.put("state", state.code());
        json.put("total_pending", totalPending);
        json.put("succeeded", succeeded);
        putAll(json.putObject("skipped"), skipped);
        putAll(json.putObject("failed"), failed);
        json.put("duration_secs", BigDecimal.valueOf(duration.toMillis(), 3));
        json.put("requests", requests);
        json.put("tokens", usage.totalTokens());
        json.put("cost_usd", costUsd == null ? null : costUsd.stripTrailingZeros());
        return PlainJson.line(json);
    }

    private static void putAll(ObjectNode json, Map<Reason, Long> counts) {
        counts.forEach((reason, count) -> json.put(reason.code(), count));
    }

    /** Why the job stopped before its end, if it did. */
    public Optional<String> stopCause() {
        return Optional.ofNullable(stoppedBy);
    }
}
