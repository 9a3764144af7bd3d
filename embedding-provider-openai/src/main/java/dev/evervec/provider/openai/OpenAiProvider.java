package dev.evervec.provider.openai;

import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.embeddings.EmbeddingCreateParams;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.Normalization;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.WellFormed;
import java.time.Clock;
import java.util.List;
import java.util.function.UnaryOperator;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One model at one endpoint, by the official SDK. */
final class OpenAiProvider implements LLMProvider {
    private static final Logger LOG = LoggerFactory.getLogger(OpenAiProvider.class);

    /** A component takes at most about 25 bytes as JSON number; what is beyond this is no answer to the request. */
    private static final long MAX_BYTES_PER_COMPONENT = 32;

    private static final long MAX_BYTES_AROUND = 1 << 20;
    private static final long MAX_REWRITE_BYTES = 16 << 20;

    /** Three for the message, one for its role, three for the beginning of the answer (OpenAI cookbook, 2024). */
    private static final int TOKENS_AROUND_PROMPT = 7;

    private final ProviderSettings settings;
    private final ModelIdentity identity;
    private final OpenAiProfile profile;
    private final OpenAiErrors errors;
    private final OpenAiTransport transport;

    private OpenAiProvider(
            ProviderSettings settings,
            OpenAiEndpoint endpoint,
            Clock clock,
            UnaryOperator<OkHttpClient.Builder> customizer) {
        this.settings = settings;
        this.identity = identityOf(settings);
        this.profile = OpenAiProfile.of(endpoint, settings);
        this.errors = new OpenAiErrors(
                settings, endpoint.baseUrl(), profile.dimensions().isPresent(), clock);
        this.transport =
                new OpenAiTransport(endpoint, settings.apiKey(), settings.callPolicy(), errors, clock, customizer);
    }

    /**
     * A provider for these settings; see {@link OpenAiProviderFactory}.
     *
     * @throws IllegalArgumentException if the base URL cannot work
     */
    static OpenAiProvider create(ProviderSettings settings) {
        return create(settings, Clock.systemUTC(), UnaryOperator.identity());
    }

    /** The same with another clock and with the last word on the HTTP client. */
    static OpenAiProvider create(
            ProviderSettings settings, Clock clock, UnaryOperator<OkHttpClient.Builder> customizer) {
        OpenAiEndpoint endpoint = OpenAiEndpoint.of(settings.baseUrl(), settings.model());
        warnOfLoweredBatchSize(settings);
        return new OpenAiProvider(settings, endpoint, clock, customizer);
    }

    private static void warnOfLoweredBatchSize(ProviderSettings settings) {
        int configured = settings.maxTextsPerRequest().orElse(0);
        if (configured > OpenAiProfile.MAX_TEXTS) {
            LOG.warn(
                    "batch_size {} for {} is lowered to {}, the service's limit",
                    configured,
                    settings.model(),
                    OpenAiProfile.MAX_TEXTS);
        }
    }

    private static ModelIdentity identityOf(ProviderSettings settings) {
        if (settings.capability() == Capability.REWRITE) {
            Double temperature = settings.temperature();
            return ModelIdentity.rewriting(
                    settings.provider(), settings.model(), temperature == null ? "" : temperature.toString());
        }
        // OpenAI's vectors have length 1 at every size; what other servers send is theirs to normalise.
        return ModelIdentity.embedding(
                settings.provider(),
                settings.model(),
                settings.dimension(),
                "",
                settings.normalization() == Normalization.ALWAYS ? "l2" : "none");
    }

    @Override
    public ModelIdentity model() {
        return identity;
    }

    @Override
    public ProviderLimits limits() {
        return profile.limits();
    }

    @Override
    public CallPolicy callPolicy() {
        return settings.callPolicy();
    }

    /** Of a text to embed, or of a prompt with what is billed around it. */
    @Override
    public int countTokens(String text) {
        Tokenizer tokenizer = profile.tokenizer();
        if (tokenizer == null) {
            return LLMProvider.super.countTokens(text);
        }
        int tokens = tokenizer.count(WellFormed.text(text));
        return settings.capability() == Capability.REWRITE ? tokens + TOKENS_AROUND_PROMPT : tokens;
    }

