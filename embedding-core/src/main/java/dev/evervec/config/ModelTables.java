package dev.evervec.config;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CallPolicy.Concurrency;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderFactories;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.Normalization;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.Secret;
import dev.evervec.provider.TokenPrice;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The tables about the models: {@code [llm]}, or {@code [gemini]} where there is no {@code [llm]}, with
 * {@code models.embedding} and {@code models.rewrite} below it.
 */
final class ModelTables {
    private static final int MOST_DIMENSIONS = 65_536;
    private static final int MOST_TEXTS = 1_000_000;
    private static final int MOST_RETRIES = 100;
    private static final int MOST_IN_FLIGHT = 1_024;
    private static final int MOST_OUTPUT_TOKENS = 1_000_000;
    private static final double LONGEST_TIMEOUT = 3_600;
    private static final CallPolicy REWRITE_POLICY =
            new CallPolicy(CallPolicy.DEFAULT.maxRetries(), CallPolicy.DEFAULT.timeout(), 8);
    private static final String INPUT_PRICE = "usd_per_million_tokens";
    private static final String OUTPUT_PRICE = "usd_per_million_output_tokens";

    private final Map<String, String> environment;
    private final ProviderFactories factories;
    private final BaseDir baseDir;
    private final Problems problems;
    private final List<String> warnings;

    ModelTables(
            Map<String, String> environment,
            ProviderFactories factories,
            BaseDir baseDir,
            Problems problems,
            List<String> warnings) {
        this.environment = environment;
        this.factories = factories;
        this.baseDir = baseDir;
        this.problems = problems;
        this.warnings = warnings;
    }

    /** What was read; a null embedding model means that there are problems. */
    record Result(
            @Nullable ProviderSettings embedding, @Nullable RewriteSettings rewrite) {}

    /** The table that the models are in, with what they inherit if they have the same provider. */
    private record Section(
            TomlTableReader table,
            @Nullable String provider,
            @Nullable Secret apiKey,
            @Nullable String baseUrl) {}

    Result read(TomlTableReader root) {
        Section section = section(root);
        if (section == null) {
            return new Result(null, null);
        }
        TomlTableReader models = section.table().table("models");
        section.table().finish();
        TomlTableReader embedding = models == null ? null : models.table("embedding");
        TomlTableReader rewrite = models == null ? null : models.table("rewrite");
        if (models != null) {
            models.finish();
        }
        if (embedding == null) {
            String path = section.table().path("models.embedding");
            if (!problems.concern(path) && !problems.concern(section.table().path("models"))) {
                problems.addMissing(
                        section.table().line(),
                        path,
                        "no model to embed with: add a table [" + path + "] with name and dim");
            }
        }
        return new Result(
                embedding == null ? null : embedding(section, embedding),
                rewrite == null ? null : rewrite(section, rewrite));
    }

    private @Nullable Section section(TomlTableReader root) {
        if (root.has("llm")) {
            TomlTableReader llm = root.table("llm");
            return llm == null ? null : section(llm, providerName(llm));
        }
        if (root.has("gemini")) {
            TomlTableReader gemini = root.table("gemini");
            return gemini == null ? null : deprecatedSection(gemini);
        }
        problems.addMissing(
                0, null, "there is no [llm] table (nor the older [gemini]): add [llm] and [llm.models.embedding]");
        return null;
    }

    private Section deprecatedSection(TomlTableReader gemini) {
        warnings.add(
                "[gemini] is deprecated: rename it to [llm] with provider = \"gemini\" (line " + gemini.line() + ")");
        String provider = providerName(gemini);
        if (provider != null && !provider.equals("gemini")) {
            gemini.problem("provider", "[gemini] is for the provider gemini only: use [llm] for any other");
        }
        return section(gemini, "gemini");
    }

    private Section section(TomlTableReader table, @Nullable String provider) {
        Secret apiKey = table.secret("api_key", Secret::of);
        String baseUrl = baseUrl(table);
        if (provider == null) {
            for (String key : List.of("api_key", "base_url")) {
                if (table.present(key) && !problems.concern(table.path("provider"))) {
                    table.missing(
                            key, "belongs to the section's provider, and none is set: set " + table.path("provider"));
                }
            }
        } else if (factories.find(provider).isEmpty() && !problems.concern(table.path("provider"))) {
            table.problem("provider", factories.explainMissing(provider));
        }
        return new Section(table, provider, apiKey, baseUrl);
    }

    private static @Nullable String providerName(TomlTableReader table) {
        String provider = table.string("provider");
        return provider == null ? null : provider.strip().toLowerCase(Locale.ROOT);
    }

    /** What both capabilities need to reach their model. */
    private record Endpoint(
            LLMProviderFactory factory,
            String provider,
            @Nullable Secret apiKey,
            @Nullable String baseUrl) {}

