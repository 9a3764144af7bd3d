package dev.evervec.provider.gemini;

import com.google.genai.Models;
import com.google.genai.types.ContentEmbedding;
import com.google.genai.types.EmbedContentConfig;
import com.google.genai.types.EmbedContentResponse;
import com.google.genai.types.GenerateContentConfig;
import com.google.genai.types.GenerateContentResponse;
import com.google.genai.types.HttpOptions;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.PriceTable;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.provider.ProviderSettings.SendDimensions;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.RewriteRequest;
import dev.evervec.provider.RewriteResponse;
import dev.evervec.provider.TokenEstimate;
import dev.evervec.provider.TokenPrice;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.WellFormed;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One Gemini model for one capability. Thread-safe. */
final class GeminiProvider implements LLMProvider {
    private static final Logger LOG = LoggerFactory.getLogger(GeminiProvider.class);

    // 400 "at most 100 requests can be in one batch" beyond (vercel/ai 16575, 2026-07).
    private static final int MAX_TEXTS = 100;
    // A body may have 4,194,304 bytes (quarkus-langchain4j 1705, 2025-08); the rest is for JSON escapes and field
    // names.
    private static final int MAX_TEXT_BYTES = 3 * 1024 * 1024;
    private static final long MIB = 1024 * 1024;
    private static final int BYTES_PER_COMPONENT = 32;
    private static final long MAX_REWRITE_ANSWER_BYTES = 8 * MIB;

    private final ProviderSettings settings;
    private final GeminiModel model;
    private final TaskForm documents;
    private final TaskForm queries;
    private final boolean normalise;
    private final ModelIdentity identity;
    private final ProviderLimits limits;
    private final @Nullable TokenPrice listPrice;
    private final GeminiTransport transport;

    private GeminiProvider(
            ProviderSettings settings,
            String baseUrl,
            GeminiModel model,
            TaskForm documents,
            TaskForm queries,
            GeminiTransport transport) {
        this.settings = settings;
        this.model = model;
        this.documents = documents;
        this.queries = queries;
        this.normalise = normalises(settings, model);
        this.identity = identity(settings, model, normalise);
        this.limits = limits(settings, model, documents);
        this.listPrice = baseUrl.equals(BaseUrl.DEFAULT) ? PriceTable.bundled().live("gemini", model.name()) : null;
        this.transport = transport;
    }

    /**
     * Makes a provider; makes no call.
     *
     * @throws IllegalArgumentException if a setting cannot work
     */
    static GeminiProvider create(ProviderSettings settings) {
        GeminiModel model = GeminiModel.of(settings.model()).checked();
        String baseUrl = BaseUrl.of(settings.baseUrl());
        if (settings.apiKey() == null && settings.baseUrl() == null) {
            throw new IllegalArgumentException("no API key for provider " + settings.provider()
                    + ": set api_key, or GOOGLE_API_KEY or GEMINI_API_KEY in the environment");
        }
        TaskForm documents = TaskForm.NONE;
        TaskForm queries = TaskForm.NONE;
        if (settings.capability() == Capability.EMBEDDING) {
            documents = TaskForm.of(model.family(), settings.taskType(), InputKind.DOCUMENT, "task_type");
            queries = settings.queryTaskType() == null
                    ? TaskForm.of(model.family(), settings.taskType(), InputKind.QUERY, "task_type")
                    : TaskForm.of(model.family(), settings.queryTaskType(), InputKind.QUERY, "query_task_type");
            warnIfAbove(settings, model);
        }
        Clock clock = Clock.systemUTC();
        CallPolicy policy = settings.callPolicy();
        GeminiErrors errors = new GeminiErrors(model.name(), baseUrl, policy.timeout(), clock);
        return new GeminiProvider(
                settings,
                baseUrl,
                model,
                documents,
                queries,
                new GeminiTransport(settings.apiKey(), baseUrl, policy, errors, clock));
    }

    private static void warnIfAbove(ProviderSettings settings, GeminiModel model) {
        if (settings.maxTextsPerRequest().orElse(0) > MAX_TEXTS) {
            LOG.warn(
                    "batch_size {} for {} is lowered to {}, the service's limit",
                    settings.maxTextsPerRequest().getAsInt(),
                    model.name(),
                    MAX_TEXTS);
        }
    }

    private static boolean normalises(ProviderSettings settings, GeminiModel model) {
        return settings.capability() == Capability.EMBEDDING
                && switch (settings.normalization()) {
                    case ALWAYS -> true;
                    case NEVER -> false;
                    case AUTO -> model.family().shrinksUnnormalised(settings.dimension());
                };
    }

    private static ModelIdentity identity(ProviderSettings settings, GeminiModel model, boolean normalise) {
        if (settings.capability() == Capability.REWRITE) {
            Double temperature = settings.temperature();
            return ModelIdentity.rewriting(
                    settings.provider(), model.name(), temperature == null ? "" : temperature.toString());
        }
        return ModelIdentity.embedding(
                settings.provider(),
                model.name(),
                settings.dimension(),
                TaskForm.effective(model.family(), settings.taskType()),
                normalise ? "l2" : "none");
    }

    private static ProviderLimits limits(ProviderSettings settings, GeminiModel model, TaskForm documents) {
        int maxTokens = model.family().maxTokensPerText();
        if (maxTokens != ProviderLimits.UNLIMITED) {
            maxTokens -= TokenEstimate.of(documents.prefix());
        }
        ProviderLimits service = new ProviderLimits(MAX_TEXTS, maxTokens, ProviderLimits.UNLIMITED, MAX_TEXT_BYTES);
        return settings.maxTextsPerRequest().isPresent()
                ? service.withAtMostTexts(settings.maxTextsPerRequest().getAsInt())
                : service;
    }

