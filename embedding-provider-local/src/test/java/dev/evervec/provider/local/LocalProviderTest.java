package dev.evervec.provider.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class LocalProviderTest {
    private final LLMProvider provider = providerOf(256);

    /** The vectors were computed by a second implementation, written in another language. */
    static Stream<Arguments> goldenVectors() {
        return Stream.of(
                Arguments.of("a", List.of(0.0f, 0.0f, 0.9438584f, -0.33035043f, 0.0f, 0.0f, 0.0f, 0.0f)),
                Arguments.of(
                        "The quick brown fox, the lazy dog: 42%",
                        List.of(
                                0.18489164f,
                                0.17427914f,
                                -0.009244582f,
                                -0.48859492f,
                                0.81225616f,
                                -0.14003664f,
                                -0.022592919f,
                                -0.12942414f)),
                Arguments.of(
                        "Größe İstanbul cafe\u0301 ﬁne",
                        List.of(
                                0.25104284f,
                                -0.12552142f,
                                -0.5020857f,
                                -0.10758979f,
                                0.25104284f,
                                -0.10758979f,
                                0.12552142f,
                                0.7531285f)),
                Arguments.of(
                        "数据库连接被拒绝",
                        List.of(0.0f, 0.0f, 0.0f, 0.0f, -0.37796447f, 0.37796447f, -0.75592893f, -0.37796447f)),
                Arguments.of(
                        "データベースＡＢＣ",
                        List.of(
                                0.19066429f,
                                0.513487f,
                                0.28599644f,
                                -0.65370613f,
                                0.19066429f,
                                0.0f,
                                -0.095332146f,
                                -0.38132858f)),
                Arguments.of(
                        "การเชื่อมต่อ 연결",
                        List.of(
                                -0.395585f,
                                -0.395585f,
                                0.395585f,
                                -0.47199112f,
                                0.1977925f,
                                -0.395585f,
                                -0.33489183f,
                                0.0f)),
                Arguments.of(
                        "قاعدة البيانات",
                        List.of(
                                -0.12859741f,
                                -0.25719482f,
                                -0.25719482f,
                                0.0f,
                                -0.38579223f,
                                -0.49601856f,
                                0.25719482f,
                                0.62461597f)),
                Arguments.of("👍🎉👍", List.of(0.0f, 0.0f, -0.861037f, 0.5085423f, 0.0f, 0.0f, 0.0f, 0.0f)),
                Arguments.of("\u00a0", List.of(0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, -1.0f)));
    }

    @ParameterizedTest
    @MethodSource("goldenVectors")
    void theFunctionHasNotChanged(String text, List<Float> expected) {
        List<Float> components = new ArrayList<>();
        for (float component : providerOf(8).embed(text).toArray()) {
            components.add(component);
        }
        assertThat(components).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "The quick brown fox jumps over the lazy dog|The quikc brown fox jmups over the lazy dog|A recipe for bread with rye and honey",
                "connection refused by database server|database server refuses connections|how to bake a cake",
                "数据库连接被拒绝|连接数据库时被拒绝|今天天气很好，我们去公园散步",
                "データベースに接続できません|データベース接続エラー|今日はとても良い天気です",
                "데이터베이스에 연결할 수 없습니다|데이터베이스 연결 오류|오늘은 날씨가 좋습니다",
                "تعذر الاتصال بقاعدة البيانات|خطأ في الاتصال بقاعدة البيانات|الطقس جميل اليوم في الحديقة",
                "👍🎉🚀|🎉🚀|🍞🐟"
            })
    void aVariantIsNearerThanAnUnrelatedText(String textVariantOther) {
        String[] texts = textVariantOther.split("\\|");
        Embedding text = provider.embed(texts[0]);
        assertThat(text.cosine(provider.embed(texts[1]))).isGreaterThan(text.cosine(provider.embed(texts[2])) + 0.2);
    }

    @Test
    void itCostsNothing() {
        assertThat(provider.price()).isEqualTo(TokenPrice.FREE);
    }

    @Test
    void caseWidthAndCompositionMakeNoDifference() {
        Embedding expected = provider.embed("café title 123");
        assertThat(provider.embed("CAFÉ Title 123")).isEqualTo(expected);
        assertThat(provider.embed("cafe\u0301 title 123")).isEqualTo(expected);
        assertThat(provider.embed("ｃａｆé　ｔｉｔｌｅ　１２３")).isEqualTo(expected);
    }

    @Test
    void theDefaultLocaleMakesNoDifference() {
        Embedding expected = provider.embed("TITLE IN CAPITALS");
        Locale before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("tr"));
            assertThat(provider.embed("TITLE IN CAPITALS")).isEqualTo(expected);
            assertThat(provider.embed("title in capitals")).isEqualTo(expected);
        } finally {
            Locale.setDefault(before);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "!",
                "...",
                "👍",
                "👩‍👩‍👧",
                "\u00a0",
                "\u200b",
                "\ud83d",
                "\u0301",
                "\ufe0f",
                "あ",
                "𠮷",
                "a",
                "∑",
                "\u0000"
            })
    void everyTextThatIsNotBlankHasAVectorOfLengthOne(String text) {
        for (int dimension : new int[] {1, 2, 3, 256, 1_536}) {
            assertThat(lengthOf(providerOf(dimension).embed(text))).isEqualTo(1, within(1e-6));
        }
    }

    @Test
    void randomTextsHaveVectorsOfLengthOneAtAnyDimension() {
        long seed = 77;
        Random random = new Random(seed);
        for (int i = 0; i < 3_000; i++) {
            StringBuilder text = new StringBuilder("x");
            int length = random.nextInt(30);
            for (int j = 0; j < length; j++) {
                text.appendCodePoint(random.nextInt(random.nextBoolean() ? 0x80 : Character.MAX_CODE_POINT + 1));
            }
            Embedding vector = providerOf(1 + random.nextInt(5)).embed(text.toString());
            assertThat(lengthOf(vector)).as("seed %d, text %d", seed, i).isEqualTo(1, within(1e-6));
        }
    }

    @Test
    void aTextHasTheSameVectorWhateverWasEmbeddedBefore() {
        List<String> texts = new ArrayList<>();
        Random random = new Random(5);
        for (int i = 0; i < 300; i++) {
            texts.add(("word" + i + " 文字" + i + " ").repeat(1 + random.nextInt(i % 50 == 0 ? 2_000 : 5)));
            StringBuilder words = new StringBuilder();
            int length = 1 + random.nextInt(i % 40 == 0 ? 3_000 : 10);
            for (int j = 0; j < length; j++) {
                words.append(Integer.toString(random.nextInt(100_000), 36)).append(' ');
            }
            texts.add(words.toString());
        }
        List<Embedding> expected = new ArrayList<>();
        texts.forEach(text -> expected.add(provider.embed(text)));
        assertThat(provider.embedBatch(texts)).isEqualTo(expected);
        Collections.reverse(texts);
        Collections.reverse(expected);
        assertThat(provider.embedBatch(texts)).isEqualTo(expected);
    }

    @Test
    void threadsDoNotDisturbEachOther() throws InterruptedException, ExecutionException {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            texts.add("Problem " + i + ": the service answers 数字 " + i * 31 + " instead of " + i);
        }
        List<Embedding> expected = provider.embedBatch(texts);
        ExecutorService executor = Executors.newFixedThreadPool(4);
        try {
            List<Future<List<Embedding>>> answers = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                answers.add(executor.submit(() -> provider.embedBatch(texts)));
            }
            for (Future<List<Embedding>> answer : answers) {
                assertThat(answer.get()).isEqualTo(expected);
            }
        } finally {
            executor.shutdownNow();
        }
    }

    @Test
    void moreTextsThanItTakesAreRefusedForTheShapeOfTheRequest() {
        LLMProvider small = new LocalProviderFactory()
                .create(settings(LocalProvider.MODEL)
                        .maxTextsPerRequest(OptionalInt.of(2))
                        .build());
        assertThat(small.limits().maxTextsPerRequest()).isEqualTo(2);
        PermanentProviderException e =
                catchThrowableOfType(PermanentProviderException.class, () -> small.embedBatch(List.of("a", "b", "c")));
        assertThat(e.limit()).isEqualTo(RequestLimit.TEXTS);
    }

    @Test
    void tokensAreAnEstimate() {
        TokenUsage usage =
                provider.embed(EmbedRequest.documents(List.of("12345", "678"))).usage();
        assertThat(usage).isEqualTo(TokenUsage.estimated(8, 0));
    }

    @Test
    void theFactoryIsFoundAndKnowsWhatItCanDo() {
        LLMProviderFactory factory = ServiceLoader.load(LLMProviderFactory.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(found -> found.name().equals("local"))
                .findFirst()
                .orElseThrow();
        assertThat(factory).isInstanceOf(LocalProviderFactory.class);
        assertThat(factory.supports(Capability.EMBEDDING)).isTrue();
        assertThat(factory.supports(Capability.REWRITE)).isFalse();
        assertThat(factory.needsKey()).isFalse();
        assertThat(factory.defaultDimension("anything")).hasValue(256);
    }

    @Test
    void anUnknownModelIsRefusedWithTheKnownOnes() {
        ProviderSettings unknown = settings("hashing-v9").build();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new LocalProviderFactory().create(unknown))
                .withMessageContaining("hashing-v9")
                .withMessageContaining("hashing-v1");
        ProviderSettings rewrite = ProviderSettings.builder(Capability.REWRITE, "local", LocalProvider.MODEL)
                .build();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new LocalProviderFactory().create(rewrite))
                .withMessageContaining("rewrite");
    }

    private static ProviderSettings.Builder settings(String model) {
        return ProviderSettings.builder(Capability.EMBEDDING, LocalProviderFactory.NAME, model)
                .dimension(256);
    }

    private static LLMProvider providerOf(int dimension) {
        return new LocalProviderFactory()
                .create(settings(LocalProvider.MODEL).dimension(dimension).build());
    }

    private static double lengthOf(Embedding vector) {
        double squares = 0;
        for (float component : vector.toArray()) {
            squares += (double) component * component;
        }
        return Math.sqrt(squares);
    }
}
