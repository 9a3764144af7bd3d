package dev.evervec.pipeline;

import dev.evervec.pipeline.EstimateTally.Sums;
import dev.evervec.pipeline.PageAppraiser.Fate;
import dev.evervec.pipeline.TextSums.Amount;
import dev.evervec.pipeline.TextSums.Levels;
import dev.evervec.pipeline.TokenCounts.Kind;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildEstimate.Amounts;
import dev.evervec.pipeline.report.BuildEstimate.Calls;
import dev.evervec.pipeline.report.BuildEstimate.Line;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.Quota;
import dev.evervec.provider.TokenPrice;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Turns sums of texts into requests, tokens, money and time, and says what that rests on. Immutable. */
final class Quote {
    /**
     * Who is called, and how.
     *
     * @param provider the provider
     * @param policy how many requests at a time
     * @param requestTakes how long its latest requests took on average, or null if none is in the bill
     */
    record Service(
            LLMProvider provider,
            CallPolicy policy,
            @Nullable Duration requestTakes) {
        private static final Duration ASSUMED_EMBEDDING = Duration.ofSeconds(1);
        private static final Duration ASSUMED_REWRITE = Duration.ofSeconds(5);
        private static final int ASSUMED_IN_FLIGHT = 8;

        /** Requests at a time; assumed where that is yet to be found. */
        int inFlight() {
            return isFixed() ? policy.maxInFlight() : Math.min(ASSUMED_IN_FLIGHT, policy.maxInFlight());
        }

        boolean isFixed() {
            return policy.concurrency() == CallPolicy.Concurrency.FIXED;
        }

        Duration latency() {
            if (requestTakes != null) {
                return requestTakes;
            }
            return provider.model().dimension() > 0 ? ASSUMED_EMBEDDING : ASSUMED_REWRITE;
        }

        /** How long so many requests take. */
        Duration timeOf(Calls calls) {
            Duration inTurn = latency().multipliedBy((calls.requests() + inFlight() - 1) / inFlight());
            Duration byQuota = provider.quota()
                    .leastTime(
                            calls.requests(), calls.texts(), Math.addExact(calls.inputTokens(), calls.outputTokens()));
            return inTurn.compareTo(byQuota) > 0 ? inTurn : byQuota;
        }

        @Nullable
        BigDecimal costOf(long inputTokens, long outputTokens) {
            return PricedModel.of(provider).costOf(inputTokens, outputTokens);
        }

        String name() {
            ModelIdentity model = provider.model();
            return model.provider() + "/" + model.model();
        }
    }

    private final Service embedding;
    private final @Nullable Service rewriting;
    private final EstimateTally tally;
    private final Levels levels;

    Quote(Service embedding, @Nullable Service rewriting, EstimateTally tally) {
        this.embedding = embedding;
        this.rewriting = rewriting;
        this.tally = tally;
        this.levels = tally.levels();
    }

    /** All of it. */
    BuildEstimate estimate(String generation, @Nullable BigDecimal budgetUsd, List<String> notes) {
        List<Line> sources = sources();
        Amounts total = total(sources);
        return new BuildEstimate(
                generation,
                sources,
                total,
                expectedTime(total),
                budgetUsd,
                tally.unreadable(),
                notes,
                assumptions(total));
    }

    // ---- records, calls, money ----

    private List<Line> sources() {
        return tally.bySource().entrySet().stream()
                .map(entry -> new Line(entry.getKey(), amounts(entry.getValue())))
                .toList();
    }

    /** Tokens and money are those of the sources added up; requests carry texts of several sources. */
    private Amounts total(List<Line> sources) {
        List<Amounts> amounts = sources.stream().map(Line::amounts).toList();
        Sums all = tally.all();
        return records(
                all,
                sum(rewriting, amounts.stream().map(Amounts::rewriting).toList(), all.toRewrite.texts(levels)),
                sum(embedding, amounts.stream().map(Amounts::embedding).toList(), all.requests.requestsOf(texts(all))));
    }

    private Amounts amounts(Sums sums) {
        return records(sums, rewriting(sums), embedding(sums));
    }

    private static Amounts records(Sums sums, Calls rewriting, Calls embedding) {
        long withContent = sums.count(Fate.UNCHANGED)
                + sums.count(Fate.EMPTY)
                + sums.count(Fate.TOO_LONG)
                + sums.count(Fate.EMBED);
        return new Amounts(
                withContent + sums.count(Fate.BLANK),
                withContent,
                sums.count(Fate.UNCHANGED),
                sums.count(Fate.EMBED),
                sums.count(Fate.EMPTY),
                sums.count(Fate.TOO_LONG),
                sums.count(Fate.UNREADABLE),
                rewriting,
                embedding);
    }

    private long texts(Sums sums) {
        return sums.plain.texts(levels) + sums.toRewrite.texts(levels);
    }

    private Calls embedding(Sums sums) {
        long texts = texts(sums);
        if (texts == 0) {
            return Calls.NONE;
        }
        Amount tokens = sums.plain
                .tokens(Kind.EMBEDDED, levels, tally.all().plain)
                .plus(sums.toRewrite.tokens(Kind.EMBEDDED, levels, tally.all().toRewrite));
        boolean estimated =
                !embedding.provider().countsTokensExactly() || levels.counted() > 0 || sums.toRewrite.texts(levels) > 0;
        return new Calls(
                texts,
                sums.requests.requestsOf(texts),
                tokens.rounded(),
                0,
                estimated,
                Math.round(tokens.standardError()),
                embedding.costOf(tokens.rounded(), 0));
    }

