package dev.evervec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.evervec.config.ConfigException;
import dev.evervec.config.LlmConfig;
import dev.evervec.config.TestConfigs;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderFactories;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.TokenPrice;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LLMProvidersTest {
    @TempDir
    Path dir;

    private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
    private HttpServer server;
    private String url;

    @BeforeEach
    void startServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            seen.add(exchange.getRequestURI() + " "
                    + exchange.getRequestHeaders().get("Authorization"));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        url = "http://127.0.0.1:" + server.getAddress().getPort();
    }

    @AfterEach
    void stopServer() {
        server.stop(0);
    }

    /** Both vendors' keys are set, each place once; every request must carry its own vendor's key and no other. */
    @Test
    void noKeyOfOneVendorIsSentToAnother() {
        ProviderFactories factories = ProviderFactories.of(
                ToyFactory.withKey("red", url + "/red", "RED_KEY"),
                ToyFactory.withKey("blue", url + "/blue", "BLUE_KEY"));
        Map<String, String> environment = Map.of("RED_KEY", "red-env", "BLUE_KEY", "blue-env");
        String models = "[llm.models.embedding]\nprovider = \"blue\"\nname = \"m\"\ndim = 3\n%s"
                + "[llm.models.rewrite]\nname = \"r\"\n%s";

        callBoth("[llm]\nprovider = \"red\"\n" + models.formatted("", ""), environment, factories);
        callBoth(
                "[llm]\nprovider = \"red\"\napi_key = \"red-file\"\n" + models.formatted("", ""),
                environment,
                factories);
        callBoth(
                "[llm]\nprovider = \"red\"\napi_key = \"red-file\"\nbase_url = \"" + url + "/red/own\"\n"
                        + models.formatted("api_key = \"blue-file\"\n", "api_key = \"red-model\"\n"),
                environment,
                factories);
        callBoth(
                "[llm]\nprovider = \"red\"\napi_key = \"red-file\"\n"
                        + models.formatted("base_url = \"" + url + "/blue/own\"\n", ""),
                Map.of("RED_KEY", "red-env"),
                factories);

        assertThat(seen)
                .containsExactly(
                        "/blue/m [Bearer blue-env]",
                        "/red/r [Bearer red-env]",
                        "/blue/m [Bearer blue-env]",
                        "/red/r [Bearer red-file]",
                        "/blue/m [Bearer blue-file]",
                        "/red/own/r [Bearer red-model]",
                        "/blue/own/m null",
                        "/red/r [Bearer red-file]");
    }

    private void callBoth(String toml, Map<String, String> environment, ProviderFactories factories) {
        LlmConfig config = TestConfigs.parse(toml, dir, environment, factories);
        try (LLMProvider embedder = LLMProviders.create(config.embedding(), factories);
                LLMProvider rewriter =
                        LLMProviders.create(config.rewrite().orElseThrow().provider(), factories)) {
            embedder.embed("text");
            rewriter.rewrite("prompt");
        }
    }

    @Test
    void theConfiguredCallPolicyIsTheProviders() {
        CallPolicy policy = new CallPolicy(1, Duration.ofSeconds(2), 3);
        ProviderSettings settings = settings("red").callPolicy(policy).build();

        try (LLMProvider provider = LLMProviders.create(settings, red())) {
            assertThat(provider.callPolicy()).isEqualTo(policy);
            assertThat(provider.model().provider()).isEqualTo("red");
            assertThat(provider.limits().maxTextsPerRequest()).isEqualTo(10);
        }
    }

    @Test
    void aConfiguredPriceGoesBeforeTheProviders() {
        try (LLMProvider usual = LLMProviders.create(settings("red").build(), red());
                LLMProvider dearer = LLMProviders.create(
                        settings("red").usdPerMillionTokens(BigDecimal.TEN).build(), red());
                LLMProvider free = LLMProviders.create(
                        settings("red").usdPerMillionTokens(BigDecimal.ZERO).build(), red())) {
            assertThat(usual.price()).isEqualTo(ToyFactory.PRICE);
            assertThat(dearer.price()).isEqualTo(TokenPrice.ofInput(BigDecimal.TEN));
            assertThat(free.price()).isEqualTo(TokenPrice.FREE);
        }
    }

    @Test
    void theLimitOfOutputTokensIsTheProviders() {
        ProviderSettings settings = ProviderSettings.builder(Capability.REWRITE, "red", "m")
                .maxOutputTokens(OptionalInt.of(9))
                .build();

        try (LLMProvider provider = LLMProviders.create(settings, red())) {
            assertThat(provider.maxOutputTokens()).isEqualTo(9);
        }
    }

    @Test
    void aSettingThatTheFactoryRefusesIsAConfigurationErrorThatNamesIt() {
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "red", "refused-model")
                .dimension(3)
                .build();

        assertThatThrownBy(() -> LLMProviders.create(settings, red()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("llm.models.embedding: provider red refuses a setting: name refused-model")
                .hasCauseInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aMissingProviderNamesTheOnesThatAreThere() {
        assertThatThrownBy(() -> LLMProviders.create(settings("green").build(), red()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("unknown provider \"green\"; on the class path: red");
    }

    @Test
    void aProviderWhoseSdkIsMissingSaysSo() {
        LLMProviderFactory broken = new LLMProviderFactory() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public LLMProvider create(ProviderSettings settings) {
                throw new NoClassDefFoundError("com/vendor/Client");
            }
        };

        assertThatThrownBy(() -> LLMProviders.create(settings("broken").build(), ProviderFactories.of(broken)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("com/vendor/Client")
                .hasMessageContaining("SDK");
    }

    @Test
    void rewritingThatIsNotConfiguredIsTheCallersMistake() {
        LlmConfig config = TestConfigs.parse(
                "[llm]\nprovider = \"red\"\n[llm.models.embedding]\nname = \"m\"\ndim = 3\n",
                dir,
                Map.of("RED_KEY", "k"),
                red());

        assertThatThrownBy(() -> LLMProviders.create(config, Capability.REWRITE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[llm.models.rewrite]");
    }

    /** One registration that works between four that cannot: no such class, no factory, a broken constructor, no SDK. */
    @Test
    void unusableRegistrationsNeverHideAUsableOne() throws IOException {
        Path services = Files.createDirectories(dir.resolve("META-INF/services"));
        Files.writeString(
                services.resolve(LLMProviderFactory.class.getName()),
                String.join(
                        "\n",
                        "no.such.Factory",
                        LLMProvidersTest.class.getName(),
                        ThrowingFactory.class.getName(),
                        UsableFactory.class.getName(),
                        SdklessFactory.class.getName()));
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {dir.toUri().toURL()}, before)) {
            Thread.currentThread().setContextClassLoader(loader);

            ProviderFactories factories = ProviderFactories.onClassPath();

            assertThat(factories.names()).contains("usable");
            assertThat(factories.unusable()).hasSize(4);
            assertThat(factories.explainMissing("sdkless"))
                    .contains("unknown provider \"sdkless\"", "usable", "no.such.Factory", "com/vendor/Missing");
            assertThat(LLMProviders.create(settings("usable").build())).isNotNull();
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    @Test
    void aRegistrationFileThatIsNoneEndsTheSearch() throws IOException {
        Path services = Files.createDirectories(dir.resolve("META-INF/services"));
        Files.writeString(services.resolve(LLMProviderFactory.class.getName()), "not a class name\n");
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {dir.toUri().toURL()}, before)) {
            Thread.currentThread().setContextClassLoader(loader);

            assertThat(ProviderFactories.onClassPath().unusable()).isNotEmpty();
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    private ProviderFactories red() {
        return ProviderFactories.of(ToyFactory.withKey("red", url + "/red", "RED_KEY"));
    }

    private static ProviderSettings.Builder settings(String provider) {
        return ProviderSettings.builder(Capability.EMBEDDING, provider, "m").dimension(3);
    }

    /** A factory that works. */
    public static final class UsableFactory implements LLMProviderFactory {
        @Override
        public String name() {
            return "usable";
        }

        @Override
        public LLMProvider create(ProviderSettings settings) {
            return ToyFactory.embedderWithoutKey("usable").create(settings);
        }
    }

    /** A factory whose constructor fails. */
    public static final class ThrowingFactory implements LLMProviderFactory {
        public ThrowingFactory() {
            throw new IllegalStateException("broken");
        }

        @Override
        public String name() {
            return "throwing";
        }

        @Override
        public LLMProvider create(ProviderSettings settings) {
            throw new UnsupportedOperationException();
        }
    }

    /** A factory that touches its SDK too early. */
    public static final class SdklessFactory implements LLMProviderFactory {
        @Override
        public String name() {
            throw new NoClassDefFoundError("com/vendor/Missing");
        }

        @Override
        public LLMProvider create(ProviderSettings settings) {
            throw new UnsupportedOperationException();
        }
    }
}