    @Override
    public ModelIdentity model() {
        return identity;
    }

    /** The SDK holds the body as text, as a tree and as boxed numbers: about 90 bytes in all (estimated 2026-11). */
    @Override
    public int answerBytesPerComponent() {
        return 90;
    }

    @Override
    public ProviderLimits limits() {
        return limits;
    }

    @Override
    public CallPolicy callPolicy() {
        return settings.callPolicy();
    }

    /** That of the paid tier. */
    @Override
    public @Nullable TokenPrice price() {
        return listPrice;
    }

    @Override
    public int maxOutputTokens() {
        return settings.maxOutputTokens().orElse(0);
    }

    @Override
    public EmbedResponse embed(EmbedRequest request) {
        if (settings.capability() != Capability.EMBEDDING) {
            return LLMProvider.super.embed(request);
        }
        if (request.texts().size() > limits.maxTextsPerRequest()) {
            throw PermanentProviderException.requestShape(
                    RequestLimit.TEXTS,
                    request.texts().size() + " texts in one request; at most " + limits.maxTextsPerRequest() + " go",
                    0,
                    null);
        }
        TaskForm form = request.kind() == InputKind.QUERY ? queries : documents;
        List<String> texts = request.texts().stream()
                .map(text -> form.prefix() + WellFormed.text(text))
                .toList();
        return transport.call(
                request.context(),
                texts.size(),
                maxAnswerBytes(texts.size()),
                (models, options) -> embedContent(models, texts, form, options),
                (answer, exchange) -> readEmbeddings(answer, texts, exchange));
    }

    private EmbedContentResponse embedContent(
            Models models, List<String> texts, TaskForm form, Optional<HttpOptions> options) {
        EmbedContentConfig.Builder config = EmbedContentConfig.builder();
        options.ifPresent(config::httpOptions);
        if (form.parameter() != null) {
            config.taskType(form.parameter());
        }
        if (settings.sendDimensions() != SendDimensions.NEVER) {
            config.outputDimensionality(settings.dimension());
        }
        return models.embedContent(model.name(), texts, config.build());
    }

    // For at least the model's full size: a wrong dimension must be told as such, not as an answer that is too long.
    private long maxAnswerBytes(int texts) {
        int components = Math.max(
                settings.dimension(),
                model.family()
                        .dimension()
                        .orElse(GeminiModel.Family.EMBEDDING_001.dimension().orElseThrow()));
        return MIB + (long) texts * components * BYTES_PER_COMPONENT;
    }

    private EmbedResponse readEmbeddings(EmbedContentResponse answer, List<String> texts, Exchange exchange) {
        List<ContentEmbedding> embeddings = answer.embeddings().orElse(List.of());
        // Vectors carry no index: only the count says that they belong to these texts.
        if (embeddings.size() != texts.size()) {
            throw GeminiErrors.malformed(
                    "has " + embeddings.size() + " vectors for " + texts.size()
                            + " texts: they cannot be matched with the texts",
                    exchange,
                    null);
        }
        EmbedResponse.Builder response = EmbedResponse.builder(texts.size(), settings.dimension());
        long tokens = 0;
        for (int i = 0; i < texts.size(); i++) {
            put(response, i, embeddings.get(i));
            tokens += TokenEstimate.of(texts.get(i));
        }
        return response.build(TokenUsage.estimated(tokens, 0));
    }

    private void put(EmbedResponse.Builder response, int index, @Nullable ContentEmbedding embedding) {
        List<Float> values = embedding == null ? List.of() : embedding.values().orElse(List.of());
        if (values.isEmpty()) {
            response.putDefect(index, "the vector is empty");
            return;
        }
        float[] components = new float[values.size()];
        for (int i = 0; i < components.length; i++) {
            Float value = values.get(i);
            if (value == null) {
                response.putDefect(index, "component " + i + " of the vector is null");
                return;
            }
            components[i] = value;
        }
        response.put(index, normalise ? toLengthOne(components) : components);
    }

    /** Scaled in place; left alone if it has no direction, which the response's own check then tells. */
    private static float[] toLengthOne(float[] components) {
        double squares = 0;
        for (float component : components) {
            squares += (double) component * component;
        }
        double length = Math.sqrt(squares);
        if (length > 0 && Double.isFinite(length)) {
            for (int i = 0; i < components.length; i++) {
                components[i] = (float) (components[i] / length);
            }
        }
        return components;
    }

    @Override
    public RewriteResponse rewrite(RewriteRequest request) {
        if (settings.capability() != Capability.REWRITE) {
            return LLMProvider.super.rewrite(request);
        }
        String prompt = WellFormed.text(request.prompt());
        return transport.call(
                request.context(),
                0,
                MAX_REWRITE_ANSWER_BYTES,
                (models, options) -> generateContent(models, prompt, options),
                (answer, exchange) -> RewriteAnswer.read(answer, prompt, maxOutputTokens(), exchange));
    }

    private GenerateContentResponse generateContent(Models models, String prompt, Optional<HttpOptions> options) {
        GenerateContentConfig.Builder config = GenerateContentConfig.builder();
        options.ifPresent(config::httpOptions);
        Double temperature = settings.temperature();
        if (temperature != null) {
            config.temperature(temperature.floatValue());
        }
        settings.maxOutputTokens().ifPresent(config::maxOutputTokens);
        return models.generateContent(model.name(), prompt, config.build());
    }

    @Override
    public void close() {
        transport.close();
    }

    @Override
    public String toString() {
        return "GeminiProvider[" + identity + "]";
    }
}
