package dev.evervec.provider.gemini;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PriceTable;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.Secret;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GeminiProviderFactoryTest {
    private final GeminiProviderFactory factory = new GeminiProviderFactory();

    private static ProviderSettings.Builder embedding(String model) {
        return ProviderSettings.builder(Capability.EMBEDDING, "gemini", model)
                .apiKey(Secret.of("some-key"))
                .dimension(768);
    }

    @Test
    void theServiceLoaderFindsIt() {
        assertThat(ServiceLoader.load(LLMProviderFactory.class))
                .filteredOn(found -> found.name().equals("gemini"))
                .singleElement()
                .isInstanceOf(GeminiProviderFactory.class);
    }

    @Test
    void itsKeysComeFromTheVendorsVariablesInTheirOrder() {
        assertThat(factory.keyVariables()).containsExactly("GOOGLE_API_KEY", "GEMINI_API_KEY");
        assertThat(factory.needsKey()).isTrue();
        assertThat(factory.supports(Capability.EMBEDDING)).isTrue();
        assertThat(factory.supports(Capability.REWRITE)).isTrue();
    }

    @Test
    void dimensionsOfKnownModelsAreKnown() {
        assertThat(factory.defaultDimension("gemini-embedding-001")).isEqualTo(OptionalInt.of(3072));
        assertThat(factory.defaultDimension("models/gemini-embedding-001")).isEqualTo(OptionalInt.of(3072));
        assertThat(factory.defaultDimension("gemini-embedding-2")).isEqualTo(OptionalInt.of(3072));
        assertThat(factory.defaultDimension("gemini-embedding-2-preview")).isEqualTo(OptionalInt.of(3072));
        assertThat(factory.defaultDimension("gemini-embedding-20")).isEmpty();
        assertThat(factory.defaultDimension("own-model")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "gemini-embedding-001,",
        "models/gemini-embedding-001,",
        "gemini-embedding-001, https://generativelanguage.googleapis.com/v1beta/",
    })
    void atTheVendorTheListPriceHolds(String model, @Nullable String baseUrl) {
        try (LLMProvider provider =
                factory.create(embedding(model).baseUrl(baseUrl).build())) {
            assertThat(provider.price())
                    .isNotNull()
                    .isEqualTo(PriceTable.bundled().live("gemini", "gemini-embedding-001"));
            assertThat(provider.countsTokensExactly()).isFalse();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gemini-embedding-001, https://proxy.example",
        "gemini-embedding-001, http://127.0.0.1:9",
        "gemini-embedding-2-preview,",
        "own-model,",
    })
    void elsewhereOrForAModelThatIsNotListedThePriceIsUnknown(String model, @Nullable String baseUrl) {
        try (LLMProvider provider =
                factory.create(embedding(model).baseUrl(baseUrl).build())) {
            assertThat(provider.price()).isNull();
        }
    }

    @Test
    void askedAboutItselfItNeedsNoSdk() throws Exception {
        URL[] withoutSdk = Arrays.stream(
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                                .split(java.io.File.pathSeparator))
                .filter(entry ->
                        !entry.contains("google-genai") && !entry.contains("okhttp") && !entry.contains("okio"))
                .map(GeminiProviderFactoryTest::url)
                .toArray(URL[]::new);
        try (URLClassLoader loader = new URLClassLoader(withoutSdk, ClassLoader.getPlatformClassLoader())) {
            Class<?> type = loader.loadClass(GeminiProviderFactory.class.getName());
            Object alone = type.getConstructor().newInstance();

            assertThat(type.getClassLoader()).isSameAs(loader);
            assertThatThrownBy(() -> loader.loadClass("com.google.genai.Client"))
                    .isInstanceOf(ClassNotFoundException.class);
            assertThat(type.getMethod("name").invoke(alone)).isEqualTo("gemini");
            assertThat(type.getMethod("defaultDimension", String.class).invoke(alone, "gemini-embedding-001"))
                    .isEqualTo(OptionalInt.of(3072));
        }
    }

    private static URL url(String entry) {
        try {
            return Path.of(entry).toUri().toURL();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void withoutKeyAndBaseUrlItSaysWhereAKeyMayCome() {
        assertThatThrownBy(() -> factory.create(
                        embedding("gemini-embedding-001").apiKey(null).build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("api_key", "GOOGLE_API_KEY", "GEMINI_API_KEY");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "  ",
                "localhost:8080",
                "127.0.0.1:8080/v1beta",
                "ftp://127.0.0.1/",
                "file:///etc",
                "http://",
                "https://:80",
                "http://a b/",
                "http://127.0.0.1:99999/",
                "http://user:pass-4711@127.0.0.1/",
                "http://127.0.0.1/?key=pass-4711",
                "http://127.0.0.1/#v1beta"
            })
    void aBaseUrlThatCannotWorkIsRefused(String baseUrl) {
        assertThatThrownBy(() -> factory.create(
                        embedding("gemini-embedding-001").baseUrl(baseUrl).build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("base_url")
                .hasMessageNotContaining("pass-4711")
                .hasMessageNotContaining("some-key");
    }

    @ParameterizedTest
    @CsvSource({
        "https://generativelanguage.googleapis.com, https://generativelanguage.googleapis.com",
        "HTTPS://Example.ORG/v1beta/,               https://example.org",
        "http://my_server:8000/v1beta,              http://my_server:8000",
        "http://127.0.0.1:8000/a/v1beta//,          http://127.0.0.1:8000/a",
        "http://127.0.0.1:8000/v1,                  http://127.0.0.1:8000/v1"
    })
    void aBaseUrlIsTakenWithoutItsTail(String configured, String expected) {
        assertThat(BaseUrl.of(configured)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemini embedding", "gemini?x", "../secret", "gemini#1", "models/", "modèle"})
    void aModelNameThatWouldBreakTheUrlIsRefused(String model) {
        assertThatThrownBy(() -> factory.create(embedding(model).build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("model name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemini-embedding-001", "gemini-embedding-2"})
    void aTaskTypeThatTheModelDoesNotKnowIsRefused(String model) {
        assertThatThrownBy(() -> factory.create(
                        embedding(model).taskType("SEMANTIC_SIMILARTY").build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("task_type 'SEMANTIC_SIMILARTY'")
                .hasMessageContaining("SEMANTIC_SIMILARITY");
        assertThatThrownBy(() ->
                        factory.create(embedding(model).queryTaskType("QUERY").build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("query_task_type 'QUERY'");
    }

    @ParameterizedTest
    @CsvSource({
        "gemini-embedding-001, semantic_similarity,   SEMANTIC_SIMILARITY",
        "gemini-embedding-001, ,                      ''",
        "gemini-embedding-001, TASK_TYPE_UNSPECIFIED, ''",
        "gemini-embedding-2,   SEMANTIC_SIMILARITY,   SEMANTIC_SIMILARITY",
        "gemini-embedding-2,   QUESTION_ANSWERING,    RETRIEVAL_DOCUMENT",
        "gemini-embedding-2,   RETRIEVAL_QUERY,       RETRIEVAL_DOCUMENT",
        "gemini-embedding-2,   ,                      ''",
        "own-model,            OWN_TASK,              OWN_TASK"
    })
    void theIdentityHasTheTaskTypeThatDecidesDocumentVectors(String model, String taskType, String effective) {
        try (LLMProvider provider =
                factory.create(embedding("models/" + model).taskType(taskType).build())) {
            ModelIdentity identity = provider.model();

            assertThat(identity.taskType()).isEqualTo(effective);
            assertThat(identity.model()).isEqualTo(model);
            assertThat(identity.provider()).isEqualTo("gemini");
            assertThat(identity.dimension()).isEqualTo(768);
        }
    }

    @Test
    void limitsAreTheServicesUnlessConfiguredLower() {
        try (LLMProvider first =
                        factory.create(embedding("gemini-embedding-001").build());
                LLMProvider second = factory.create(embedding("gemini-embedding-2")
                        .maxTextsPerRequest(OptionalInt.of(32))
                        .build());
                LLMProvider prefixed = factory.create(
                        embedding("gemini-embedding-2").taskType("CLUSTERING").build())) {
            assertThat(first.limits())
                    .isEqualTo(new ProviderLimits(100, 2_048, ProviderLimits.UNLIMITED, 3 * 1024 * 1024));
            assertThat(second.limits().maxTextsPerRequest()).isEqualTo(32);
            assertThat(second.limits().maxTokensPerText()).isEqualTo(8_192);
            // The task before the text takes its share.
            assertThat(prefixed.limits().maxTokensPerText()).isBetween(8_160, 8_191);
        }
    }
}
