package dev.evervec.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.ToyFactory;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderFactories;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.Normalization;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TokenPrice;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class LlmConfigTest {
    private static final ProviderFactories FACTORIES = ProviderFactories.of(
            ToyFactory.withKey("openai", "http://127.0.0.1:9", "OPENAI_API_KEY"),
            ToyFactory.withKey("gemini", "http://127.0.0.1:9", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
            ToyFactory.embedderWithoutKey("local"));

    private static final String MINIMAL = """
            [llm]
            provider = "local"
            [llm.models.embedding]
            name = "m"
            dim = 3
            """;

    @TempDir
    Path dir;

    private LlmConfig parse(String toml) {
        return parse(toml, Map.of());
    }

    private LlmConfig parse(String toml, Map<String, String> environment) {
        return LlmConfig.parse(toml, "test.toml", dir, environment, FACTORIES);
    }

    @Nested
    final class Values {
        @Test
        void whatIsLeftOutHasItsDefault() {
            LlmConfig config = parse(MINIMAL);

            assertThat(config.embedding())
                    .isEqualTo(ProviderSettings.builder(Capability.EMBEDDING, "local", "m")
                            .dimension(3)
                            .build());
            assertThat(config.embedding().callPolicy()).isEqualTo(CallPolicy.DEFAULT);
            assertThat(config.rewrite()).isEmpty();
            assertThat(config.records()).isEmpty();
            assertThat(config.store()).isEmpty();
            assertThat(config.build()).isEqualTo(BuildSettings.DEFAULT);
            assertThat(config.logsDir()).isEqualTo(dir.toAbsolutePath().resolve("logs"));
            assertThat(config.warnings()).isEmpty();
        }

        @Test
        void everyKeyArrivesWhereItBelongs() {
            LlmConfig config = parse("""
                    [llm]
                    provider = "OpenAI"
                    api_key = "k"
                    base_url = "https://proxy.example/v1"
                    [llm.models.embedding]
                    name = "m"
                    dim = 3
                    send_dimensions = "Never"
                    task_type = "semantic_similarity"
                    query_task_type = "Retrieval_Query"
                    batch_size = 32
                    max_retries = 0
                    timeout = 1.5
                    max_in_flight = 2
                    requests_per_minute = 100
                    tokens_per_minute = 2000000000
                    usd_per_million_tokens = 0.02
                    normalize = "always"
                    [llm.models.rewrite]
                    name = "r"
                    temperature = 0.3
                    timeout = 9
                    max_retries = 2
                    workers = 5
                    requests_per_minute = 7
                    usd_per_million_tokens = 0
                    usd_per_million_output_tokens = 0.000001
                    max_output_tokens = 300
                    [build]
                    outage_patience = 10
                    quota_patience = 20
                    max_attempts = 4
                    on_too_long = "truncate"
                    budget_usd = 1.5
                    [health]
                    max_failed = 0
                    max_pending = 100
                    max_stale = 7
                    max_oldest_pending = 0.5
                    min_success_rate = 0.995
                    [serve]
                    host = " 0.0.0.0 "
                    port = 0
                    secret = "correct-horse-battery"
                    """);

            ProviderSettings embedding = config.embedding();
            assertThat(embedding)
                    .isEqualTo(ProviderSettings.builder(Capability.EMBEDDING, "openai", "m")
                            .apiKey(Secret.of("k"))
                            .baseUrl("https://proxy.example/v1")
                            .dimension(3)
                            .sendDimensions(SendDimensions.NEVER)
                            .taskType("SEMANTIC_SIMILARITY")
                            .queryTaskType("RETRIEVAL_QUERY")
                            .maxTextsPerRequest(OptionalInt.of(32))
                            .callPolicy(new CallPolicy(0, Duration.ofMillis(1500), 2))
                            .requestsPerMinute(OptionalInt.of(100))
                            .tokensPerMinute(OptionalInt.of(2_000_000_000))
                            .usdPerMillionTokens(new BigDecimal("0.02"))
                            .normalization(Normalization.ALWAYS)
                            .build());
            assertThat(config.rewrite().orElseThrow().provider())
                    .isEqualTo(ProviderSettings.builder(Capability.REWRITE, "openai", "r")
                            .apiKey(Secret.of("k"))
                            .baseUrl("https://proxy.example/v1")
                            .temperature(0.3)
                            .callPolicy(new CallPolicy(2, Duration.ofSeconds(9), 5))
                            .requestsPerMinute(OptionalInt.of(7))
                            .usdPerMillionTokens(BigDecimal.ZERO)
                            .usdPerMillionOutputTokens(new BigDecimal("0.0000010"))
                            .maxOutputTokens(OptionalInt.of(300))
                            .build());
            assertThat(config.rewrite().orElseThrow().provider().price())
                    .isEqualTo(new TokenPrice(BigDecimal.ZERO, new BigDecimal("0.000001")));
            assertThat(config.health())
                    .isEqualTo(new HealthSettings(
                            OptionalInt.of(0),
                            OptionalInt.of(100),
                            OptionalInt.of(7),
                            Duration.ofMillis(500),
                            OptionalDouble.of(0.995)));
            assertThat(config.serve()).isEqualTo(new ServeSettings("0.0.0.0", 0, Secret.of("correct-horse-battery")));
            assertThat(config.toString()).doesNotContain("correct-horse");
            assertThat(config.build())
                    .isEqualTo(new BuildSettings(
                            Duration.ofSeconds(10),
                            Duration.ofSeconds(10),
                            Duration.ofSeconds(20),
                            4,
                            BuildSettings.TooLong.TRUNCATE,
                            new BigDecimal("1.5")));
        }

        @Test
        void emptyStringsCountAsAbsent() {
            LlmConfig config = parse("""
                    [llm]
                    provider = "local"
                    api_key = ""
                    base_url = " "
                    [llm.models.embedding]
                    provider = ""
                    name = "m"
                    dim = 3
                    task_type = ""
                    send_dimensions = ""
                    normalize = ""
                    max_in_flight = ""
                    [records]
                    jsonl = "r.jsonl"
                    jdbc_url = ""
                    query = ""
                    [store]
                    url = "jdbc:sqlite:x.db"
                    password = ""
                    [logs]
                    dir = ""
                    """);

            assertThat(config.embedding()).isEqualTo(parse(MINIMAL).embedding());
            assertThat(config.records()).contains(new RecordsSettings.JsonLines(dir.resolve("r.jsonl")));
            assertThat(config.store().orElseThrow().password()).isNull();
            assertThat(config.logsDir()).isEqualTo(dir.resolve("logs"));
        }

        @Test
        void theDimensionOfAKnownModelMayBeLeftOut() {
            LlmConfig config = parse(
                    "[llm]\nprovider = \"openai\"\napi_key = \"k\"\n[llm.models.embedding]\nname = \"known-model\"\n");

            assertThat(config.embedding().dimension()).isEqualTo(7);
        }

        @Test
        void autoLetsTheNumberOfRequestsAtATimeBeFound() {
            assertThat(parse(MINIMAL + "max_in_flight = \"auto\"\n").embedding().callPolicy())
                    .isEqualTo(CallPolicy.DEFAULT);
        }

        @Test
        void otherTopLevelTablesBelongToTheHost() {
            assertThat(parse(MINIMAL + "[serve]\nport = 1\n[metrics]\nx = \"y\"\n[[mine]]\na = 1\n")
                            .warnings())
                    .isEmpty();
        }

        @Test
        void aByteOrderMarkAndWindowsLineEndsDoNoHarm() {
            assertThat(parse("\uFEFF" + MINIMAL.replace("\n", "\r\n")).embedding())
                    .isEqualTo(parse(MINIMAL).embedding());
        }

        @Test
        void theSameFileGivesTheSameResult() throws IOException {
            Path file = Files.writeString(
                    dir.resolve("c.toml"), exampleWithoutComments().replace("\"openai\"", "\"no-such\""));
            ProviderFactories factories =
                    ProviderFactories.of(ToyFactory.withKey("no-such", "http://127.0.0.1:9", "K"));
            Files.writeString(dir.resolve("prompt.txt"), "{text}");
            ConfigParser parser = new ConfigParser(Map.of(), factories);

            LlmConfig once = parser.load(file);
            LlmConfig again = parser.load(Path.of("").toAbsolutePath().relativize(file.toAbsolutePath()));

            assertThat(again.toString().replace(again.name(), once.name())).isEqualTo(once.toString());
            assertThat(again.embedding()).isEqualTo(once.embedding());
        }
    }

    @Nested
    final class Sections {
        @Test
        void geminiAloneWorksWithOneWarning() {
            LlmConfig config = parse("""
                    [gemini]
                    api_key = "g"
                    [gemini.models.embedding]
                    name = "m"
                    dim = 3
                    [gemini.models.rewrite]
                    name = "r"
                    """);

            assertThat(config.embedding().provider()).isEqualTo("gemini");
            assertThat(config.embedding().apiKey()).isEqualTo(Secret.of("g"));
            assertThat(config.rewrite().orElseThrow().provider().provider()).isEqualTo("gemini");
            assertThat(config.warnings()).singleElement().asString().contains("[gemini] is deprecated", "line 1");
        }

        @Test
        void withLlmPresentGeminiIsIgnored() {
            LlmConfig config = parse("[gemini]\napi_key = 3\nno_such_key = 1\n" + MINIMAL);

            assertThat(config.embedding()).isEqualTo(parse(MINIMAL).embedding());
            assertThat(config.warnings()).isEmpty();
        }

        @Test
        void aDisabledRewriteTableNeedsNothing() {
            assertThat(parse(MINIMAL + "[llm.models.rewrite]\nenabled = false\nprompt_file = \"not-there\"\n")
                            .rewrite())
                    .isEmpty();
        }

        @Test
        void aModelTableAloneIsEnoughIfItNamesItsProvider() {
            LlmConfig config = parse("[llm.models.embedding]\nprovider = \"local\"\nname = \"m\"\ndim = 3\n");

            assertThat(config.embedding()).isEqualTo(parse(MINIMAL).embedding());
        }
    }

    @Nested
    final class Keys {
        /** Which key an embedding model gets, for every combination of the places that have one. */
        @ParameterizedTest
        @CsvSource({
            // model, section, GOOGLE_API_KEY, GEMINI_API_KEY, expected
            "m,  s,  e1, e2, m",
            "m,  s,  ,   ,   m",
            "m,  '', e1, e2, m",
            "'', s,  e1, e2, s",
            ",   s,  e1, e2, s",
            ",   s,  ,   ,   s",
            ",   ,   e1, e2, e1",
            "'', '', e1, e2, e1",
            ",   ,   e1, ,   e1",
            ",   ,   '', e2, e2",
            ",   ,   ' ',e2, e2",
            ",   ,   ,   e2, e2"
        })
        void modelBeforeSectionBeforeEnvironment(
                @Nullable String model,
                @Nullable String section,
                @Nullable String google,
                @Nullable String gemini,
                String expected) {
            Map<String, String> environment = new HashMap<>();
            environment.put("OPENAI_API_KEY", "wrong");
            if (google != null) {
                environment.put("GOOGLE_API_KEY", google);
            }
            if (gemini != null) {
                environment.put("GEMINI_API_KEY", gemini);
            }
            String toml = "[llm]\nprovider = \"gemini\"\n"
                    + (section == null ? "" : "api_key = \"" + section + "\"\n")
                    + "[llm.models.embedding]\nname = \"m\"\ndim = 3\n"
                    + (model == null ? "" : "api_key = \"" + model + "\"\n");

            assertThat(parse(toml, environment).embedding().apiKey()).isEqualTo(Secret.of(expected));
        }

        @Test
        void aCapabilityOfAnotherProviderInheritsNeitherKeyNorBaseUrl() {
            LlmConfig config = parse("""
                    [llm]
                    provider = "gemini"
                    api_key = "gemini-key"
                    base_url = "http://gemini.example"
                    [llm.models.embedding]
                    provider = "openai"
                    name = "m"
                    dim = 3
                    [llm.models.rewrite]
                    name = "r"
                    """, Map.of("OPENAI_API_KEY", "openai-key", "GOOGLE_API_KEY", "google-key"));

            assertThat(config.embedding().apiKey()).isEqualTo(Secret.of("openai-key"));
            assertThat(config.embedding().baseUrl()).isNull();
            ProviderSettings rewrite = config.rewrite().orElseThrow().provider();
            assertThat(rewrite.apiKey()).isEqualTo(Secret.of("gemini-key"));
            assertThat(rewrite.baseUrl()).isEqualTo("http://gemini.example");
        }

        @Test
        void aCapabilityThatRepeatsTheSectionsProviderInherits() {
            LlmConfig config = parse("""
                    [llm]
                    provider = "openai"
                    api_key = "k"
                    base_url = "http://a.example"
                    [llm.models.embedding]
                    provider = "openai"
                    base_url = "http://b.example"
                    name = "m"
                    dim = 3
                    """);

            assertThat(config.embedding().apiKey()).isEqualTo(Secret.of("k"));
            assertThat(config.embedding().baseUrl()).isEqualTo("http://b.example");
        }

        @Test
        void aServerAtAConfiguredBaseUrlNeedsNoKey() {
            LlmConfig config = parse("[llm]\nprovider = \"openai\"\nbase_url = \"http://127.0.0.1:11434/v1\"\n"
                    + "[llm.models.embedding]\nname = \"m\"\ndim = 3\n");

            assertThat(config.embedding().apiKey()).isNull();
        }

        @Test
        void aProviderWithoutVariablesGetsNoKeyFromTheEnvironment() {
            Map<String, String> environment = Map.of("OPENAI_API_KEY", "a", "GOOGLE_API_KEY", "b");

            assertThat(parse(MINIMAL, environment).embedding().apiKey()).isNull();
        }

        @Test
        void nothingThatIsPrintedShowsAKeyOrAPassword() {
            String toml = """
                    [llm]
                    provider = "openai"
                    api_key = "SECRET1"
                    [llm.models.embedding]
                    name = "m"
                    dim = 3
                    [llm.models.rewrite]
                    name = "r"
                    api_key = "SECRET2"
                    [records]
                    jdbc_url = "jdbc:postgresql://h/db?password=SECRET3"
                    query = "q"
                    [store]
                    url = "jdbc:postgresql://h/db?password=SECRET4"
                    password = "SECRET5"
                    """;

            LlmConfig config = parse(toml);

            assertThat(config.toString()).contains("openai").doesNotContain("SECRET");
            assertThat(config.store().orElseThrow().password()).isEqualTo(Secret.ofPassword("SECRET5"));
        }
    }

    @Nested
    final class Prompts {
        private String promptOf(String table) {
            return parse(MINIMAL.replace("local", "openai").replace("[llm.", "api_key = \"k\"\n[llm.")
                            + "[llm.models.rewrite]\nname = \"r\"\n" + table)
                    .rewrite()
                    .orElseThrow()
                    .promptTemplate();
        }

        @Test
        void theBuiltInPromptHasThePlaceOfTheText() {
            assertThat(promptOf("")).containsOnlyOnce("{text}");
        }

        @Test
        void aPromptFileIsTakenFromTheFolderOfTheConfigurationAsItIs() throws IOException {
            String prompt = "{title}: gr\u00fc\u00df \ud83d\ude00 {\"json\": {text}} {other} {}\r\n";
            Files.createDirectory(dir.resolve("prompts"));
            Files.writeString(dir.resolve("prompts/p.txt"), prompt);

            assertThat(promptOf("prompt_file = \"prompts/p.txt\"\n")).isEqualTo(prompt);
        }
    }

    @Nested
    final class Places {
        private final Map<String, String> passwordSet = Map.of("EVERVEC_STORE_PASSWORD", "from the environment");

        @ParameterizedTest
        @ValueSource(strings = {"jdbc:sqlite:data/e.db", "jdbc:sqlite:./data/../data/e.db"})
        void aRelativeSqliteFileIsResolvedAgainstTheFolderOfTheConfiguration(String url) {
            StoreSettings store =
                    parse(MINIMAL + "[store]\nurl = \"" + url + "\"\n").store().orElseThrow();

            assertThat(store.url())
                    .isEqualTo("jdbc:sqlite:" + dir.resolve("data").resolve("e.db"));
        }

        @Test
        void parametersOfAnSqliteUrlStay() {
            assertThat(parse(MINIMAL + "[store]\nurl = \"jdbc:sqlite:e.db?cache=shared\"\n")
                            .store()
                            .orElseThrow()
                            .url())
                    .isEqualTo("jdbc:sqlite:" + dir.resolve("e.db") + "?cache=shared");
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "jdbc:sqlite::memory:",
                    "jdbc:sqlite:file:e.db?mode=ro",
                    "jdbc:postgresql://h/db",
                    "jdbc:sqlite:"
                })
        void otherDatabasesStayAsTheyAre(String url) {
            assertThat(parse(MINIMAL + "[store]\nurl = \"" + url + "\"\n")
                            .store()
                            .orElseThrow()
                            .url())
                    .isEqualTo(url);
        }

        @ParameterizedTest
        @ValueSource(
                strings = {
                    "jdbc:postgresql:db",
                    "jdbc:postgresql://h1:5432,h2/db?sslmode=require",
                    "jdbc:postgresql:///db",
                    "jdbc:postgresql://h/?service=prod",
                    "jdbc:postgresql://[::1]:5432/db"
                })
        void everyNotationOfAPostgresUrlWithADatabaseIsTaken(String url) {
            assertThat(parse(MINIMAL + "[store]\nurl = \"" + url + "\"\n")
                            .store()
                            .orElseThrow()
                            .url())
                    .isEqualTo(url);
        }

        @ParameterizedTest
        @CsvSource({
            "jdbc:postgresql:, names no database: write jdbc:postgresql://host/database",
            "jdbc:postgresql:/, names no database",
            "jdbc:postgresql://h, names no database",
            "jdbc:postgresql://h:5432/, names no database",
            "jdbc:postgresql://h/?user=s3cret, names no database",
            "jdbc:postgresql://u:s3cret@h/db, user and password have keys of their own",
            "jdbc:postgresql://h/db?user=s3cret&currentSchema=s, name the schema with the key schema"
        })
        void aPostgresUrlThatCannotWorkIsAMistakeAndIsNotShown(String url, String words) {
            assertThatThrownBy(() -> parse(MINIMAL + "[store]\nurl = \"" + url + "\"\n"))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("url")
                    .hasMessageContaining(words)
                    .hasMessageNotContaining("s3cret");
        }

        @Test
        void thePasswordOfTheFileComesBeforeThatOfTheEnvironment() {
            String store = "[store]\nurl = \"jdbc:postgresql://h/db\"\nuser = \"u\"\nschema = \"s\"\n";

            StoreSettings fromFile = parse(MINIMAL + store + "password = \"p \u00fc\"\n", passwordSet)
                    .store()
                    .orElseThrow();
            StoreSettings fromEnvironment =
                    parse(MINIMAL + store, passwordSet).store().orElseThrow();

            assertThat(fromFile)
                    .isEqualTo(new StoreSettings("jdbc:postgresql://h/db", "u", Secret.ofPassword("p \u00fc"), "s"));
            assertThat(fromEnvironment.password()).isEqualTo(Secret.ofPassword("from the environment"));
        }

        @Test
        void recordsComeFromAQueryWithItsFileResolvedToo() {
            assertThat(parse(MINIMAL + "[records]\njdbc_url = \"jdbc:sqlite:shop.db\"\nquery = \"select 1\"\n")
                            .records())
                    .contains(new RecordsSettings.Sql("jdbc:sqlite:" + dir.resolve("shop.db"), "select 1"));
        }

        @Test
        void emptyTablesAreTheSameAsNone() {
            LlmConfig config = parse(MINIMAL + "[records]\n[store]\n[build]\n[serve]\n[logs]\n", passwordSet);

            assertThat(config.serve()).isEqualTo(ServeSettings.DEFAULT);
            assertThat(config.records()).isEmpty();
            assertThat(config.store()).isEmpty();
        }

        @Test
        void absolutePathsStay() {
            Path elsewhere = dir.resolveSibling("elsewhere").toAbsolutePath();

            assertThat(parse(MINIMAL + "[logs]\ndir = '" + elsewhere + "'\n").logsDir())
                    .isEqualTo(elsewhere);
        }
    }

    @Nested
    final class BundledExample {
        @Test
        void isAValidConfiguration() throws IOException {
            LlmConfig config = parse(example(), Map.of("OPENAI_API_KEY", "k"));

            assertThat(config.embedding().provider()).isEqualTo("openai");
            assertThat(config.records()).contains(new RecordsSettings.JsonLines(dir.resolve("records.jsonl")));
            assertThat(config.rewrite()).isEmpty();
        }

        @Test
        void isAValidConfigurationWithEveryKeySet() throws IOException {
            Files.writeString(dir.resolve("prompt.txt"), "{text}");

            LlmConfig config = parse(exampleWithoutComments());

            assertThat(config.rewrite().orElseThrow().promptTemplate()).isEqualTo("{text}");
            assertThat(config.records().orElseThrow()).isInstanceOf(RecordsSettings.Sql.class);
            assertThat(config.build().budgetUsd()).isEqualByComparingTo("10");
            assertThat(config.health().maxOldestPending()).isEqualTo(Duration.ofHours(1));
            assertThat(config.logsDir()).isEqualTo(dir.resolve("logs"));
        }

        @Test
        void showsTheDefaultsThatTheCodeHas() throws IOException {
            Files.writeString(dir.resolve("prompt.txt"), "{text}");

            LlmConfig all = parse(exampleWithoutComments());
            LlmConfig none = parse(MINIMAL);

            assertThat(all.embedding().callPolicy()).isEqualTo(CallPolicy.DEFAULT);
            assertThat(all.embedding().normalization())
                    .isEqualTo(none.embedding().normalization());
            assertThat(all.embedding().sendDimensions())
                    .isEqualTo(none.embedding().sendDimensions());
            assertThat(all.rewrite().orElseThrow().provider().callPolicy())
                    .isEqualTo(new CallPolicy(3, Duration.ofSeconds(60), 8));
            assertThat(none.serve()).isEqualTo(ServeSettings.DEFAULT);
            assertThat(all.serve())
                    .isEqualTo(new ServeSettings(
                            ServeSettings.DEFAULT.host(),
                            ServeSettings.DEFAULT.port(),
                            all.serve().secret()));
            BuildSettings usual = none.build();
            assertThat(all.build())
                    .isEqualTo(new BuildSettings(
                            usual.outagePatience(),
                            usual.firstContactPatience(),
                            usual.quotaPatience(),
                            usual.maxAttempts(),
                            usual.onTooLong(),
                            all.build().budgetUsd()));
        }
    }

    private static String example() throws IOException {
        try (InputStream in = LlmConfig.class.getResourceAsStream("config.toml.example")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** Every key set; of the two forms of records the second. */
    private static String exampleWithoutComments() throws IOException {
        return example()
                .lines()
                .map(line -> line.replaceFirst("^#(?=[a-z_]+ = )", ""))
                .filter(line -> !line.startsWith("jsonl = "))
                .map(line -> line.equals("enabled = false") ? "enabled = true" : line)
                .collect(Collectors.joining("\n"));
    }
}
