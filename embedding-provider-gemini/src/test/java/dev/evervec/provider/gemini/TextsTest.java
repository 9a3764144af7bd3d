package dev.evervec.provider.gemini;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TextsTest {
    @Test
    void everyTextBecomesOneThatUtf8CanCarryAndGoodOnesStay() {
        long seed = 4711;
        Random random = new Random(seed);
        char[] alphabet = {'a', ' ', '\n', 'é', '二', '\uD83D', '\uDE00', '\uD800', '\uDFFF', '\uFFFD'};
        for (int round = 0; round < 5_000; round++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(12); i > 0; i--) {
                text.append(alphabet[random.nextInt(alphabet.length)]);
            }
            String original = text.toString();

            String sent = Texts.wellFormed(original);

            String as = "seed " + seed + ", round " + round;
            assertThat(new String(sent.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8))
                    .as(as)
                    .isEqualTo(sent);
            assertThat(sent).as(as).hasSameSizeAs(original);
            // Java writes an unpaired surrogate as '?': nothing else may differ.
            assertThat(sent.replace('\uFFFD', '?'))
                    .as(as)
                    .isEqualTo(new String(original.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)
                            .replace('\uFFFD', '?'));
        }
    }

    @Test
    void aGoodTextIsNotCopied() {
        String text = "ok \uD83D\uDE00";

        assertThat(Texts.wellFormed(text)).isSameAs(text);
    }
}
