package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.EstimateTally.Bounds;
import dev.evervec.pipeline.PageAppraiser.Appraisal;
import dev.evervec.pipeline.PageAppraiser.Fate;
import dev.evervec.pipeline.PageAppraiser.Text;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildEstimate.Calls;
import dev.evervec.pipeline.report.BuildEstimate.Line;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

/** What an estimate says of more texts than it can hold or count. */
class EstimateTallyTest {
    private static final ProviderLimits LIMITS = ProviderLimits.ofTexts(100);
    private static final CallPolicy ONE_AT_A_TIME = new CallPolicy(0, Duration.ofSeconds(60), 1);
    private static final ScriptedProvider PROVIDER =
            ScriptedProvider.builder().limits(LIMITS).build();

    private final long seed = System.nanoTime();

    /** A corpus: texts of two sources with different tokens per byte, one in three of them equal to an earlier one. */
    private static final class Corpus {
        final List<Appraisal> records = new ArrayList<>();
        long distinct;
        long tokensOfFirst;
        long tokensOfSecond;

        Corpus(int count, long seed) {
            Random random = new Random(seed);
            Set<Long> seen = new HashSet<>();
            List<Text> texts = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                boolean first = i % 4 != 0;
                Text text = random.nextInt(3) == 0 && i > 0 ? texts.get(random.nextInt(i)) : text(first, random);
                texts.add(text);
                if (seen.add(text.hash())) {
                    distinct++;
                    tokensOfFirst += first ? text.tokens().embedded() : 0;
                    tokensOfSecond += first ? 0 : text.tokens().embedded();
                }
                RecordKey key = new RecordKey(first ? "first" : "second", "id-" + i);
                records.add(new Appraisal(key, Fate.EMBED, text, ""));
            }
        }

        private static Text text(boolean first, Random random) {
            int bytes = 100 + random.nextInt(900);
            int tokens = first ? bytes / 4 + random.nextInt(20) : bytes / 2 + random.nextInt(40);
            return new Text(random.nextLong(), bytes, TokenCounts.embedded(tokens), false);
        }
    }

    private BuildEstimate estimate(Bounds bounds, List<Appraisal> records) {
        System.out.println("seed " + seed);
        EstimateTally tally = new EstimateTally(bounds, new TextSizer(PROVIDER), LIMITS, new Remarks(3));
        for (int from = 0; from < records.size(); from += 1_000) {
            tally.add(records.subList(from, Math.min(records.size(), from + 1_000)), List.of());
        }
        return new Quote(new Quote.Service(PROVIDER, ONE_AT_A_TIME, null), null, tally)
                .estimate("generation", null, List.of());
    }

    private static long tokensOf(BuildEstimate estimate, String source) {
        return estimate.sources().stream()
                .filter(line -> line.source().equals(source))
                .map(Line::amounts)
                .mapToLong(amounts -> amounts.embedding().inputTokens())
                .sum();
    }

    @Test
    void whatFitsIsExact() {
        Corpus corpus = new Corpus(20_000, seed);

        Calls calls = estimate(Bounds.DEFAULT, corpus.records).total().embedding();

        assertThat(calls.texts()).isEqualTo(corpus.distinct);
        assertThat(calls.inputTokens()).isEqualTo(corpus.tokensOfFirst + corpus.tokensOfSecond);
        assertThat(calls.requests()).isEqualTo((corpus.distinct + 99) / 100);
        assertThat(calls.standardError()).isZero();
    }

    /** Five standard errors: wrong about once in a million runs. */
    @Test
    void aSampleOfTokensKnowsItsError() {
        Corpus corpus = new Corpus(60_000, seed);

        BuildEstimate estimate = estimate(new Bounds(1 << 20, 1_000_000, 1_000), corpus.records);

        Calls calls = estimate.total().embedding();
        assertThat(calls.texts()).isEqualTo(corpus.distinct);
        assertThat(calls.requests()).isEqualTo((corpus.distinct + 99) / 100);
        assertThat(calls.standardError()).isPositive().isLessThan(calls.inputTokens() / 100);
        assertThat(Math.abs(calls.inputTokens() - corpus.tokensOfFirst - corpus.tokensOfSecond))
                .isLessThan(5 * calls.standardError());
        assertThat(tokensOf(estimate, "first")).isCloseTo(corpus.tokensOfFirst, Percentage.withPercentage(3));
        assertThat(estimate.assumptions()).anyMatch(said -> said.contains("Standard error"));
    }

    @Test
    void moreTextsThanCanBeHeldAreEstimatedWithinAFewPerCent() {
        Corpus corpus = new Corpus(200_000, seed);

        BuildEstimate estimate = estimate(new Bounds(20_000, 1L << 40, 1_000), corpus.records);

        Calls calls = estimate.total().embedding();
        assertThat(estimate.total().toEmbed()).isEqualTo(200_000);
        assertThat(calls.texts())
                .isNotEqualTo(corpus.distinct)
                .isCloseTo(corpus.distinct, Percentage.withPercentage(5));
        assertThat(Math.abs(calls.inputTokens() - corpus.tokensOfFirst - corpus.tokensOfSecond))
                .isLessThan(5 * calls.standardError());
        assertThat(calls.requests()).isCloseTo(calls.texts() / 100, Percentage.withPercentage(1));
        assertThat(tokensOf(estimate, "second")).isCloseTo(corpus.tokensOfSecond, Percentage.withPercentage(8));
        assertThat(estimate.assumptions()).anyMatch(said -> said.contains("zero bits"));
    }

    @Test
    void theSameRecordsGiveTheSameEstimateWhateverWasCountedInVain() {
        Corpus corpus = new Corpus(60_000, seed);
        Bounds bounds = new Bounds(20_000, 1_000_000, 1_000);
        BuildEstimate everyTextCounted = estimate(bounds, corpus.records);

        BuildEstimate again = estimate(bounds, corpus.records);
        EstimateTally tally = new EstimateTally(bounds, new TextSizer(PROVIDER), LIMITS, new Remarks(3));
        TextSums.Levels levels = tally.levels();
        for (int from = 0; from < corpus.records.size(); from += 1_000) {
            int countedFrom = levels.counted();
            List<Appraisal> page = corpus.records.subList(from, from + 1_000).stream()
                    .map(record -> countedFrom(countedFrom, record))
                    .toList();
            levels = tally.add(page, List.of());
        }

        assertThat(again).isEqualTo(everyTextCounted);
        assertThat(new Quote(new Quote.Service(PROVIDER, ONE_AT_A_TIME, null), null, tally)
                        .estimate("generation", null, List.of()))
                .isEqualTo(everyTextCounted);
    }

    private static Appraisal countedFrom(int zone, Appraisal record) {
        Text text = record.text();
        return text == null || HashSample.zone(text.hash()) >= zone
                ? record
                : new Appraisal(record.key(), record.fate(), new Text(text.hash(), text.bytes(), null, false), "");
    }
}
