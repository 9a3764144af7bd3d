package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.EmbeddingGenerator.Generated;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ScriptedProvider;
import java.time.Duration;
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
}
