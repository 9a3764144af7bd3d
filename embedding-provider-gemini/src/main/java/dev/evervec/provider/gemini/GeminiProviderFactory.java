package dev.evervec.provider.gemini;

import com.google.auto.service.AutoService;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory;
import dev.evervec.provider.ProviderSettings;
import java.util.List;
import java.util.OptionalInt;

/**
 * Makes providers named {@code gemini}: embeddings and rewrites by the Gemini Developer API, or by a server that speaks it
 * at a configured base URL. Vertex AI is not used, whatever the environment says.
 *
 * <ul>
 *   <li><b>Model:</b> with or without the {@code models/} in front. {@code gemini-embedding-001} and
 *       {@code gemini-embedding-2} have 3,072 components unless {@code dim} says otherwise (128 to 3,072).
 *   <li><b>Base URL:</b> {@code http} or {@code https}, with or without a trailing slash and {@code /v1beta}. Redirects are
 *       not followed, so that the key reaches no other host.
 *   <li><b>Limits</b> (vendor pages and reports of 2025-08 to 2026-07): 100 texts a request; 2,048 tokens a text for
 *       {@code gemini-embedding-001}, 8,192 for {@code gemini-embedding-2}; about 4 MB a request body. Each text counts
 *       as one request against the quota.
 *   <li><b>Task types:</b> {@code gemini-embedding-001} gets them as a parameter. {@code gemini-embedding-2} ignores the
 *       parameter; there the task is written in front of the text, in the vendor's form: retrieval, question answering,
 *       fact verification and code retrieval as <code>title: none | text: ...</code> for documents and
 *       <code>task: search result | query: ...</code> (or {@code question answering}, {@code fact checking}, {@code code
 *       retrieval}) for queries; classification, clustering and semantic similarity alike for both, as
 *       <code>task: sentence similarity | query: ...</code> (vendor's embeddings page, seen 2026-11-21). Without a
 *       configured task type nothing is sent and the text stays as it is. Queries use {@code query_task_type}, else
 *       {@code task_type}.
 *   <li><b>Normalisation:</b> {@code gemini-embedding-001} returns vectors of length 1 only at 3,072 components; with
 *       {@code normalize = "auto"} shorter ones are brought to length 1 here.
 *   <li><b>Usage:</b> the API does not tell the tokens of an embedding call to this SDK: they are estimated.
 *   <li><b>Price:</b> the list price of the paid tier at the vendor's own address; unknown at any other. Whoever is on the
 *       free tier configures 0.
 *   <li><b>Output limit:</b> sent as {@code maxOutputTokens}. An answer that it cuts off is no rewrite.
 * </ul>
 *
 * <p>Two of the SDK's habits cannot be switched off. If both {@code GOOGLE_API_KEY} and {@code GEMINI_API_KEY} are set, it
 * logs a warning to {@code java.util.logging} (logger {@code com.google.genai.ApiClient}) each time a provider is made,
 * although the keys in the environment are not used by it here. And {@code GOOGLE_GENAI_CLIENT_MODE=replay}, a test aid,
 * makes it send nothing; such calls fail with an error that says so.
 *
 * <p>Thread-safe; so are the providers.
 */
@AutoService(LLMProviderFactory.class)
public final class GeminiProviderFactory implements LLMProviderFactory {
    /** For {@link java.util.ServiceLoader}. */
    public GeminiProviderFactory() {}

    /** {@code gemini}. */
    @Override
    public String name() {
        return "gemini";
    }

    /**
     * Makes a provider. Makes no call.
     *
     * @throws IllegalArgumentException if the model name, base URL or task type cannot work, or there is neither a key nor
     *     a base URL; the message names the setting
     */
    @Override
    public LLMProvider create(ProviderSettings settings) {
        return GeminiProvider.create(settings);
    }

    /** {@code GOOGLE_API_KEY}, then {@code GEMINI_API_KEY}. */
    @Override
    public List<String> keyVariables() {
        return List.of("GOOGLE_API_KEY", "GEMINI_API_KEY");
    }

    /** Texts: the service counts each text of a batch request as a request (seen 2026-06). */
    @Override
    public QuotaUnit quotaUnit() {
        return QuotaUnit.TEXTS;
    }

    /** Yes. */
    @Override
    public boolean needsKey() {
        return true;
    }

    /** 3,072 for {@code gemini-embedding-001} and {@code gemini-embedding-2}; empty for others. */
    @Override
    public OptionalInt defaultDimension(String model) {
        return GeminiModel.of(model).family().dimension();
    }
}
