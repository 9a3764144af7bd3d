package dev.evervec.pipeline.report;

import java.math.BigDecimal;
import java.time.Instant;
import java.time.ZoneId;
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
    }
}
