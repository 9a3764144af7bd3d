package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.EmbeddingGenerator.Generated;
import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoreException.Kind;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EmbeddingGeneratorTest {
    private static ScriptedProvider provider(FaultScript faults) {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(16))
                .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 4))
                .faults(faults)
                .build();
    }

    private static List<String> texts(int count) {
        return IntStream.range(0, count).mapToObj(i -> "text " + i).toList();
    }

    @Test
    void vectorsStandWhereTheirTextsStand() {
        ScriptedProvider provider = provider(FaultScript.none());

        Generated generated = EmbeddingGenerator.of(provider).generate(texts(100));

        assertThat(generated.isComplete()).isTrue();
        for (int i = 0; i < 100; i++) {
            assertThat(generated.embeddings().get(i)).isEqualTo(provider.vectorOf("text " + i));
        }
        assertThat(generated.usage().inputTokens()).isPositive();
        assertThat(provider.embedCalls()).isEqualTo(7);
    }

    @Test
    void aBadTextIsNamedAndCostsNoOther() {
        ScriptedProvider provider = provider(FaultScript.badTexts(text -> text.equals("text 42")));

        Generated generated = EmbeddingGenerator.of(provider).generate(texts(100));

        assertThat(generated.failed().keySet()).containsExactly(42);
        assertThat(generated.embeddings().get(42)).isNull();
        assertThat(generated.embeddings().get(41)).isEqualTo(provider.vectorOf("text 41"));
        assertThat(generated.failed().get(42)).startsWith("embed_permanent: ").doesNotContain("text 42");
    }

    @Test
    void nothingOrBlankIsRefusedBeforeAnyCall() {
        ScriptedProvider provider = provider(FaultScript.none());
        EmbeddingGenerator generator = EmbeddingGenerator.of(provider);

        assertThatThrownBy(() -> generator.generate(List.of())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> generator.generate(List.of("a", " \n")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("texts[1]");
        assertThat(provider.embedCalls()).isZero();
    }

    @Test
    void whenEverythingFailsTheExceptionSaysWhy() {
        EmbeddingGenerator refused = EmbeddingGenerator.of(provider(FaultScript.always(Fault.keyRefused())));
        EmbeddingGenerator bad = EmbeddingGenerator.of(provider(FaultScript.badTexts(text -> text.startsWith("text"))));

        assertThatThrownBy(() -> refused.generate(texts(3)))
                .isInstanceOfSatisfying(
                        PermanentProviderException.class,
                        e -> assertThat(e.owner()).isEqualTo(FaultOwner.CONFIGURATION))
                .hasMessageContaining("none of 3 texts");
        assertThatThrownBy(() -> bad.generate(texts(3)))
                .isInstanceOfSatisfying(
                        ProviderException.class, e -> assertThat(e.owner()).isEqualTo(FaultOwner.ITEM));
    }

    @Test
    void rewritesStandWhereTheirTextsStand() {
        ScriptedProvider provider = ScriptedProvider.builder()
                .capabilities(Capability.REWRITE)
                .callPolicy(new CallPolicy(2, Duration.ofSeconds(60), 4))
                .faults(FaultScript.onRewrites(prompt -> prompt.endsWith("text 3"), Fault.refusal()))
                .build();
        EmbeddingRewriter rewriter = EmbeddingRewriter.of(provider, "Say again: {text}");

        EmbeddingRewriter.Rewritten rewritten = rewriter.rewriteAll(texts(10));

        assertThat(rewritten.failed().keySet()).containsExactly(3);
        assertThat(rewritten.texts().get(4)).isEqualTo(ScriptedProvider.rewriteOf("Say again: text 4"));
        assertThat(rewriter.rewrite("alone")).isEqualTo(ScriptedProvider.rewriteOf("Say again: alone"));
        assertThatThrownBy(() -> rewriter.rewrite("text 3"))
                .isInstanceOf(ProviderException.class)
                .hasMessageContaining("rewrite_error");
    }

    private final MemoryStore store = new MemoryStore(Clock.systemUTC());

    private void build(ScriptedProvider provider, String... texts) {
        List<SourceRecord> records = IntStream.range(0, texts.length)
                .mapToObj(i -> SourceRecord.of("id-" + i, texts[i]))
                .toList();
        BuildPipeline.builder()
                .records(InMemorySource.of(records))
                .embedder(provider)
                .store(store)
                .build()
                .run(BuildRequest.all());
    }

    private CostReport.Sum bill() {
        return store.costs(new CostQuery(null, null, ZoneOffset.UTC)).total();
    }

    @Test
    void equalTextsAreSentOnce() {
        ScriptedProvider provider = provider(FaultScript.badTexts(text -> text.equals("bad")));

        Generated generated = EmbeddingGenerator.of(provider).generate(List.of("a", "bad", "b", "a", "bad"));

        assertThat(generated.embeddings().get(3)).isEqualTo(provider.vectorOf("a"));
        assertThat(generated.failed().keySet()).containsExactly(1, 4);
        assertThat(provider.requests().get(0)).containsExactly("a", "bad", "b");
    }

    @Test
    void whatTheStoreHasCostsNothing() {
        build(provider(FaultScript.none()), "text 3", "text 5");
        ScriptedProvider provider = provider(FaultScript.none());
        long billed = bill().requests();

        Generated generated = EmbeddingGenerator.of(provider).withStore(store).getOrGenerate(texts(8));

        assertThat(generated.found()).isEqualTo(2);
        assertThat(provider.timesSent()).hasSize(6).doesNotContainKeys("text 3", "text 5");
        for (int i = 0; i < 8; i++) {
            assertThat(generated.embeddings().get(i)).isEqualTo(provider.vectorOf("text " + i));
        }
        assertThat(bill().requests()).isEqualTo(billed + 1);
    }

    @Test
    void whatTheStoreHasInFullNeedsNoCall() {
        build(provider(FaultScript.none()), "text 0", "text 1");
        ScriptedProvider provider = provider(FaultScript.always(Fault.keyRefused()));

        Generated generated =
                EmbeddingGenerator.of(provider).withStore(store).getOrGenerate(List.of("text 1", "text 0", "text 1"));

        assertThat(generated.isComplete()).isTrue();
        assertThat(generated.found()).isEqualTo(3);
        assertThat(generated.usage()).isEqualTo(TokenUsage.NONE);
        assertThat(provider.embedCalls()).isZero();
    }

    @Test
    void vectorsOfAnotherModelAreNotTaken() {
        build(ScriptedProvider.builder().dimension(8).model("another").build(), "text 0");
        ScriptedProvider provider = provider(FaultScript.none());

        Generated generated = EmbeddingGenerator.of(provider).withStore(store).getOrGenerate(List.of("text 0"));

        assertThat(generated.found()).isZero();
        assertThat(generated.embeddings()).containsExactly(provider.vectorOf("text 0"));
    }

    @Test
    void everyCallIsInTheBillFailedOnesIncluded() {
        ScriptedProvider provider = provider(FaultScript.badTexts(text -> text.equals("text 3")));
        TokenPrice price = TokenPrice.ofInput(new BigDecimal("0.5"));

        Generated generated = EmbeddingGenerator.of(Tariff.of(provider, price))
                .withStore(store)
                .generate(texts(8));

        CostReport report = store.costs(new CostQuery(null, null, ZoneOffset.UTC));
        assertThat(report.total().requests()).isEqualTo(provider.embedCalls()).isGreaterThan(1);
        assertThat(report.total().inputTokens()).isEqualTo(generated.usage().inputTokens());
        assertThat(report.total().costUsd()).isEqualByComparingTo(price.costOf(generated.usage()));
        assertThat(report.byJob()).extracting(CostReport.Line::key).containsExactly("");
        assertThat(report.byModel()).extracting(CostReport.Line::key).containsExactly("scripted/scripted-v1");
    }

    @Test
    void aBillThatCannotBeWrittenLosesNoVector() {
        ScriptedProvider provider = provider(FaultScript.none());
        FaultyStore failing = new FaultyStore(store);
        failing.setFaults((call, method) -> method == FaultyStore.Method.KEEP_CALLS ? Kind.PERMANENT : null);

        Generated generated = EmbeddingGenerator.of(provider).withStore(failing).getOrGenerate(texts(3));

        assertThat(generated.isComplete()).isTrue();
        assertThat(provider.embedCalls()).isEqualTo(1);
        assertThat(bill().requests()).isZero();
    }

    @Test
    void whereTheStoreCannotBeAskedNothingIsPaidFor() {
        ScriptedProvider provider = provider(FaultScript.none());
        FaultyStore failing = new FaultyStore(store);
        failing.setFaults((call, method) -> method == FaultyStore.Method.LOOK_UP ? Kind.PERMANENT : null);

        assertThatThrownBy(
                        () -> EmbeddingGenerator.of(provider).withStore(failing).getOrGenerate(texts(3)))
                .isInstanceOf(StoreException.class);
        assertThat(provider.embedCalls()).isZero();
    }

    @Test
    void withoutAStoreThereIsNothingToLookInto() {
        assertThatThrownBy(() ->
                        EmbeddingGenerator.of(provider(FaultScript.none())).getOrGenerate(texts(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("withStore");
    }
}
