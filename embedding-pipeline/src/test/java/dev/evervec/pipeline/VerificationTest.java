package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.VerifyReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class VerificationTest {
    private static final TokenPrice PRICE = TokenPrice.ofInput(new BigDecimal("0.02"));

    private final MemoryStore store = new MemoryStore(Clock.systemUTC());

    private static ScriptedProvider provider() {
        return ScriptedProvider.builder()
                .dimension(64)
                .limits(ProviderLimits.ofTexts(16))
                .build();
    }

    private static List<SourceRecord> records(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                .toList();
    }

    private BuildPipeline.Builder pipeline(LLMProvider provider, List<SourceRecord> records) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(records))
                .embedder(provider)
                .store(store);
    }

    private CostReport.Sum bill() {
        return store.costs(new CostQuery(null, null, ZoneOffset.UTC)).total();
    }

    /** Answers for one model and says that it is another one. */
    private record Impostor(LLMProvider claimed, LLMProvider real) implements LLMProvider {
        @Override
        public ModelIdentity model() {
            return claimed.model();
        }

        @Override
        public ProviderLimits limits() {
            return claimed.limits();
        }

        @Override
        public EmbedResponse embed(EmbedRequest request) {
            return real.embed(request);
        }

        @Override
        public void close() {}
    }

    @Test
    void currentVectorsMatchAndCostWhatWasTold() throws Exception {
        pipeline(provider(), records(100)).build().run(BuildRequest.all());
        long billed = bill().requests();
        ScriptedProvider provider = provider();
        Verification verification =
                pipeline(Tariff.of(provider, PRICE), records(100)).build().verification(40);

        BuildEstimate.Calls price = verification.estimate();
        assertThat(provider.embedCalls()).isZero();
        VerifyReport report = verification.run();

        assertThat(report.passed()).isTrue();
        assertThat(report.sampled()).isEqualTo(40);
        assertThat(report.matched()).isEqualTo(40);
        assertThat(price.texts()).isEqualTo(40);
        assertThat(price.requests()).isEqualTo(3).isEqualTo(provider.embedCalls());
        assertThat(price.inputTokens()).isEqualTo(report.usage().inputTokens());
        assertThat(report.costUsd()).isPositive().isEqualByComparingTo(price.usd());
        assertThat(bill().requests()).isEqualTo(billed + 3);
        JsonNode json = new ObjectMapper().readTree(report.toJson());
        assertThat(json.get("matched").asInt()).isEqualTo(40);
        assertThat(json.get("cost_usd").decimalValue()).isEqualByComparingTo(report.costUsd());
    }

    @Test
    void vectorsOfAnotherModelAreNamedWithTheirCosine() {
        pipeline(provider(), records(20)).build().run(BuildRequest.all());
        LLMProvider other =
                ScriptedProvider.builder().dimension(64).model("other").build();

        VerifyReport report = pipeline(new Impostor(provider(), other), records(20))
                .build()
                .verification(100)
                .run();

        assertThat(report.passed()).isFalse();
        assertThat(report.sampled()).isEqualTo(20);
        assertThat(report.mismatched())
                .hasSize(20)
                .allSatisfy(mismatch -> assertThat(mismatch.cosine()).isBetween(-1.0, VerifyReport.MATCH));
        assertThat(report.toJson()).contains("\"id\":\"id-7\",\"cosine\":");
    }

    @Test
    void recordsWithAnotherTextAreLeftOut() {
        pipeline(provider(), records(10)).build().run(BuildRequest.all());
        List<SourceRecord> now = new ArrayList<>(records(8));
        now.set(3, SourceRecord.of("id-3", "another text"));
        now.set(4, SourceRecord.of("id-4", "<p>&nbsp;</p>"));
        ScriptedProvider provider = provider();

        VerifyReport report = pipeline(provider, now).build().verification(100).run();

        assertThat(report.matched()).isEqualTo(6);
        assertThat(report.changed()).isEqualTo(2);
        assertThat(report.unavailable()).isEqualTo(2);
        assertThat(report.passed()).isTrue();
        assertThat(provider.timesSent()).hasSize(6).doesNotContainKey("another text");
    }

    @Test
    void keptRewritesAreUsedAndNoneIsBought() {
        ScriptedProvider rewriter =
                ScriptedProvider.builder().capabilities(Capability.REWRITE).build();
        BuildPipeline pipeline = pipeline(provider(), records(10))
                .rewriter(rewriter, "Shorter: {text}")
                .build();
        pipeline.run(BuildRequest.all());

        VerifyReport report = pipeline.verification(10).run();

        assertThat(report.matched()).isEqualTo(10);
        assertThat(rewriter.rewriteCalls()).isEqualTo(10);
    }

    @Test
    void aTextThatIsRefusedNowFailsAloneAndIsNamed() {
        pipeline(provider(), records(20)).build().run(BuildRequest.all());
        ScriptedProvider refusing = ScriptedProvider.builder()
                .dimension(64)
                .faults(FaultScript.badTexts(text -> text.endsWith(" 7")))
                .build();

        VerifyReport report =
                pipeline(refusing, records(20)).build().verification(20).run();

        assertThat(report.matched()).isEqualTo(19);
        assertThat(report.failed()).singleElement().satisfies(failure -> {
            assertThat(failure.key().id()).isEqualTo("id-7");
            assertThat(failure.detail()).startsWith("embed_permanent").doesNotContain("text number");
        });
        assertThat(report.passed()).isFalse();
    }

    @Test
    void withoutVectorsNothingIsComparedAndNothingPaid() {
        ScriptedProvider provider = provider();
        Verification verification = pipeline(provider, records(20)).build().verification(5);

        assertThat(verification.estimate().usd()).isEqualByComparingTo("0");
        assertThat(verification.run().sampled()).isZero();
        assertThat(provider.embedCalls()).isZero();
    }

    @Test
    void aSampleHasItsLimits() {
        BuildPipeline pipeline = pipeline(provider(), records(1)).build();

        assertThatThrownBy(() -> pipeline.verification(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> pipeline.verification(10_001))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("10000");
    }
}
