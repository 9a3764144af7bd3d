package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.LLMProviders;
import dev.evervec.it.Scripts.Script;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokens as the library counts them for OpenAI's models, held against a second tokenizer. */
final class TokenCountTest {
    private static final int TEXTS_PER_SCRIPT = Integer.getInteger("evervec.texts", 125);

    /** The vendor's own examples, so that the second tokenizer is held against something too. */
    @ParameterizedTest
    @CsvSource({"antidisestablishmentarianism, 6, 6", "2 + 2 = 4, 7, 7", "お誕生日おめでとう, 9, 8", "tiktoken is great!, 6, 6"})
    void theSecondTokenizerCountsTheVendorsExamplesAsTheVendor(String text, int cl100k, int o200k) {
        assertThat(ReferenceTokenizer.CL100K.count(text)).isEqualTo(cl100k);
        assertThat(ReferenceTokenizer.O200K.count(text)).isEqualTo(o200k);
    }

    @Test
    void bothTokenizersCountTheSameInEveryScript() {
        long seed = Long.getLong("evervec.seed", new Random().nextLong());
        System.out.println("TokenCountTest seed " + seed);
        Scripts scripts = new Scripts(new Random(seed));
        try (LLMProvider embedder = openAi(Capability.EMBEDDING, "text-embedding-3-small");
                LLMProvider rewriter = openAi(Capability.REWRITE, "gpt-4o-mini")) {
            for (Script script : Script.values()) {
                for (int i = 0; i < TEXTS_PER_SCRIPT; i++) {
                    String text = scripts.text(script, 40);
                    String which = "seed " + seed + ", " + script + " " + i;
                    assertThat(embedder.countTokens(text)).as(which).isEqualTo(ReferenceTokenizer.CL100K.count(text));
                    assertThat(rewriter.countTokens(text)).as(which).isEqualTo(ReferenceTokenizer.ofPrompt(text));
                }
            }
        }
    }

    @Test
    void halfCharactersAreCountedAsWhatIsSentInTheirPlace() {
        try (LLMProvider embedder = openAi(Capability.EMBEDDING, "text-embedding-3-large")) {
            assertThat(embedder.countTokens("half \uD83D of \uDC4D it"))
                    .isEqualTo(ReferenceTokenizer.CL100K.count("half \uFFFD of \uFFFD it"));
        }
    }

    private static LLMProvider openAi(Capability capability, String model) {
        return LLMProviders.create(ProviderSettings.builder(capability, "openai", model)
                .apiKey(Secret.of(Vendor.KEY))
                .dimension(capability == Capability.EMBEDDING ? 16 : 0)
                .build());
    }
}
