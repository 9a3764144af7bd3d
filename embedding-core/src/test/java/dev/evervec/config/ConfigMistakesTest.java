package dev.evervec.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.evervec.ToyFactory;
import dev.evervec.config.ConfigException.Problem;
import dev.evervec.provider.ProviderFactories;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class ConfigMistakesTest {
    private static final ProviderFactories FACTORIES = ProviderFactories.of(
            ToyFactory.withKey("acme", "http://127.0.0.1:9", "ACME_KEY"),
            ToyFactory.withKey("zeta", "http://127.0.0.1:9", "ZETA_KEY", "ZETA_OLD_KEY"),
            ToyFactory.embedderWithoutKey("plain"));

    /** Lines 1 to 7 of most cases; nothing is wrong with it. */
    private static final String GOOD = """
            [llm]
            provider = "acme"
            api_key = "k"
            [llm.models.embedding]
            name = "m"
            dim = 3
            # end
            """;

    @TempDir
    Path dir;

    private record Mistake(String toml, int line, @Nullable String key, String... messageParts) {
        @Override
        public String toString() {
            return key + ": " + messageParts[0];
        }
    }

    private static Mistake appended(String toml, int line, String key, String... parts) {
        return new Mistake(GOOD + toml, line, key, parts);
    }

    private static Mistake embedding(String line, String key, String... parts) {
        return appended(line + "\n", 8, "llm.models.embedding." + key, parts);
    }

    private static Mistake rewrite(String line, String key, String... parts) {
        return rewrite(line, key, 10, parts);
    }

    private static Mistake rewrite(String lines, String key, int line, String... parts) {
        return appended(
                "[llm.models.rewrite]\nname = \"r\"\n" + lines + "\n", line, "llm.models.rewrite." + key, parts);
    }

    private static Mistake build(String line, String key, String... parts) {
        return appended("[build]\n" + line + "\n", 9, "build." + key, parts);
    }

    private static Mistake health(String line, String key, String... parts) {
        return appended("[health]\n" + line + "\n", 9, "health." + key, parts);
    }

    private static Mistake serve(String line, String key, String... parts) {
        return appended("[serve]\n" + line + "\n", 9, "serve." + key, parts);
    }

    static Stream<Mistake> mistakes() {
        return Stream.of(
                // the file as a whole
                new Mistake("", 0, null, "[llm]", "[gemini]"),
                new Mistake("[host]\nllm = 1\n", 0, null, "[llm]", "[gemini]"),
                new Mistake("llm = 3\n", 1, "llm", "expected a table [llm]", "integer 3"),
                new Mistake("[[llm]]\nprovider = \"acme\"\n", 1, "llm", "expected a table", "an array"),
                // syntax
                new Mistake(GOOD + "batch_size = = 3\n", 8, null, "not TOML", "Unexpected '='"),
                new Mistake(GOOD + "dim = 4\n", 8, null, "dim previously defined at line 6"),
                new Mistake("[llm\nprovider = \"acme\"\nname = \"m\"\n", 1, null, "not TOML", "expected ]"),
                new Mistake(GOOD + "task_type = \"open\n", 8, null, "not TOML", "end of line"),
                // provider
                new Mistake(
                        GOOD.replace("acme", "acmee"),
                        2,
                        "llm.provider",
                        "unknown provider \"acmee\"",
                        "acme, plain, zeta"),
                new Mistake(
                        GOOD.replace("acme", "openai"),
                        2,
                        "llm.provider",
                        "dev.evervec:embedding-provider-openai",
                        "acme, plain, zeta"),
                embedding("provider = \"gemini\"", "provider", "dev.evervec:embedding-provider-gemini"),
                embedding("provider = \"local\"", "provider", "dev.evervec:embedding-provider-local"),
                embedding("provider = 4", "provider", "expected a string", "integer 4"),
                rewrite("provider = \"plain\"", "provider", "provider plain cannot be used for rewrite"),
                new Mistake(
                        "[llm.models.embedding]\nname = \"m\"\ndim = 3\n",
                        1,
                        "llm.provider",
                        "no provider",
                        "acme, plain, zeta"),
                new Mistake(
                        "[gemini]\nprovider = \"acme\"\n[gemini.models.embedding]\nname = \"m\"\ndim = 3\n",
                        2,
                        "gemini.provider",
                        "use [llm]"),
                // keys
                new Mistake(
                        GOOD.replace("\"k\"", "\"\""),
                        4,
                        "llm.models.embedding.api_key",
                        "provider acme needs a key",
                        "llm.models.embedding.api_key",
                        "llm.api_key",
                        "ACME_KEY"),
                new Mistake(
                        GOOD + "provider = \"zeta\"\n",
                        4,
                        "llm.models.embedding.api_key",
                        "provider zeta needs a key",
                        "ZETA_KEY, then ZETA_OLD_KEY"),
                embedding("api_key = \"two words\"", "api_key", "cannot be used", "HTTP header"),
                embedding("api_key = 12345", "api_key", "expected a string in quotes"),
                new Mistake(
                        "[llm]\napi_key = \"k\"\n[llm.models.embedding]\nprovider = \"plain\"\nname = \"m\"\ndim = 3\n",
                        2,
                        "llm.api_key",
                        "set llm.provider"),
                // base URL
                embedding("base_url = \"localhost:8080\"", "base_url", "http or https"),
                embedding("base_url = \"http://me:secret@host/v1\"", "base_url", "must not carry a user or password"),
                embedding("base_url = \"http://ho st/\"", "base_url", "is not a URL"),
                // the embedding model
                new Mistake("[llm]\nprovider = \"plain\"\n", 1, "llm.models.embedding", "no model to embed with"),
                new Mistake(GOOD.replace("name", "# name"), 4, "llm.models.embedding.name", "set name"),
                new Mistake(GOOD.replace("dim", "# dim"), 4, "llm.models.embedding.dim", "acme model \"m\"", "set dim"),
                new Mistake(GOOD.replace("= 3", "= 0"), 6, "llm.models.embedding.dim", "from 1 to 65536, found 0"),
                new Mistake(
                        GOOD.replace("= 3", "= \"3\""),
                        6,
                        "llm.models.embedding.dim",
                        "expected an integer",
                        "a string"),
                new Mistake(GOOD.replace("= 3", "= 3.0"), 6, "llm.models.embedding.dim", "integer", "the float 3.0"),
                embedding(
                        "send_dimensions = true", "send_dimensions", "\"auto\", \"always\", \"never\"", "boolean true"),
                embedding("send_dimensions = \"sometimes\"", "send_dimensions", "must be one of", "\"sometimes\""),
                embedding("normalize = false", "normalize", "one of the strings \"auto\"", "boolean false"),
                embedding("task_type = [1]", "task_type", "expected a string", "an array"),
                embedding("batch_size = 0", "batch_size", "from 1 to"),
                embedding("max_retries = -1", "max_retries", "from 0 to 100, found -1"),
                embedding("timeout = 0", "timeout", "from 0.001 to 3600, found 0"),
                embedding("timeout = \"60\"", "timeout", "expected a number of seconds", "a string"),
                embedding("timeout = inf", "timeout", "expected a number of seconds", "float Infinity"),
                embedding("timeout = 2026-01-01", "timeout", "a date or time"),
                embedding("max_in_flight = \"many\"", "max_in_flight", "\"auto\""),
                embedding("max_in_flight = 5000", "max_in_flight", "from 1 to 1024"),
                embedding("requests_per_minute = 0", "requests_per_minute", "from 1 to"),
                embedding("tokens_per_minute = 1.5", "tokens_per_minute", "expected an integer", "float 1.5"),
                // prices
                embedding("usd_per_million_tokens = -0.1", "usd_per_million_tokens", "from 0 to 9000, found -0.1"),
                embedding("usd_per_million_tokens = 9000.5", "usd_per_million_tokens", "from 0 to 9000, found 9000.5"),
                embedding("usd_per_million_tokens = 1e300", "usd_per_million_tokens", "from 0 to 9000, found 1000"),
                embedding("usd_per_million_tokens = nan", "usd_per_million_tokens", "a number of US dollars", "NaN"),
                embedding("usd_per_million_tokens = inf", "usd_per_million_tokens", "a number of US dollars"),
                embedding("usd_per_million_tokens = \"0.02\"", "usd_per_million_tokens", "US dollars", "a string"),
                embedding("usd_per_million_tokens = 2e-7", "usd_per_million_tokens", "6 decimals, found 0.0000002"),
                embedding(
                        "usd_per_million_output_tokens = 1",
                        "usd_per_million_output_tokens",
                        "unknown key",
                        "did you mean usd_per_million_tokens?"),
                rewrite(
                        "usd_per_million_tokens = 1",
                        "usd_per_million_tokens",
                        "set usd_per_million_output_tokens too",
                        "neither for the list price"),
                rewrite(
                        "usd_per_million_output_tokens = 1",
                        "usd_per_million_output_tokens",
                        "set usd_per_million_tokens too"),
                rewrite(
                        "usd_per_million_tokens = 1\nusd_per_million_output_tokens = -1",
                        "usd_per_million_output_tokens",
                        11,
                        "from 0 to 9000"),
                rewrite("usd_per_million_tokens = -1", "usd_per_million_tokens", "from 0 to 9000"),
                rewrite("max_output_tokens = 0", "max_output_tokens", "from 1 to 1000000, found 0"),
                rewrite("max_output_tokens = 1.5", "max_output_tokens", "expected an integer"),
                rewrite("max_tokens = 1", "max_tokens", "did you mean max_output_tokens?"),
                // unknown keys
                embedding("bach_size = 3", "bach_size", "unknown key", "did you mean batch_size?"),
                embedding("dimensions = 3", "dimensions", "unknown key", "did you mean dim?"),
                embedding("temperature = 0.5", "temperature", "unknown key", "known here: api_key"),
                embedding("a.b = 0.5", "a", "unknown key"),
                rewrite("max_in_flight = 3", "max_in_flight", "did you mean workers?"),
                appended("[llm.models.embeding]\n", 8, "llm.models.embeding", "did you mean embedding?"),
                appended("[llm.model]\n", 8, "llm.model", "did you mean models?"),
                appended(
                        "[store]\nurl=\"jdbc:sqlite:x\"\npasword=\"x\"\n",
                        10,
                        "store.pasword",
                        "did you mean password?"),
                // the rewrite model
                appended("[llm.models.rewrite]\n", 8, "llm.models.rewrite.name", "set name"),
                rewrite("temperature = 2.1", "temperature", "from 0 to 2, found 2.1"),
                rewrite("enabled = \"yes\"", "enabled", "true or false without quotes", "a string"),
                rewrite("workers = 0", "workers", "from 1 to 1024"),
                rewrite("prompt_file = \"nowhere.txt\"", "prompt_file", "nowhere.txt does not exist"),
                rewrite("prompt_file = \".\"", "prompt_file", "is a directory"),
                rewrite("prompt_file = \"latin1.txt\"", "prompt_file", "latin1.txt is not UTF-8"),
                rewrite("prompt_file = \"no-text.txt\"", "prompt_file", "{text} exactly once, it has none"),
                rewrite("prompt_file = \"two-texts.txt\"", "prompt_file", "{text} exactly once, it has 2"),
                rewrite("prompt_file = \"two-titles.txt\"", "prompt_file", "{title} once, it has 2"),
                // the other tables
                appended("[records]\njsonl = \"a\"\njdbc_url = \"jdbc:h2:x\"\n", 9, "records.jsonl", "not both"),
                appended("[records]\nquery = \"select 1\"\n", 8, "records.jdbc_url", "set jdbc_url"),
                appended("[records]\njdbc_url = \"jdbc:h2:x\"\n", 8, "records.query", "set query"),
                appended("[records]\njdbc_url = \"h2:x\"\nquery = \"q\"\n", 9, "records.jdbc_url", "begins with jdbc:"),
                appended("records = 3\n", 8, "llm.models.embedding.records", "unknown key"),
                appended("[store]\nuser = \"u\"\n", 8, "store.url", "set url"),
                appended("[store]\nurl = \"jdbc:mysql://x\"\n", 9, "store.url", "SQLite or PostgreSQL"),
                appended("[build]\nmax_attempts = 0\n", 9, "build.max_attempts", "from 1 to 1000"),
                appended("[build]\non_too_long = \"cut\"\n", 9, "build.on_too_long", "\"skip\", \"truncate\""),
                build("budget_usd = \"10\"", "budget_usd", "expected a number", "a string"),
                build("budget_usd = 0", "budget_usd", "more than 0", "leave it out"),
                build("budget_usd = -0.0", "budget_usd", "more than 0"),
                build("budget_usd = -1", "budget_usd", "from 0 to 1000000, found -1"),
                build("budget_usd = 1000000.01", "budget_usd", "from 0 to 1000000, found 1000000.01"),
                build("budget_usd = nan", "budget_usd", "a number of US dollars", "NaN"),
                build("budget_usd = 1e-13", "budget_usd", "at most 12 decimals, found 0.0000000000001"),
                build("budget = 1", "budget", "did you mean budget_usd?"),
                appended("[build]\noutage_patience = -1\n", 9, "build.outage_patience", "found -1"),
                health("max_failed = -1", "max_failed", "from 0 to 2147483647, found -1"),
                health("max_failed = 0.5", "max_failed", "expected an integer"),
                health("max_pending = 3000000000", "max_pending", "found 3000000000"),
                health("max_stale = true", "max_stale", "expected an integer", "boolean true"),
                health("max_oldest_pending = -1", "max_oldest_pending", "from 0 to", "found -1"),
                health("max_oldest_pending = \"1h\"", "max_oldest_pending", "number of seconds", "a string"),
                health("max_oldest_pending = inf", "max_oldest_pending", "number of seconds"),
                health("min_success_rate = 99", "min_success_rate", "from 0 to 1, found 99"),
                health("min_success_rate = nan", "min_success_rate", "expected a number"),
                health("max_failled = 1", "max_failled", "did you mean max_failed?"),
                health("max_fail = 1", "max_fail", "did you mean max_failed?"),
                health("stale = 1", "stale", "did you mean max_stale?"),
                health("max_age = 1", "max_age", "did you mean max_oldest_pending?"),
                health("success_rate = 1", "success_rate", "did you mean min_success_rate?"),
                serve("port = 65536", "port", "from 0 to 65535, found 65536"),
                serve("port = -1", "port", "from 0 to 65535, found -1"),
                serve("port = \"8080\"", "port", "expected an integer", "a string"),
                serve("host = 127", "host", "expected a string", "integer 127"),
                serve("secret = 123456789012", "secret", "expected a string in quotes"),
                serve("secret = \"elevenchars\"", "secret", "cannot be used", "at least 12 characters"),
                serve("secret = \"has blanks in it\"", "secret", "cannot be used", "HTTP header"),
                serve("sekret = \"long-enough-to-be-one\"", "sekret", "did you mean secret?"),
                appended("serve = 3\n", 8, "llm.models.embedding.serve", "unknown key"),
                appended("health = 3\n", 8, "llm.models.embedding.health", "unknown key"),
                appended("[[health]]\nmax_failed = 1\n", 8, "health", "expected a table [health], found an array"),
                appended("[logs]\ndir = 3\n", 9, "logs.dir", "expected a string"),
                appended("[logs]\ndir = \"a\\u0000b\"\n", 9, "logs.dir", "no file name"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void eachMistakeIsReportedWithItsLineAndKeyAndNothingElseIs(Mistake mistake) throws IOException {
        writePrompts();

        ConfigException exception = refused(mistake.toml);

        assertThat(exception.problems()).hasSize(1);
        Problem problem = exception.problems().get(0);
        assertThat(problem.line()).isEqualTo(mistake.line);
        assertThat(problem.key()).isEqualTo(mistake.key);
        assertThat(problem.message()).contains(mistake.messageParts);
        assertThat(exception).hasMessageStartingWith("test.toml:\n").hasMessageContaining(problem.toString());
    }

    private void writePrompts() throws IOException {
        Files.write(dir.resolve("latin1.txt"), "gr\u00fc\u00df {text}".getBytes(StandardCharsets.ISO_8859_1));
        Files.writeString(dir.resolve("no-text.txt"), "say {txt}");
        Files.writeString(dir.resolve("two-texts.txt"), "{text} and {text}");
        Files.writeString(dir.resolve("two-titles.txt"), "{title} {text} {title}");
    }

    @Test
    void allMistakesOfAFileAreReportedAtOnceInItsOrder() {
        ConfigException exception = refused("""
                [llm]
                provider = "acme"
                api_kye = "k"
                [llm.models.embedding]
                dim = -1
                timeout = "60"
                [llm.models.rewrite]
                name = "r"
                temperature = 3
                [records]
                query = "select 1"
                [store]
                url = 5
                [build]
                max_attempts = true
                batch_size == 5
                """);

        assertThat(exception.problems())
                .extracting(Problem::line, Problem::key)
                .containsExactly(
                        tuple(3, "llm.api_kye"),
                        tuple(5, "llm.models.embedding.dim"),
                        tuple(6, "llm.models.embedding.timeout"),
                        tuple(9, "llm.models.rewrite.temperature"),
                        tuple(13, "store.url"),
                        tuple(15, "build.max_attempts"),
                        tuple(16, null));
    }

    @Test
    void afterATableHeaderThatCannotBeReadNothingIsGuessed() {
        ConfigException exception = refused(GOOD + "[store\nurl = \"jdbc:sqlite:x\"\n[build]\nno_such = 1\n");

        assertThat(exception.problems()).extracting(Problem::line).containsExactly(8);
    }

    @ParameterizedTest
    @MethodSource("leaks")
    void noMessageShowsAKey(String toml) {
        assertThat(refused(toml).toString()).doesNotContain("SECRET");
    }

    static Stream<String> leaks() {
        return Stream.of(
                "[llm]\napi_key = SECRET\n",
                "[llm]\napi_key = \"x\" SECRET\n",
                "[llm]\napi_key = sk-SECRET\n",
                "[llm]\napi_key = 0777SECRET\n",
                "[llm]\napi_key = \"SECRET\\q\"\n",
                "[llm]\napi_key = \"SECRET\n",
                "[llm]\napi_key = [\"SECRET\"]\n",
                "[llm]\napi_key = \"SECRET SECRET\"\n",
                "[llm]\napi_key = \"SECRET\u00fc\"\n",
                "[llm]\napi_key = {a = \"SECRET\"}\n",
                "[llm]\nmax_retries = \"SECRET\"\n",
                "[llm]\nprovider = \"acme\"\n[llm.models.embedding]\ndim = \"SECRET\"\nmax_in_flight = \"SECRET\"\n",
                "[llm]\nbase_url = \"http://SECRET@host\"\n",
                "[llm]\nbase_url = \"http://ho st?SECRET\"\n",
                "[serve]\nsecret = \"SECRET\"\n",
                "[serve]\nsecret = \"SECRET \u00fc SECRET\"\n",
                "[store]\nurl = \"postgresql://u:SECRET@host/db\"\npassword = 1\n");
    }

    @Test
    void aKeyInTheEnvironmentThatNoHeaderCanCarryIsReportedWithoutShowingIt() {
        String toml = GOOD.replace("api_key = \"k\"", "");

        ConfigException exception = refused(toml, Map.of("ACME_KEY", "two\nSECRET"));

        assertThat(exception.problems()).hasSize(1);
        assertThat(exception)
                .hasMessageContaining("environment variable ACME_KEY")
                .hasMessageNotContaining("SECRET");
    }

    @Test
    void aFileThatIsNotThereOrADirectoryOrNotUtf8IsOneClearProblem() throws IOException {
        Path latin1 = Files.write(dir.resolve("latin1.toml"), "# gr\u00fc\u00df".getBytes(StandardCharsets.ISO_8859_1));

        assertThat(load(dir.resolve("none.toml"))).isEqualTo("the configuration file does not exist");
        assertThat(load(dir)).isEqualTo("the configuration file is a directory");
        assertThat(load(latin1)).isEqualTo("the configuration file is not UTF-8");
    }

    private static String load(Path file) {
        ConfigException exception = catchThrowableOfType(ConfigException.class, () -> LlmConfig.load(file));
        assertThat(exception).hasMessageStartingWith(file.toString());
        assertThat(exception.problems()).hasSize(1);
        return exception.problems().get(0).message();
    }

    private ConfigException refused(String toml) {
        return refused(toml, Map.of());
    }

    private ConfigException refused(String toml, Map<String, String> environment) {
        ConfigException exception = catchThrowableOfType(
                ConfigException.class, () -> LlmConfig.parse(toml, "test.toml", dir, environment, FACTORIES));
        assertThat(exception).as("refuses it").isNotNull();
        assertThat(List.copyOf(exception.problems())).isNotEmpty();
        return exception;
    }
}
