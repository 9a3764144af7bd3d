package dev.evervec.provider.openai;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OpenAiEndpointTest {
    @ParameterizedTest
    @CsvSource({
        "https://api.openai.com/v1, OPENAI, https://api.openai.com/v1",
        "https://eu.api.openai.com/v1/, OPENAI, https://eu.api.openai.com/v1",
        "http://localhost:11434/v1, COMPATIBLE, http://localhost:11434/v1",
        "HTTP://[::1]:8000/v1//, COMPATIBLE, http://[::1]:8000/v1",
        "http://10.0.0.7:8080, COMPATIBLE, http://10.0.0.7:8080",
        "' https://openrouter.ai/api/v1 ', COMPATIBLE, https://openrouter.ai/api/v1",
        "https://r.openai.azure.com, AZURE_DEPLOYMENTS, https://r.openai.azure.com",
        "https://R.OpenAI.Azure.com/, AZURE_DEPLOYMENTS, https://R.OpenAI.Azure.com",
        "https://r.openai.azure.com/openai, AZURE_DEPLOYMENTS, https://r.openai.azure.com",
        "https://r.openai.azure.com/openai/deployments/m, AZURE_DEPLOYMENTS, https://r.openai.azure.com",
        "https://r.openai.azure.com/openai/deployments/m/embeddings, AZURE_DEPLOYMENTS, https://r.openai.azure.com",
        "https://g.azure-api.net/team/openai/deployments/m/, AZURE_DEPLOYMENTS, https://g.azure-api.net/team",
        "https://r.openai.azure.com/openai/v1/, AZURE_V1, https://r.openai.azure.com/openai/v1",
        "https://r.cognitiveservices.azure.com/openai/v1, AZURE_V1, https://r.cognitiveservices.azure.com/openai/v1",
        "https://notazure.com/openai/v1, COMPATIBLE, https://notazure.com/openai/v1"
    })
    void aBaseUrlTellsTheKindOfService(String baseUrl, OpenAiEndpoint.Kind kind, String expected) {
        OpenAiEndpoint endpoint = OpenAiEndpoint.of(baseUrl, "m");

        assertThat(endpoint.kind()).isEqualTo(kind);
        assertThat(endpoint.baseUrl()).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "'', empty",
        "'   ', empty",
        "localhost:8000/v1, http:// or https://",
        "localhost/v1, http:// or https://",
        "//localhost/v1, http:// or https://",
        "ftp://localhost/v1, not ftp",
        "http://my_server:8000/v1, underscore",
        "http:///v1, host",
        "http://, no valid URL",
        "http://local host/v1, no valid URL",
        "http://localhost:0/v1, port",
        "http://localhost:99999/v1, port",
        "http://localhost:8000/v1?key=x, query",
        "http://localhost:8000/v1#x, fragment",
        "http://localhost:8000/v1/embeddings, end before",
        "http://localhost:8000/v1/chat/completions, end before",
        "https://r.openai.azure.com?foo=bar, query",
        "https://r.openai.azure.com/openai/deployments/other, deployment other"
    })
    void aBaseUrlThatCannotWorkIsRefusedWithTheReason(String baseUrl, String reason) {
        ProviderSettings settings = Fixtures.embedding(baseUrl).build();

        assertThatThrownBy(() -> new OpenAiProviderFactory().create(settings))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("base_url")
                .hasMessageContaining(reason);
    }

    @Test
    void credentialsInABaseUrlAreRefusedAndNotShown() {
        for (String baseUrl : new String[] {"https://me:geheim@host/v1", "https://me:geheim@my_host/v1"}) {
            assertThatThrownBy(() -> OpenAiEndpoint.of(baseUrl, "m"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("api_key")
                    .hasMessageNotContaining("geheim");
        }
        assertThatThrownBy(() -> OpenAiEndpoint.of("https://me:geheim @host/v1", "m"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("geheim")
                .hasNoCause();
    }

    @ParameterizedTest
    @CsvSource({
        ", text-embedding-3-small, 1536, AUTO, -1",
        ", text-embedding-3-small, 512, AUTO, 512",
        ", text-embedding-3-large, 1536, AUTO, 1536",
        ", text-embedding-ada-002, 512, AUTO, -1",
        ", text-embedding-3-small, 1536, ALWAYS, 1536",
        ", text-embedding-3-small, 512, NEVER, -1",
        "https://r.openai.azure.com/openai/v1, text-embedding-3-large, 256, AUTO, 256",
        "https://r.openai.azure.com, my-deployment, 256, AUTO, -1",
        "http://localhost:8000/v1, text-embedding-3-small, 512, AUTO, -1",
        "http://localhost:8000/v1, nomic-embed-text, 512, ALWAYS, 512"
    })
    void dimensionsAreSentWhereTheyAreKnownToHelp(
            String baseUrl, String model, int dimension, SendDimensions send, int sent) {
        OpenAiProfile profile = profile(baseUrl, model, dimension, send);

        assertThat(profile.dimensions()).isEqualTo(sent < 0 ? OptionalInt.empty() : OptionalInt.of(sent));
    }

    @Test
    void limitsAreThoseOfTheServiceAndTheConfiguration() {
        ProviderLimits own = profile(null, "text-embedding-3-small", 1536, SendDimensions.AUTO)
                .limits();
        ProviderLimits other = profile("http://localhost:8000/v1", "text-embedding-3-small", 1536, SendDimensions.AUTO)
                .limits();

        assertThat(own).isEqualTo(new ProviderLimits(2048, 8192, 300_000, ProviderLimits.UNLIMITED));
        assertThat(other).isEqualTo(ProviderLimits.ofTexts(2048));
        assertThat(limitOfTexts(32)).isEqualTo(32);
        assertThat(limitOfTexts(5000)).isEqualTo(2048);
    }

    private static int limitOfTexts(int configured) {
        ProviderSettings settings = Fixtures.embedding("http://localhost:8000/v1")
                .maxTextsPerRequest(OptionalInt.of(configured))
                .build();
        try (OpenAiProvider provider = OpenAiProvider.create(settings)) {
            return provider.limits().maxTextsPerRequest();
        }
    }

    private static OpenAiProfile profile(String baseUrl, String model, int dimension, SendDimensions send) {
        ProviderSettings settings = ProviderSettings.builder(Capability.EMBEDDING, "openai", model)
                .baseUrl(baseUrl)
                .dimension(dimension)
                .sendDimensions(send)
                .build();
        return OpenAiProfile.of(OpenAiEndpoint.of(baseUrl, model), settings);
    }
}
