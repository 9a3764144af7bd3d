package dev.evervec.pipeline.store;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.evervec.config.HealthSettings;
import dev.evervec.pipeline.source.RecordKey;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * How one generation of a store stands at one moment: is everything embedded, since when not, and is somebody working on it.
 * Answered from what the store keeps, so it costs the same for ten records and for a million.
 *
 * @param generation name of the generation
 * @param asOf the moment
 * @param total all sources together, under the name {@code all}
 * @param sources each source, in the order of their names
 * @param lastRun the latest job of the store, whatever its generation, live embedding left out; null before the first one
 * @param heldUpBy why nothing gets through to a provider at the moment, as the running job or live embedding says; null if
 *     nothing holds them up or none is running
 */
public record HealthStats(
        String generation,
        Instant asOf,
        SourceHealth total,
        List<SourceHealth> sources,
        @Nullable JobInfo lastRun,
        @Nullable String heldUpBy) {
    public HealthStats {
        sources = List.copyOf(sources);
    }

    /**
     * Asks the store, which may be in use by other processes.
     *
     * @param clock tells what time it is
     * @throws StoreException if the store cannot be read
     */
    public static HealthStats of(EmbeddingStore store, Fingerprint fingerprint, Clock clock) {
        return of(
                fingerprint.generation(),
                clock.instant(),
                store.health(fingerprint),
                store.jobs(1).stream().findFirst().orElse(null),
                store.job(JobStart.LIVE_ID).orElse(null));
    }

    static HealthStats of(
            String generation,
            Instant asOf,
            List<SourceHealth> sources,
            @Nullable JobInfo lastRun,
            @Nullable JobInfo live) {
        String heldUpBy = heldUpBy(lastRun) == null ? heldUpBy(live) : heldUpBy(lastRun);
        return new HealthStats(generation, asOf, sum(sources), sources, lastRun, heldUpBy);
    }

    private static @Nullable String heldUpBy(@Nullable JobInfo job) {
        return job == null || job.state() != JobState.RUNNING ? null : job.heldUpBy();
    }

    private static SourceHealth sum(List<SourceHealth> sources) {
        SourceHealth sum = new SourceHealth(RecordKey.ALL_SOURCES, 0, 0, 0, 0, 0, null);
        for (SourceHealth source : sources) {
            sum = sum.plus(source, RecordKey.ALL_SOURCES);
        }
        return sum;
    }

    /** The same for this source alone, or empty if the ledger has no such source. */
    public Optional<HealthStats> only(String source) {
        return sources.stream()
                .filter(one -> one.source().equals(source))
                .findFirst()
                .map(one -> new HealthStats(generation, asOf, sum(List.of(one)), List.of(one), lastRun, heldUpBy));
    }

    /** Whether a running job cannot get anything through to a provider: an outage, or a quota that is used up. */
    public boolean circuitOpen() {
        return heldUpBy != null;
    }

    /** How long the oldest pending record has been pending, or null if none is. */
    public @Nullable Duration oldestPendingAge() {
        return total.oldestPendingAge(asOf);
    }

    /**
     * The thresholds that {@link #total} has passed, each as a sentence with its name in the configuration, the limit and the
     * figure; empty if all is well. A success rate that there is not yet passes none.
     */
    public List<String> breaches(HealthSettings thresholds) {
        List<String> breaches = new ArrayList<>();
        count("max_failed", thresholds.maxFailed(), total.failed(), "failed", breaches);
        count("max_pending", thresholds.maxPending(), total.pending(), "pending", breaches);
        count("max_stale", thresholds.maxStale(), total.stale(), "stale", breaches);
        Duration longest = thresholds.maxOldestPending();
        Duration age = oldestPendingAge();
        if (longest != null && age != null && age.compareTo(longest) > 0) {
            breaches.add("the oldest pending record has waited " + age.toSeconds() + " s, max_oldest_pending is "
                    + longest.toSeconds() + " s");
        }
        Double rate = total.successRate();
        if (rate != null && rate < thresholds.minSuccessRate().orElse(0)) {
            breaches.add("the success rate is " + roundedDown(rate) + ", min_success_rate is "
                    + thresholds.minSuccessRate().getAsDouble());
        }
        return breaches;
    }

    private static void count(String name, OptionalInt most, long count, String state, List<String> breaches) {
        if (most.isPresent() && count > most.getAsInt()) {
            breaches.add(count + (count == 1 ? " record is " : " records are ") + state + ", " + name + " is "
                    + most.getAsInt());
        }
    }

    /** Not up: 0.99999 must not look like 1. */
    private static String roundedDown(double rate) {
        return BigDecimal.valueOf(rate)
                .setScale(4, RoundingMode.FLOOR)
                .stripTrailingZeros()
                .toPlainString();
    }

    /**
     * One line of JSON: {@code generation}, {@code as_of}, {@code healthy}, {@code breaches}, {@code total} and {@code sources} with
     * the counts, {@code last_run}, {@code circuit_open} and {@code held_up_by}; what is not known is null.
     *
     * @param thresholds what {@code healthy} is measured by
     */
    public String toJson(HealthSettings thresholds) {
        List<String> breaches = breaches(thresholds);
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("generation", generation);
        json.put("as_of", time(asOf));
        json.put("healthy", breaches.isEmpty());
        breaches.forEach(json.putArray("breaches")::add);
        putCounts(json.putObject("total"), total);
        var list = json.putArray("sources");
        sources.forEach(source -> putCounts(list.addObject().put("source", source.source()), source));
        putLastRun(json);
        json.put("circuit_open", circuitOpen());
        json.put("held_up_by", heldUpBy);
        return json.toString();
    }

    private void putCounts(ObjectNode json, SourceHealth source) {
        Duration age = source.oldestPendingAge(asOf);
        json.put("completed", source.embedded());
        json.put("pending", source.pending());
        json.put("skipped", source.skipped());
        json.put("failed", source.failed());
        json.put("success_rate", source.successRate());
        json.put("stale", source.stale());
        json.put("oldest_pending", time(source.oldestPending()));
        json.put("oldest_pending_age_secs", age == null ? null : BigDecimal.valueOf(age.toMillis(), 3));
    }

    private void putLastRun(ObjectNode json) {
        if (lastRun == null) {
            json.putNull("last_run");
        } else {
            json.putObject("last_run")
                    .put("job_id", lastRun.jobId())
                    .put("state", lastRun.state().code())
                    .put("started_at", time(lastRun.startedAt()))
                    .put("ended_at", time(lastRun.endedAt()));
        }
    }

    private static @Nullable String time(@Nullable Instant instant) {
        return instant == null ? null : instant.truncatedTo(ChronoUnit.MILLIS).toString();
    }
}
