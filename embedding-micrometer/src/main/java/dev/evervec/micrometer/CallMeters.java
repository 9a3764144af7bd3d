package dev.evervec.micrometer;

import dev.evervec.pipeline.report.ProviderCall;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.math.BigDecimal;
import java.time.Duration;

/** Counts what providers were asked, how long it took, and what it cost. */
final class CallMeters {
    private static final Duration[] DURATION_BUCKETS = Names.durationBuckets();
    private static final double[] TOKEN_BUCKETS = Names.tokenBuckets();

    private final MeterRegistry registry;
    private final Tags common;

    CallMeters(MeterRegistry registry, Tags common) {
        this.registry = registry;
        this.common = common;
    }

    void count(ProviderCall call) {
        Tags tags = common.and(
                Names.OPERATION, Names.operation(call),
                Names.PROVIDER, Names.provider(call),
                Names.MODEL, call.model());
        duration(call, tags);
        tokens("input", call.usage().inputTokens(), tags);
        tokens("output", call.usage().outputTokens(), tags);
        cost(call, tags);
    }

    private void duration(ProviderCall call, Tags tags) {
        Timer.builder(Names.OPERATION_DURATION)
                .description("How long calls to providers took, waiting for quota included")
                .tags(call.failure() == null ? tags : tags.and(Names.ERROR, call.failure()))
                .serviceLevelObjectives(DURATION_BUCKETS)
                .register(registry)
                .record(call.took());
    }

    private void tokens(String type, long count, Tags tags) {
        if (count > 0) {
            DistributionSummary.builder(Names.TOKEN_USAGE)
                    .description("Tokens of each call to a provider")
                    .tags(tags.and(Names.TOKEN_TYPE, type))
                    .serviceLevelObjectives(TOKEN_BUCKETS)
                    .register(registry)
                    .record((double) count);
        }
    }

    /** What is not known is not zero: it has a counter of its own. */
    private void cost(ProviderCall call, Tags tags) {
        BigDecimal usd = call.costUsd();
        if (usd == null) {
            counter(Names.UNPRICED_TOKENS, "Tokens of calls whose price is not known", "tokens", tags)
                    .increment((double) call.usage().totalTokens());
        } else {
            counter(Names.COST, "What calls with a known price cost", "usd", tags)
                    .increment(usd.doubleValue());
        }
    }

    private Counter counter(String name, String description, String unit, Tags tags) {
        return Counter.builder(name)
                .description(description)
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }
}
