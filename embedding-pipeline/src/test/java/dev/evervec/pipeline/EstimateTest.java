package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.config.BuildSettings;
import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildEstimate.Amounts;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.Quota;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a build would do, told beforehand; where a build follows, it is the judge. */
@Timeout(60)
class EstimateTest {
    private static final TokenPrice PRICE = TokenPrice.ofInput(new BigDecimal("0.02"));
    private static final int MOST_TOKENS = 60;

    private final MemoryStore store = new MemoryStore(Clock.systemUTC());

    private static ScriptedProvider embedder() {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(new ProviderLimits(16, MOST_TOKENS, 800, 20_000))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4))
                .build();
    }

    private BuildPipeline.Builder pipeline(ScriptedProvider provider, List<SourceRecord> records) {
        return pipeline(provider, InMemorySource.of(records));
    }

    private BuildPipeline.Builder pipeline(ScriptedProvider provider, RecordSource records) {
        return BuildPipeline.builder()
                .records(records)
                .embedder(Tariff.of(provider, PRICE))
                .store(store);
    }

    private static List<SourceRecord> records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
    }

    /** Texts of all lengths, some of them equal, empty, blank or too long, of three sources. */
    private static List<SourceRecord> mixed(int count, long seed) {
        Random random = new Random(seed);
        List<SourceRecord> records = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String text = "w" + random.nextInt(count) + " word".repeat(1 + random.nextInt(25));
            if (random.nextInt(40) == 0) {
                text = random.nextBoolean() ? " " : "<p>&nbsp;</p>";
            } else if (random.nextInt(40) == 0) {
                text = "very long ".repeat(40) + i;
            } else if (random.nextInt(10) == 0 && i > 0) {
                text = records.get(random.nextInt(i)).content();
            }
            String id =
                    random.nextInt(50) == 0 && i > 0 ? records.get(i - 1).key().id() : "id-" + i;
            records.add(SourceRecord.of("s" + i % 3, id, null, text));
        }
        return records;
    }

    @Test
    void theBuildDoesWhatTheEstimateTold() {
        long seed = System.nanoTime();
        System.out.println("seed " + seed);
        ScriptedProvider provider = embedder();
        BuildPipeline pipeline = pipeline(provider, mixed(3_000, seed)).build();

        BuildEstimate estimate = pipeline.estimate(BuildRequest.all());
        BuildReport report = pipeline.run(BuildRequest.all());

        Amounts total = estimate.total();
        assertThat(total.toEmbed()).isEqualTo(report.succeeded());
        assertThat(total.tooLong()).isPositive().isEqualTo(report.skipped().get(Reason.INPUT_TOO_LONG));
        assertThat(total.emptyContent()).isPositive().isEqualTo(report.skipped().get(Reason.EMPTY_CONTENT));
        assertThat(total.embedding().texts())
                .isLessThan(total.toEmbed())
                .isEqualTo(provider.timesSent().size());
        assertThat(total.embedding().inputTokens()).isEqualTo(report.usage().totalTokens());
        assertThat(total.costUsd()).isEqualByComparingTo(report.costUsd());
        // A build sends what it has when the service is idle, which here it often is.
        assertThat(report.requests())
                .isBetween(total.embedding().requests(), 2 * total.embedding().requests());
        assertThat(estimate.notes()).isEqualTo(report.notes());
        estimate.sources()
                .forEach(line -> store.stats(pipeline.fingerprint()).stream()
                        .filter(stats -> stats.source().equals(line.source()))
                        .forEach(stats -> {
                            assertThat(line.amounts().records()).isEqualTo(stats.total());
                            assertThat(line.amounts().withContent()).isEqualTo(stats.withContent());
                            assertThat(line.amounts().toEmbed()).isEqualTo(stats.embedded());
                        }));
        assertThat(estimate.sources()).hasSize(3);
    }

    @Test
    void requestsAreFullWhereTheServiceIsBusy() {
        ScriptedProvider provider = embedder();
        BuildPipeline pipeline = pipeline(provider, records(3_200)).build();

        BuildEstimate estimate = pipeline.estimate(BuildRequest.all());
        BuildReport report = pipeline.run(BuildRequest.all());

        assertThat(estimate.total().embedding().requests()).isEqualTo(200);
        assertThat(report.requests()).isBetween(200L, 210L);
    }

    @Test
    void nothingIsSentOrWritten() {
        ScriptedProvider provider = embedder();

        BuildEstimate estimate = pipeline(provider, records(100)).build().estimate(BuildRequest.all());

        assertThat(estimate.total().toEmbed()).isEqualTo(100);
        assertThat(provider.embedCalls()).isZero();
        assertThat(store.writes()).isZero();
        assertThat(store.generations()).isEmpty();
        assertThat(ownThreads()).isEmpty();
    }

    private static List<String> ownThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("evervec-estimate"))
                .toList();
    }

    @Test
    void afterABuildNothingIsLeftToPayFor() {
        ScriptedProvider provider = embedder();
        pipeline(provider, records(100)).build().run(BuildRequest.all());
        List<SourceRecord> more = new ArrayList<>(records(100));
        more.add(SourceRecord.of("twin", "text number 7"));

        BuildEstimate same = pipeline(provider, records(100)).build().estimate(BuildRequest.all());
        BuildEstimate twin = pipeline(provider, more).build().estimate(BuildRequest.all());
        BuildEstimate rebuild =
                pipeline(provider, more).build().estimate(BuildRequest.all().rebuild());

        assertThat(same.total().unchanged()).isEqualTo(100);
        assertThat(same.total().costUsd()).isEqualByComparingTo("0");
        assertThat(same.expectedTime()).isZero();
        assertThat(twin.total().toEmbed()).isEqualTo(1);
        assertThat(twin.total().embedding().texts()).isZero();
        assertThat(twin.total().costUsd()).isEqualByComparingTo("0");
        assertThat(rebuild.total().toEmbed()).isEqualTo(101);
        assertThat(rebuild.total().embedding().texts()).isEqualTo(100);
    }

    @Test
    void whatAnInterruptedRebuildLeftIsPaidForAgain() {
        pipeline(embedder(), records(100)).build().run(BuildRequest.all());
        ScriptedProvider failing = embedder();
        failing.setFaults(FaultScript.always(Fault.keyRefused()));
        pipeline(failing, records(100)).build().run(BuildRequest.all().rebuild());

        BuildEstimate rest = pipeline(embedder(), records(100)).build().estimate(BuildRequest.all());

        assertThat(rest.total().toEmbed()).isEqualTo(100);
        assertThat(rest.total().embedding().texts()).isEqualTo(100);
    }

    @Test
    void onlyWhatIsSelectedCounts() {
        BuildPipeline pipeline = pipeline(embedder(), records(100)).build();

        BuildEstimate some = pipeline.estimate(BuildRequest.all().ids(List.of("id-3", "id-5", "nobody")));

        assertThat(some.total().records()).isEqualTo(2);
        assertThat(some.notes()).singleElement().asString().contains("nobody");
        assertThat(pipeline.estimate(BuildRequest.all().source("elsewhere")).sources())
                .isEmpty();
    }

    @Test
    void aTextThatIsCutIsPricedAsItIsSent() {
        BuildSettings truncating = new BuildSettings(
                Duration.ofSeconds(1), Duration.ofSeconds(1), Duration.ofSeconds(1), 3, TooLong.TRUNCATE, null);
        ScriptedProvider provider = embedder();
        String tooLong = "very long ".repeat(40);
        BuildPipeline pipeline = pipeline(
                        provider, List.of(SourceRecord.of("a", tooLong + "a"), SourceRecord.of("b", tooLong + "b")))
                .settings(truncating)
                .build();

        BuildEstimate estimate = pipeline.estimate(BuildRequest.all());
        BuildReport report = pipeline.run(BuildRequest.all());

        assertThat(estimate.total().tooLong()).isZero();
        assertThat(estimate.total().embedding().texts())
                .isEqualTo(provider.timesSent().size());
        assertThat(estimate.total().embedding().inputTokens())
                .isEqualTo(report.usage().totalTokens());
    }

    @Test
    void rewritesArePricedTogetherWithWhatTheyAreEmbeddedAs() {
        ScriptedProvider scripted = ScriptedProvider.builder()
                .model("rewriter")
                .capabilities(Capability.REWRITE)
                .build();
        TokenPrice price = new TokenPrice(new BigDecimal("0.1"), new BigDecimal("0.4"));
        List<SourceRecord> records = new ArrayList<>(records(50));
        records.add(SourceRecord.of("twin", "text number 7"));
        BuildPipeline pipeline = pipeline(embedder(), records)
                .rewriter(Tariff.of(scripted, price), "Say it better: {text}")
                .build();

        BuildEstimate before = pipeline.estimate(BuildRequest.all());
        BuildReport report = pipeline.run(BuildRequest.all());
        BuildEstimate rebuilt = pipeline.estimate(BuildRequest.all().rebuild());

        Amounts total = before.total();
        assertThat(total.rewriting().texts()).isEqualTo(50);
        assertThat(total.rewriting().requests()).isEqualTo(scripted.rewriteCalls());
        long prompts =
                scripted.prompts().stream().mapToLong(scripted::countTokens).sum();
        assertThat(total.rewriting().inputTokens()).isEqualTo(prompts);
        assertThat(total.rewriting().estimated()).isTrue();
        assertThat(total.embedding().texts()).isEqualTo(50);
        assertThat(total.costUsd())
                .isEqualByComparingTo(price.costOf(prompts, total.rewriting().outputTokens())
                        .add(PRICE.costOf(total.embedding().inputTokens(), 0)));
        assertThat(before.assumptions()).anyMatch(said -> said.contains("as long as its text"));
        assertThat(report.succeeded()).isEqualTo(51);
        assertThat(rebuilt.total().rewriting().texts()).isEqualTo(50);
        assertThat(pipeline.estimate(BuildRequest.all()).total().rewriting().texts())
                .isZero();
    }

    @Test
    void aKeptRewriteIsNotPaidForAgain() {
        ScriptedProvider scripted = ScriptedProvider.builder()
                .model("rewriter")
                .capabilities(Capability.REWRITE)
                .build();
        pipeline(embedder(), records(20))
                .rewriter(Tariff.of(scripted, null), "Say it better: {text}")
                .build()
                .run(BuildRequest.all());
        ScriptedProvider other = ScriptedProvider.builder()
                .model("another-model")
                .limits(ProviderLimits.ofTexts(16))
                .build();

        BuildEstimate estimate = pipeline(other, records(20))
                .rewriter(Tariff.of(scripted, null), "Say it better: {text}")
                .build()
                .estimate(BuildRequest.all());

        assertThat(estimate.total().rewriting().texts()).isZero();
        assertThat(estimate.total().embedding().texts()).isEqualTo(20);
        long rewrites = IntStream.range(0, 20)
                .mapToLong(i -> other.countTokens(ScriptedProvider.rewriteOf("Say it better: text number " + i)))
                .sum();
        assertThat(estimate.total().embedding().inputTokens()).isEqualTo(rewrites);
        assertThat(estimate.total().embedding().estimated()).isFalse();
    }

    @Test
    void anUnknownPriceIsUnknownAndNotZero() throws Exception {
        BuildEstimate estimate = BuildPipeline.builder()
                .records(InMemorySource.of(records(10)))
                .embedder(embedder())
                .store(store)
                .build()
                .estimate(BuildRequest.all());

        assertThat(estimate.total().costUsd()).isNull();
        assertThat(estimate.fitsBudget()).isNull();
        assertThat(estimate.total().embedding().estimated()).isTrue();
        JsonNode json = new ObjectMapper().readTree(estimate.toJson());
        assertThat(json.get("cost_usd").isNull()).isTrue();
        assertThat(json.get("embedding").get("distinct_texts").asLong()).isEqualTo(10);
        assertThat(json.get("sources").get(0).get("to_embed").asLong()).isEqualTo(10);
    }

    @Test
    void theQuotaOrTheAnswersDecideHowLongItTakes() {
        Tariff free = Tariff.of(embedder(), PRICE);
        Quota texts = new Quota(OptionalInt.of(60), OptionalInt.empty(), QuotaUnit.TEXTS);
        Quota tokens = new Quota(OptionalInt.of(1_000_000), OptionalInt.of(60), QuotaUnit.REQUESTS);

        BuildEstimate unlimited = estimate(free);
        BuildEstimate byTexts = estimate(free.with(texts));
        BuildEstimate byTokens = estimate(free.with(tokens));

        // 10 requests of 16 texts, 4 at a time, 1 s each.
        assertThat(unlimited.expectedTime()).isEqualTo(Duration.ofSeconds(3));
        assertThat(byTexts.expectedTime()).isEqualTo(Duration.ofSeconds(160));
        assertThat(byTokens.expectedTime())
                .isEqualTo(Duration.ofSeconds(byTokens.total().embedding().inputTokens()));
        assertThat(byTexts.assumptions()).anyMatch(said -> said.contains("60 texts per minute"));
    }

    private BuildEstimate estimate(Tariff provider) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(records(160)))
                .embedder(provider)
                .store(store)
                .build()
                .estimate(BuildRequest.all());
    }

    @Test
    void recordsThatCannotBeReadAreNamed() {
        FaultySource source =
                new FaultySource(records(50), 7).unreadable(key -> key.id().equals("id-20"));

        BuildEstimate estimate = pipeline(embedder(), source).build().estimate(BuildRequest.all());

        assertThat(estimate.total().unreadable()).isEqualTo(1);
        assertThat(estimate.total().records()).isEqualTo(49);
        assertThat(estimate.unreadable())
                .singleElement()
                .satisfies(outcome -> assertThat(outcome.key().id()).isEqualTo("id-20"));
    }

    @Test
    void aSourceThatBreaksOffIsNoEstimate() {
        FaultySource broken = new FaultySource(records(50), 7)
                .pageFault(call -> call == 3 ? new SourceException("the file has shrunk", null) : null);
        FaultySource buggy = new FaultySource(records(50), 7)
                .pageFault(call -> call == 3 ? new IllegalStateException("text") : null);

        assertThatThrownBy(() -> pipeline(embedder(), broken).build().estimate(BuildRequest.all()))
                .isInstanceOf(SourceException.class)
                .hasMessage("the file has shrunk");
        assertThatThrownBy(() -> pipeline(embedder(), buggy).build().estimate(BuildRequest.all()))
                .isInstanceOf(SourceException.class)
                .hasMessageContaining("IllegalStateException while reading")
                .hasMessageNotContaining("text");
        assertThat(ownThreads()).isEmpty();
    }

    @Test
    void anInterruptEndsIt() {
        BuildPipeline pipeline = pipeline(embedder(), records(5_000)).build();
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> pipeline.estimate(BuildRequest.all())).isInstanceOf(CancellationException.class);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(ownThreads()).isEmpty();
    }
}
