package dev.evervec.pipeline;

import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.ProviderCall.Share;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.CallTotals;
import dev.evervec.provider.Capability;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every call of a job, what it cost, and which records it was for. The parts of a call always add up to the whole. Owned by
 * the thread of the state machine.
 */
final class Bill {
    private CallTotals totals = CallTotals.NONE;
    private @Nullable BigDecimal costUsd = BigDecimal.ZERO;
    private List<ProviderCall> unstored = new ArrayList<>();
    private List<ProviderCall> untold = new ArrayList<>();
    private final Map<RecordKey, RecordCost> costs = new HashMap<>();

    /** A record in a call, and how much of the call it is. */
    record Part(RecordKey key, int tokens) {}

    /** What is told of a call before it is priced and divided. */
    record Made(
            Instant at,
            Duration took,
            Capability capability,
            @Nullable String failure) {}

    /** Enters a call; returns what it cost, or null if that is unknown. */
    @Nullable
    BigDecimal enter(Made made, PricedModel model, TokenUsage told, List<Part> parts) {
        TokenUsage usage = believable(told, parts);
        BigDecimal cost = model.costOf(usage);
        totals = totals.plus(new CallTotals(1, usage));
        costUsd = costUsd == null || cost == null ? null : costUsd.add(cost);
        ProviderCall call = new ProviderCall(
                made.at(),
                made.took(),
                model.identity().provider(),
                model.identity().model(),
                made.capability(),
                Math.max(1, parts.size()),
                usage,
                cost,
                made.failure(),
                divide(model, usage, parts));
        unstored.add(call);
        untold.add(call);
        return cost;
    }

    /** Whatever a provider says, the bill stays one that can be added up. */
    private static TokenUsage believable(TokenUsage told, List<Part> parts) {
        boolean absurd = Math.max(told.inputTokens(), told.outputTokens()) > TokenUsage.MOST_PER_CALL;
        return absurd
                ? TokenUsage.estimated(parts.stream().mapToLong(Part::tokens).sum(), 0)
                : told;
    }

    /** Divides tokens by the lengths of the texts: what a text gets is the difference of two rounded sums. */
    private List<Share> divide(PricedModel model, TokenUsage usage, List<Part> parts) {
        long all = parts.stream().mapToLong(part -> Math.max(1, part.tokens())).sum();
        Map<String, Share> shares = new LinkedHashMap<>();
        long before = 0;
        for (Part part : parts) {
            long until = before + Math.max(1, part.tokens());
            long input = portion(usage.inputTokens(), until, all) - portion(usage.inputTokens(), before, all);
            long output = portion(usage.outputTokens(), until, all) - portion(usage.outputTokens(), before, all);
            BigDecimal cost = model.costOf(input, output);
            charge(part.key(), new RecordCost(input + output, cost));
            String source = part.key().source();
            shares.merge(source, new Share(source, 1, input, output, cost), Bill::sum);
            before = until;
        }
        return List.copyOf(shares.values());
    }

    private static long portion(long tokens, long part, long all) {
        return (long) (tokens * ((double) part / all));
    }

    private static Share sum(Share one, Share other) {
        BigDecimal cost = one.costUsd() == null || other.costUsd() == null
                ? null
                : one.costUsd().add(other.costUsd());
        return new Share(
                one.source(),
                one.texts() + other.texts(),
                one.inputTokens() + other.inputTokens(),
                one.outputTokens() + other.outputTokens(),
                cost);
    }

    private void charge(RecordKey key, RecordCost cost) {
        if (cost.tokens() > 0) {
            costs.merge(key, cost, RecordCost::plus);
        }
    }

    /** What was paid for a record since it was last asked for. */
    RecordCost takeCost(RecordKey key) {
        RecordCost cost = costs.remove(key);
        return cost == null ? RecordCost.NONE : cost;
    }

    CallTotals totals() {
        return totals;
    }

    /** What all calls cost, or null if a price is not known; nothing costs nothing whatever the price. */
    @Nullable
    BigDecimal costUsd() {
        return costUsd;
    }

    boolean hasUnstored() {
        return !unstored.isEmpty();
    }

    /** Calls that are not in the store yet; from now on the caller sees to that. */
    List<ProviderCall> takeUnstored() {
        List<ProviderCall> taken = unstored;
        unstored = new ArrayList<>();
        return taken;
    }

    /** Calls that nobody was told of. */
    List<ProviderCall> takeUntold() {
        List<ProviderCall> taken = untold;
        untold = new ArrayList<>();
        return taken;
    }
}
