package dev.evervec.pipeline.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.ModelIdentity;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FingerprintTest {
    private static ModelIdentity model(String provider, String name, int dimension, String task, String normalization) {
        return ModelIdentity.embedding(provider, name, dimension, task, normalization);
    }

    @Test
    void whateverDecidesWhatAVectorIsOpensAnotherGeneration() {
        ModelIdentity rewriter = ModelIdentity.rewriting("p", "r", "0.3");
        List<Fingerprint> different = List.of(
                new Fingerprint(model("p", "m", 8, "", "none"), ""),
                new Fingerprint(model("q", "m", 8, "", "none"), ""),
                new Fingerprint(model("p", "n", 8, "", "none"), ""),
                new Fingerprint(model("p", "m", 9, "", "none"), ""),
                new Fingerprint(model("p", "m", 8, "T", "none"), ""),
                new Fingerprint(model("p", "m", 8, "", "l2"), ""),
                new Fingerprint(model("p", "m", 8, "", "none"), Fingerprint.ofRewrite(rewriter, "a {text}")),
                new Fingerprint(model("p", "m", 8, "", "none"), Fingerprint.ofRewrite(rewriter, "b {text}")),
                new Fingerprint(
                        model("p", "m", 8, "", "none"),
                        Fingerprint.ofRewrite(ModelIdentity.rewriting("p", "r", "0.4"), "a {text}")));

        Set<String> names = new HashSet<>();
        different.forEach(fingerprint -> names.add(fingerprint.generation()));

        assertThat(names).hasSize(different.size()).allMatch(name -> name.matches("[0-9a-f]{8}"));
    }

    @Test
    void namesStayTheSameFromVersionToVersion() {
        assertThat(new Fingerprint(model("local", "hashing-v1", 256, "", "l2"), "").generation())
                .isEqualTo("7d33b963");
    }

    @Test
    void hashesKeepTitleAndContentApart() {
        assertThat(Sha256.ofContent("a", "b")).isNotEqualTo(Sha256.ofContent("", "ab"));
        assertThat(Sha256.ofContent(null, "b")).isEqualTo(Sha256.ofContent("", "b"));
        assertThat(Sha256.ofText("abc").hex())
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assertThat(Sha256.fromBytes(Sha256.ofText("x").bytes())).isEqualTo(Sha256.ofText("x"));
    }

    @Test
    void keysAndLocatorsRefuseWhatCannotBeKept() {
        assertThat(new RecordKey("s", "é".repeat(256)).id()).hasSize(256);
        for (String id : List.of("", "a\nb", "\u0000", "\u0085", "\uD800", "é".repeat(257))) {
            assertThatThrownBy(() -> new RecordKey("s", id)).isInstanceOf(IllegalArgumentException.class);
        }
        for (String source : List.of("", "all", "x".repeat(129))) {
            assertThatThrownBy(() -> new RecordKey(source, "1")).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> Locator.of(new byte[65])).isInstanceOf(IllegalArgumentException.class);
    }
}