    @Override
    public boolean countsTokensExactly() {
        return profile.tokenizer() != null
                && (settings.capability() == Capability.EMBEDDING || OpenAiModels.documentsPrompts(settings.model()));
    }

    @Override
    public @Nullable TokenPrice price() {
        return profile.listPrice();
    }

    @Override
    public int maxOutputTokens() {
        return settings.maxOutputTokens().orElse(0);
    }

    @Override
    @SuppressWarnings("MustBeClosed") // the transport closes the answer
    public EmbedResponse embed(EmbedRequest request) {
        if (settings.capability() != Capability.EMBEDDING) {
            return LLMProvider.super.embed(request);
        }
        int count = request.texts().size();
        if (count > limits().maxTextsPerRequest()) {
            throw new IllegalArgumentException(
                    count + " texts in one request, at most " + limits().maxTextsPerRequest() + " are allowed");
        }
        List<String> texts = request.texts().stream().map(WellFormed::text).toList();
        EmbeddingCreateParams params = embedding(texts);
        long maxBytes = MAX_BYTES_AROUND + MAX_BYTES_PER_COMPONENT * count * settings.dimension();
        return transport.call(
                request.context(),
                count,
                maxBytes,
                (client, options) -> client.embeddings().create(params, options),
                (body, exchange) -> new EmbeddingAnswer(
                                count,
                                settings.dimension(),
                                settings.normalization() == Normalization.ALWAYS,
                                exchange,
                                errors)
                        .read(
                                body,
                                () -> texts.stream()
                                        .mapToLong(this::countTokens)
                                        .sum())
                        .withRateLimits(exchange.rateLimits()));
    }

    private EmbeddingCreateParams embedding(List<String> texts) {
        EmbeddingCreateParams.Builder params = EmbeddingCreateParams.builder()
                .model(settings.model())
                .inputOfArrayOfStrings(texts)
                // Less than half the size of numbers, and far cheaper to parse; servers that ignore it are understood.
                .encodingFormat(EmbeddingCreateParams.EncodingFormat.BASE64);
        profile.dimensions().ifPresent(params::dimensions);
        return params.build();
    }

    @Override
    @SuppressWarnings("MustBeClosed") // the transport closes the answer
    public RewriteResponse rewrite(RewriteRequest request) {
        if (settings.capability() != Capability.REWRITE) {
            return LLMProvider.super.rewrite(request);
        }
        String prompt = WellFormed.text(request.prompt());
        ChatCompletionCreateParams params = chat(prompt);
        return transport.call(
                request.context(),
                0,
                MAX_REWRITE_BYTES,
                (client, options) -> client.chat().completions().create(params, options),
                (body, exchange) -> new ChatAnswer(maxOutputTokens(), exchange, errors)
                        .read(body, () -> countTokens(prompt))
                        .withRateLimits(exchange.rateLimits()));
    }

    private ChatCompletionCreateParams chat(String prompt) {
        ChatCompletionCreateParams.Builder params =
                ChatCompletionCreateParams.builder().model(settings.model()).addUserMessage(prompt);
        if (settings.temperature() != null) {
            params.temperature(settings.temperature());
        }
        if (settings.maxOutputTokens().isPresent()) {
            limitOutput(params, settings.maxOutputTokens().getAsInt());
        }
        return params.build();
    }

    @SuppressWarnings("deprecation") // at OpenAI only, and not sent there
    private void limitOutput(ChatCompletionCreateParams.Builder params, long tokens) {
        switch (profile.outputLimit()) {
            case MAX_COMPLETION_TOKENS -> params.maxCompletionTokens(tokens);
            case MAX_TOKENS -> params.maxTokens(tokens);
        }
    }

    @Override
    public void close() {
        transport.close();
    }

    @Override
    public String toString() {
        return "OpenAiProvider[" + identity.model() + "]";
    }
}