    private @Nullable ProviderSettings embedding(Section section, TomlTableReader table) {
        Endpoint endpoint = endpoint(section, table, Capability.EMBEDDING, true);
        String name = name(table, true);
        OptionalInt dim = table.integer("dim", 1, MOST_DIMENSIONS);
        SendDimensions send = table.choice("send_dimensions", SendDimensions.class, SendDimensions.AUTO);
        String taskType = upperCase(table.string("task_type"));
        String queryTaskType = upperCase(table.string("query_task_type"));
        OptionalInt texts = table.integer("batch_size", 1, MOST_TEXTS);
        OptionalInt inFlight = table.integerOr("auto", "max_in_flight", 1, MOST_IN_FLIGHT);
        CallPolicy policy = callPolicy(table, CallPolicy.DEFAULT, inFlight);
        Normalization normalization = table.choice("normalize", Normalization.class, Normalization.AUTO);
        Quota quota = quota(table);
        BigDecimal price = price(table, INPUT_PRICE);
        table.finish();
        OptionalInt dimension = dimension(table, endpoint, name, dim);
        if (endpoint == null || name == null || dimension.isEmpty()) {
            return null;
        }
        return quota.on(settings(Capability.EMBEDDING, endpoint, name, policy))
                .dimension(dimension.getAsInt())
                .sendDimensions(send)
                .taskType(taskType)
                .queryTaskType(queryTaskType)
                .maxTextsPerRequest(texts)
                .normalization(normalization)
                .usdPerMillionTokens(price)
                .build();
    }

    private @Nullable RewriteSettings rewrite(Section section, TomlTableReader table) {
        boolean enabled = table.flag("enabled", true);
        Endpoint endpoint = endpoint(section, table, Capability.REWRITE, enabled);
        String name = name(table, enabled);
        BigDecimal temperature = table.number("temperature", 0, 2);
        CallPolicy policy = callPolicy(table, REWRITE_POLICY, table.integer("workers", 1, MOST_IN_FLIGHT));
        Quota quota = quota(table);
        Prices prices = prices(table);
        OptionalInt maxOutputTokens = table.integer("max_output_tokens", 1, MOST_OUTPUT_TOKENS);
        Path promptFile = baseDir.file(table, "prompt_file");
        table.finish();
        if (!enabled) {
            return null;
        }
        prices.noteMissing(table);
        String prompt = promptFile == null ? PromptTemplate.BUILT_IN : prompt(table, promptFile);
        if (endpoint == null || name == null || prompt == null || !prices.complete()) {
            return null;
        }
        ProviderSettings settings = quota.on(settings(Capability.REWRITE, endpoint, name, policy))
                .temperature(temperature == null ? null : temperature.doubleValue())
                .usdPerMillionTokens(prices.input())
                .usdPerMillionOutputTokens(prices.output())
                .maxOutputTokens(maxOutputTokens)
                .build();
        return new RewriteSettings(settings, prompt);
    }

    private static ProviderSettings.Builder settings(
            Capability capability, Endpoint endpoint, String name, CallPolicy policy) {
        return ProviderSettings.builder(capability, endpoint.provider(), name)
                .apiKey(endpoint.apiKey())
                .baseUrl(endpoint.baseUrl())
                .callPolicy(policy);
    }

    /**
     * Provider, key and base URL of one capability. The section's key and base URL are the section's provider's and go to
     * no other one.
     *
     * @param used whether the capability is switched on; if not, types are checked and nothing is asked for
     */
    private @Nullable Endpoint endpoint(Section section, TomlTableReader table, Capability capability, boolean used) {
        String own = providerName(table);
        Secret ownKey = table.secret("api_key", Secret::of);
        String ownBaseUrl = baseUrl(table);
        String provider = own == null ? section.provider() : own;
        if (!used) {
            return null;
        }
        if (provider == null) {
            section.table()
                    .missing(
                            "provider",
                            "no provider is set; on the class path: " + String.join(", ", factories.names()));
            return null;
        }
        LLMProviderFactory factory = factories.find(provider).orElse(null);
        if (factory == null) {
            if (own != null && !own.equals(section.provider())) {
                table.problem("provider", factories.explainMissing(provider));
            }
            return null;
        }
        if (!factory.supports(capability)) {
            table.problem("provider", "provider " + provider + " cannot be used for " + capability.configName());
            return null;
        }
        boolean inherits = provider.equals(section.provider());
        Secret apiKey = ownKey == null && inherits ? section.apiKey() : ownKey;
        String baseUrl = ownBaseUrl == null && inherits ? section.baseUrl() : ownBaseUrl;
        if (apiKey == null) {
            apiKey = keyFromEnvironment(table, factory);
        }
        if (apiKey == null && baseUrl == null && factory.needsKey()) {
            noteMissingKey(section, table, factory, inherits);
        }
        return new Endpoint(factory, provider, apiKey, baseUrl);
    }

    private @Nullable Secret keyFromEnvironment(TomlTableReader table, LLMProviderFactory factory) {
        for (String variable : factory.keyVariables()) {
            String value = environment.get(variable);
            if (value != null && !value.isBlank()) {
                try {
                    return Secret.of(value);
                } catch (IllegalArgumentException e) {
                    table.problem("api_key", "environment variable " + variable + " cannot be used: " + e.getMessage());
                    return null;
                }
            }
        }
        return null;
    }