    private Calls rewriting(Sums sums) {
        long texts = sums.toRewrite.texts(levels);
        if (rewriting == null || texts == 0) {
            return Calls.NONE;
        }
        Amount prompts = sums.toRewrite.tokens(Kind.PROMPT, levels, tally.all().toRewrite);
        long rewrites = sums.toRewrite
                .tokens(Kind.REWRITE, levels, tally.all().toRewrite)
                .rounded();
        return new Calls(
                texts,
                texts,
                prompts.rounded(),
                rewrites,
                true,
                Math.round(prompts.standardError()),
                rewriting.costOf(prompts.rounded(), rewrites));
    }

    private static Calls sum(@Nullable Service service, List<Calls> parts, long requests) {
        long texts = parts.stream().mapToLong(Calls::texts).sum();
        if (service == null || texts == 0) {
            return Calls.NONE;
        }
        long input = parts.stream().mapToLong(Calls::inputTokens).sum();
        long output = parts.stream().mapToLong(Calls::outputTokens).sum();
        double error = parts.stream().mapToDouble(Calls::standardError).reduce(0, Math::hypot);
        return new Calls(
                texts,
                requests,
                input,
                output,
                parts.stream().anyMatch(Calls::estimated),
                Math.round(error),
                service.costOf(input, output));
    }

    // ---- time ----

    /** Rewriting and embedding overlap: the slower of the two decides, and the last rewrites still have to be embedded. */
    private Duration expectedTime(Amounts total) {
        Duration embeds = embedding.timeOf(total.embedding());
        if (rewriting == null || total.rewriting().requests() == 0) {
            return embeds;
        }
        Duration rewrites = rewriting.timeOf(total.rewriting()).plus(embedding.latency());
        return rewrites.compareTo(embeds) > 0 ? rewrites : embeds;
    }

    // ---- what it rests on ----

    private List<String> assumptions(Amounts total) {
        List<String> said = new ArrayList<>();
        if (total.embedding().texts() == 0) {
            return said;
        }
        said.add("No request fails, is split or is sent again.");
        sayDistinct(total, said);
        sayCounted(total, said);
        sayService(embedding, "embedding request", said);
        if (rewriting != null && total.rewriting().texts() > 0) {
            said.add(
                    "A rewrite is taken to be as long as its text: its tokens, when it is made and when it is embedded,"
                            + " are the text's. Whether it is too long to be embedded shows only when it is made.");
            sayService(rewriting, "rewrite", said);
        }
        return said;
    }

    private void sayDistinct(Amounts total, List<String> said) {
        if (levels.distinct() > 0) {
            long sample = total.embedding().texts() >> levels.distinct();
            said.add(String.format(
                    Locale.ROOT,
                    "Different texts are estimated from %,d of them, whose hash begins with %d zero bits; standard error"
                            + " %.2f %%.",
                    sample,
                    levels.distinct(),
                    100 / Math.sqrt((double) sample)));
        }
        if (!tally.comparedAllIds()) {
            said.add(
                    "Of so many records not every id can be compared with all others: if some come twice, most of these"
                            + " are counted twice.");
        }
    }

    private void sayCounted(Amounts total, List<String> said) {
        if (levels.counted() > 0) {
            said.add(String.format(
                    Locale.ROOT,
                    "The tokens of %,d texts, chosen by their hash, were counted; those of the others are reckoned by their"
                            + " bytes, by source where at least %,d texts of it were counted. Standard error %.2f %%.",
                    tally.countedTexts(levels),
                    TextSums.ENOUGH_TEXTS,
                    100.0
                            * total.embedding().standardError()
                            / Math.max(1, total.embedding().inputTokens())));
        }
    }

    private static void sayService(Service service, String request, List<String> said) {
        LLMProvider provider = service.provider();
        said.add(
                provider.countsTokensExactly()
                        ? "Tokens of " + service.name() + " are counted as the service counts them."
                        : "Tokens of " + service.name()
                                + " are an estimate that leans upwards, because its tokenizer is not known.");
        TokenPrice price = provider.price();
        if (price == null) {
            said.add("The price of " + service.name() + " is not known.");
        } else {
            said.add("A million tokens of " + service.name() + " cost "
                    + price.inputUsdPerMillion().toPlainString() + " USD"
                    + (price.outputUsdPerMillion().signum() == 0
                            ? "."
                            : " sent and " + price.outputUsdPerMillion().toPlainString() + " USD generated."));
        }
        said.add(String.format(
                Locale.ROOT,
                "One %s takes %.2f s, %s; %s.",
                request,
                service.latency().toMillis() / 1000.0,
                service.requestTakes() == null
                        ? "which is a guess, because the bill has none of this model yet"
                        : "as the latest of this model did on average",
                pace(service)));
    }

    private static String pace(Service service) {
        Quota quota = service.provider().quota();
        List<String> limits = new ArrayList<>();
        limits.add((service.isFixed() ? "" : "about ") + service.inFlight() + " at a time");
        quota.requestsPerMinute()
                .ifPresent(most -> limits.add(String.format(Locale.ROOT, "%,d %s per minute", most, word(quota))));
        quota.tokensPerMinute()
                .ifPresent(most -> limits.add(String.format(Locale.ROOT, "%,d tokens per minute", most)));
        return String.join(", ", limits);
    }

    private static String word(Quota quota) {
        return switch (quota.unit()) {
            case REQUESTS -> "requests";
            case TEXTS -> "texts";
        };
    }
}
