package dev.evervec.pipeline.report;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What provider calls cost, added up in four ways. Sums are exact.
 *
 * @param from calls from then on, or null from the first on
 * @param to calls before then, or null to the last
 * @param zone where days begin
 * @param total everything
 * @param byDay keys are ISO dates in the zone, ascending
 * @param bySource keys are sources, ascending; calls that no record asked for, such as probes, are under the empty key
 * @param byModel keys are {@code provider/model}, ascending
 * @param byJob keys are job ids, in the order of the jobs; calls of no job are under the empty key
 */
public record CostReport(
        @Nullable Instant from,
        @Nullable Instant to,
        ZoneId zone,
        Sum total,
        List<Line> byDay,
        List<Line> bySource,
        List<Line> byModel,
        List<Line> byJob) {
    public CostReport {
        byDay = List.copyOf(byDay);
        bySource = List.copyOf(bySource);
        byModel = List.copyOf(byModel);
        byJob = List.copyOf(byJob);
    }

    /**
     * One line of JSON: {@code from}, {@code to}, {@code zone}, {@code total}, {@code by_day}, {@code by_source}, {@code by_model}
     * and {@code by_job}; what is not known is null, and so is an empty key.
     */
    public String toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("from", time(from));
        json.put("to", time(to));
        json.put("zone", zone.getId());
        total.putInto(json.putObject("total"));
        putLines(json.putArray("by_day"), "day", byDay);
        putLines(json.putArray("by_source"), "source", bySource);
        putLines(json.putArray("by_model"), "model", byModel);
        putLines(json.putArray("by_job"), "job_id", byJob);
        return PlainJson.line(json);
    }

    private static void putLines(ArrayNode list, String keyName, List<Line> lines) {
        for (Line line : lines) {
            ObjectNode entry = list.addObject().put(keyName, line.key().isEmpty() ? null : line.key());
            line.sum().putInto(entry);
        }
    }

    private static @Nullable String time(@Nullable Instant instant) {
        return instant == null ? null : instant.truncatedTo(ChronoUnit.MILLIS).toString();
    }

    /**
     * The calls of one day, source, model or job.
     *
     * @param key which one
     * @param sum its calls
     */
    public record Line(String key, Sum sum) {}

    /**
     * Added-up calls.
     *
     * @param requests calls made, failed ones included; by source: calls in which the source had a part
     * @param inputTokens tokens sent
     * @param outputTokens tokens generated
     * @param estimated whether at least a part of the tokens is an estimate
     * @param knownCostUsd what the calls with a known price cost
     * @param unpricedTokens tokens of calls whose price was not known
     */
    public record Sum(
            long requests,
            long inputTokens,
            long outputTokens,
            boolean estimated,
            BigDecimal knownCostUsd,
            long unpricedTokens) {
        /** What all of them cost, or null if a price was not known. */
        public @Nullable BigDecimal costUsd() {
            return unpricedTokens == 0 ? knownCostUsd : null;
        }

        private void putInto(ObjectNode json) {
            json.put("requests", requests)
                    .put("input_tokens", inputTokens)
                    .put("output_tokens", outputTokens)
                    .put("tokens_estimated", estimated)
                    .put("cost_usd", money(costUsd()))
                    .put("known_cost_usd", money(knownCostUsd))
                    .put("unpriced_tokens", unpricedTokens);
        }

        private static @Nullable BigDecimal money(@Nullable BigDecimal usd) {
            return usd == null ? null : usd.stripTrailingZeros();
        }
    }
}