    private void noteMissingKey(Section section, TomlTableReader table, LLMProviderFactory factory, boolean inherits) {
        if (inherits && problems.concern(section.table().path("api_key"))) {
            return;
        }
        StringBuilder places = new StringBuilder(table.path("api_key"));
        if (inherits) {
            places.append(" or ").append(section.table().path("api_key"));
        }
        List<String> variables = factory.keyVariables();
        if (!variables.isEmpty()) {
            places.append(variables.size() == 1 ? ", or the environment variable " : ", or an environment variable: ")
                    .append(String.join(", then ", variables));
        }
        table.missing("api_key", "provider " + factory.name() + " needs a key: set " + places);
    }

    private static @Nullable String baseUrl(TomlTableReader table) {
        String text = table.string("base_url");
        if (text == null) {
            return null;
        }
        String stripped = text.strip();
        try {
            URI uri = new URI(stripped);
            String scheme = uri.getScheme();
            if (uri.getHost() == null || !("http".equalsIgnoreCase(scheme) || "https".equalsIgnoreCase(scheme))) {
                table.problem("base_url", "must be a URL such as https://host/path: with http or https and a host");
            } else if (uri.getRawUserInfo() != null) {
                table.problem("base_url", "must not carry a user or password: put the key into api_key");
            } else {
                return stripped;
            }
        } catch (URISyntaxException e) {
            table.problem("base_url", "is not a URL: " + e.getReason() + " at character " + (e.getIndex() + 1));
        }
        return null;
    }

    private static @Nullable String name(TomlTableReader table, boolean used) {
        String name = table.string("name");
        if (name == null && used) {
            table.missing("name", "no model is named: set name");
        }
        return name == null ? null : name.strip();
    }

    private static OptionalInt dimension(
            TomlTableReader table, @Nullable Endpoint endpoint, @Nullable String name, OptionalInt configured) {
        if (configured.isPresent() || endpoint == null || name == null) {
            return configured;
        }
        OptionalInt known = endpoint.factory().defaultDimension(name);
        if (known.isEmpty()) {
            table.missing(
                    "dim",
                    "the dimension of " + endpoint.provider() + " model \"" + name
                            + "\" is not known: set dim to the number of components of its vectors");
        }
        return known;
    }

    private static CallPolicy callPolicy(TomlTableReader table, CallPolicy usual, OptionalInt inFlight) {
        Duration timeout = table.seconds("timeout", 0.001, LONGEST_TIMEOUT);
        return new CallPolicy(
                table.integer("max_retries", 0, MOST_RETRIES).orElse(usual.maxRetries()),
                Objects.requireNonNullElse(timeout, usual.timeout()),
                inFlight.orElse(usual.maxInFlight()),
                inFlight.isPresent() ? Concurrency.FIXED : usual.concurrency());
    }

    /** What the account allows. */
    private record Quota(OptionalInt requestsPerMinute, OptionalInt tokensPerMinute) {
        ProviderSettings.Builder on(ProviderSettings.Builder settings) {
            return settings.requestsPerMinute(requestsPerMinute).tokensPerMinute(tokensPerMinute);
        }
    }

    private static Quota quota(TomlTableReader table) {
        return new Quota(
                table.integer("requests_per_minute", 1, Integer.MAX_VALUE),
                table.integer("tokens_per_minute", 1, Integer.MAX_VALUE));
    }

    /** What a million tokens of a model that writes costs; half of it would be taken for all of it. */
    private record Prices(
            @Nullable BigDecimal input, @Nullable BigDecimal output) {
        boolean complete() {
            return (input == null) == (output == null);
        }

        void noteMissing(TomlTableReader table) {
            if (input != null && !table.present(OUTPUT_PRICE)) {
                noteAlone(table, INPUT_PRICE, OUTPUT_PRICE);
            } else if (output != null && !table.present(INPUT_PRICE)) {
                noteAlone(table, OUTPUT_PRICE, INPUT_PRICE);
            }
        }

        private static void noteAlone(TomlTableReader table, String there, String missing) {
            table.problem(there, "stands alone: set " + missing + " too, or neither for the list price");
        }
    }

    private static Prices prices(TomlTableReader table) {
        return new Prices(price(table, INPUT_PRICE), price(table, OUTPUT_PRICE));
    }

    private static @Nullable BigDecimal price(TomlTableReader table, String key) {
        return table.usd(key, TokenPrice.MAX_USD_PER_MILLION.doubleValue(), TokenPrice.MAX_DECIMALS);
    }

    private static @Nullable String prompt(TomlTableReader table, Path file) {
        try {
            String template = Utf8File.read(file);
            String defect = PromptTemplate.defectOf(template);
            if (defect == null) {
                return template;
            }
            table.problem("prompt_file", file + " " + defect);
        } catch (IOException e) {
            table.problem("prompt_file", file + " " + Utf8File.reason(file, e));
        }
        return null;
    }

    private static @Nullable String upperCase(@Nullable String text) {
        return text == null ? null : text.strip().toUpperCase(Locale.ROOT);
    }
}
