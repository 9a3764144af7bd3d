package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.provider.Capability;
import dev.evervec.provider.PriceTable;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TokenEstimate;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the provider says of prices and tokens without a call. */
class OpenAiMoneyTest {
    private static final String SMALL = "text-embedding-3-small";

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"https://api.openai.com/v1", "https://API.openai.com/v1/"})
    void atOpenAiItselfTheListPriceHolds(@Nullable String baseUrl) {
        try (OpenAiProvider embedder = provider(Capability.EMBEDDING, SMALL, baseUrl);
                OpenAiProvider rewriter = provider(Capability.REWRITE, "gpt-4o-mini-2024-07-18", baseUrl)) {
            assertThat(embedder.price())
                    .isNotNull()
                    .isEqualTo(PriceTable.bundled().live("openai", SMALL));
            assertThat(rewriter.price())
                    .isNotNull()
                    .isEqualTo(PriceTable.bundled().live("openai", "gpt-4o-mini"));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://localhost:11434/v1",
                "https://gateway.example/v1",
                "https://api.openai.com.example/v1",
                "https://api.openai.com/v1/gateway",
                "http://api.openai.com/v1",
                "https://api.openai.com:8443/v1",
                "https://eu.api.openai.com/v1",
                "https://us.api.openai.com/v1",
                "https://r.openai.azure.com",
                "https://r.openai.azure.com/openai/v1"
            })
    void elsewhereThePriceIsUnknown(String baseUrl) {
        try (OpenAiProvider provider = provider(Capability.EMBEDDING, SMALL, baseUrl)) {
            assertThat(provider.price()).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"text-embedding-4-small", "text-embedding-3-small-2031-01-01", "ft:gpt-4o-mini:acme::1"})
    void ofAModelThatIsNotListedThePriceIsUnknown(String model) {
        try (OpenAiProvider provider = provider(Capability.EMBEDDING, model, null)) {
            assertThat(provider.price()).isNull();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "text-embedding-3-small, 6",
        "text-embedding-3-large, 6",
        "text-embedding-ada-002, 6",
    })
    void textsForOpenAisEmbeddingModelsAreCountedExactly(String model, int tokens) {
        try (OpenAiProvider provider = provider(Capability.EMBEDDING, model, null)) {
            assertThat(provider.countsTokensExactly()).isTrue();
            assertThat(provider.countTokens("tiktoken is great!")).isEqualTo(tokens);
            assertThat(provider.countTokens("")).isZero();
        }
    }

    /** Numbers by OpenAI's cookbook, "How to count tokens with tiktoken": o200k_base for gpt-4o, cl100k_base before. */
    @ParameterizedTest
    @CsvSource({
        "gpt-4, 6, 9, true",
        "gpt-4-0613, 6, 9, true",
        "gpt-3.5-turbo, 6, 9, true",
        "gpt-4o, 6, 8, true",
        "gpt-4o-mini-2024-07-18, 6, 8, true",
        "gpt-4o-audio-preview, 6, 8, false",
        "gpt-4.1-mini, 6, 8, false",
        "o3, 6, 8, false"
    })
    void promptsAreCountedWithWhatStandsAroundThem(String model, int english, int japanese, boolean documented) {
        try (OpenAiProvider provider = provider(Capability.REWRITE, model, null)) {
            assertThat(provider.countTokens("tiktoken is great!")).isEqualTo(english + 7);
            assertThat(provider.countTokens("お誕生日おめでとう")).isEqualTo(japanese + 7);
            assertThat(provider.countsTokensExactly()).isEqualTo(documented);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nomic-embed-text", "gpt-5.4-mini", "gpt-45", "text-embedding-3-smaller"})
    void anUnknownModelsTokensAreEstimated(String model) {
        try (OpenAiProvider provider = provider(Capability.REWRITE, model, null);
                OpenAiProvider embedder = provider(Capability.EMBEDDING, model, null)) {
            assertThat(provider.countTokens("tiktoken is great!")).isEqualTo(TokenEstimate.of("tiktoken is great!"));
            assertThat(embedder.countsTokensExactly()).isFalse();
        }
    }

    @Test
    void theLimitOfGeneratedTokensIsTold() {
        try (OpenAiProvider limited = OpenAiProvider.create(Fixtures.rewriting(null)
                        .maxOutputTokens(OptionalInt.of(99))
                        .build());
                OpenAiProvider unlimited =
                        OpenAiProvider.create(Fixtures.rewriting(null).build())) {
            assertThat(limited.maxOutputTokens()).isEqualTo(99);
            assertThat(unlimited.maxOutputTokens()).isZero();
            assertThat(limited.model()).isEqualTo(unlimited.model());
        }
    }

    private static OpenAiProvider provider(Capability capability, String model, @Nullable String baseUrl) {
        return OpenAiProvider.create(ProviderSettings.builder(capability, "openai", model)
                .baseUrl(baseUrl)
                .apiKey(Secret.of(Fixtures.KEY))
                .dimension(capability == Capability.EMBEDDING ? 3 : 0)
                .build());
    }
}
