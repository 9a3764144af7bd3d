package dev.evervec.provider;

import java.math.BigDecimal;
import java.util.Objects;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Everything a {@link LLMProviderFactory} needs to make one provider: a checked, resolved extract of the configuration.
 * Build it with {@link #builder} when there is no configuration file.
 *
 * @param capability what the provider is made for
 * @param provider the configured provider name
 * @param model the model name
 * @param apiKey the key, or null if the endpoint needs none
 * @param baseUrl the configured base URL, or null for the provider's own
 * @param dimension components of a vector; 0 for {@link Capability#REWRITE}
 * @param sendDimensions whether the dimension is sent with each request
 * @param taskType task type for documents, upper case, or null
 * @param queryTaskType task type for queries, upper case, or null
 * @param maxTextsPerRequest configured texts per request ({@code batch_size}), or empty for the provider's limit
 * @param callPolicy retries, timeout and concurrency
 * @param requestsPerMinute configured quota, counted as the provider does, or empty
 * @param tokensPerMinute configured quota, or empty
 * @param usdPerMillionTokens configured price of a million input tokens, or null for the list price, see {@link #price}
 * @param usdPerMillionOutputTokens the same of output tokens; null for {@link Capability#EMBEDDING}, else set together with
 *     the one of input tokens
 * @param normalization whether vectors are brought to length 1
 * @param temperature sampling temperature for rewriting, or null for the service's default
 * @param maxOutputTokens most tokens that the service may generate for one rewrite, thinking included, or empty for the
 *     service's own limit; positive
 */
public record ProviderSettings(
        Capability capability,
        String provider,
        String model,
        @Nullable Secret apiKey,
        @Nullable String baseUrl,
        int dimension,
        SendDimensions sendDimensions,
        @Nullable String taskType,
        @Nullable String queryTaskType,
        OptionalInt maxTextsPerRequest,
        CallPolicy callPolicy,
        OptionalInt requestsPerMinute,
        OptionalInt tokensPerMinute,
        @Nullable BigDecimal usdPerMillionTokens,
        @Nullable BigDecimal usdPerMillionOutputTokens,
        Normalization normalization,
        @Nullable Double temperature,
        OptionalInt maxOutputTokens) {
    /** Whether the {@code dimensions} parameter goes with each embedding request. */
    public enum SendDimensions {
        /** Only where it is known to be accepted and to make a difference. */
        AUTO,
        /** Always. */
        ALWAYS,
        /** Never. */
        NEVER
    }

    /** Whether vectors are brought to length 1 before they leave the provider. */
    public enum Normalization {
        /** Where the service is known not to do it although the model's full-size vectors are normalised. */
        AUTO,
        /** Always. */
        ALWAYS,
        /** Never. */
        NEVER
    }

    public ProviderSettings {
        Objects.requireNonNull(capability, "capability");
        Objects.requireNonNull(sendDimensions, "sendDimensions");
        Objects.requireNonNull(maxTextsPerRequest, "maxTextsPerRequest");
        Objects.requireNonNull(requestsPerMinute, "requestsPerMinute");
        Objects.requireNonNull(tokensPerMinute, "tokensPerMinute");
        Objects.requireNonNull(normalization, "normalization");
        Objects.requireNonNull(maxOutputTokens, "maxOutputTokens");
        if (provider.isBlank() || model.isBlank()) {
            throw new IllegalArgumentException("provider and model must not be blank");
        }
        if (capability == Capability.EMBEDDING && dimension < 1) {
            throw new IllegalArgumentException("dimension must be positive for " + provider + " " + model);
        }
        if (maxOutputTokens.isPresent() && maxOutputTokens.getAsInt() < 1) {
            throw new IllegalArgumentException("maxOutputTokens must be positive: " + maxOutputTokens.getAsInt());
        }
        Objects.requireNonNull(callPolicy, "callPolicy");
        price(capability, usdPerMillionTokens, usdPerMillionOutputTokens);
    }

    /** The configured price, which goes before any list price; null if none is configured. */
    public @Nullable TokenPrice price() {
        return price(capability, usdPerMillionTokens, usdPerMillionOutputTokens);
    }

    private static @Nullable TokenPrice price(
            Capability capability, @Nullable BigDecimal input, @Nullable BigDecimal output) {
        if (input == null && output == null) {
            return null;
        }
        if (capability == Capability.EMBEDDING && input != null && output == null) {
            return TokenPrice.ofInput(input);
        }
        if (capability == Capability.REWRITE && input != null && output != null) {
            return new TokenPrice(input, output);
        }
        throw new IllegalArgumentException(
                capability == Capability.EMBEDDING
                        ? "embedding has no output tokens that could have a price"
                        : "rewriting needs the prices of input and of output tokens, or neither");
    }

    /** The same with at most so many texts per request; the provider lowers what is above its own limit. */
    public ProviderSettings withMaxTextsPerRequest(int texts) {
        return new ProviderSettings(
                capability,
                provider,
                model,
                apiKey,
                baseUrl,
                dimension,
                sendDimensions,
                taskType,
                queryTaskType,
                OptionalInt.of(texts),
                callPolicy,
                requestsPerMinute,
                tokensPerMinute,
                usdPerMillionTokens,
                usdPerMillionOutputTokens,
                normalization,
                temperature,
                maxOutputTokens);
    }

    /** Settings with {@link CallPolicy#DEFAULT} and everything else left to the provider. */
    public static Builder builder(Capability capability, String provider, String model) {
        return new Builder(capability, provider, model);
    }

    /** Collects settings; see the record's components. Not thread-safe. */
    public static final class Builder {
        private final Capability capability;
        private final String provider;
        private final String model;
        private @Nullable Secret apiKey;
        private @Nullable String baseUrl;
        private int dimension;
        private SendDimensions sendDimensions = SendDimensions.AUTO;
        private @Nullable String taskType;
        private @Nullable String queryTaskType;
        private OptionalInt maxTextsPerRequest = OptionalInt.empty();
        private CallPolicy callPolicy = CallPolicy.DEFAULT;
        private OptionalInt requestsPerMinute = OptionalInt.empty();
        private OptionalInt tokensPerMinute = OptionalInt.empty();
        private @Nullable BigDecimal usdPerMillionTokens;
        private @Nullable BigDecimal usdPerMillionOutputTokens;
        private Normalization normalization = Normalization.AUTO;
        private @Nullable Double temperature;
        private OptionalInt maxOutputTokens = OptionalInt.empty();

        private Builder(Capability capability, String provider, String model) {
            this.capability = capability;
            this.provider = provider;
            this.model = model;
        }

        public Builder apiKey(@Nullable Secret value) {
            apiKey = value;
            return this;
        }

        public Builder baseUrl(@Nullable String value) {
            baseUrl = value;
            return this;
        }

        public Builder dimension(int value) {
            dimension = value;
            return this;
        }

        public Builder sendDimensions(SendDimensions value) {
            sendDimensions = value;
            return this;
        }

        public Builder taskType(@Nullable String value) {
            taskType = value;
            return this;
        }

        public Builder queryTaskType(@Nullable String value) {
            queryTaskType = value;
            return this;
        }

        public Builder maxTextsPerRequest(OptionalInt value) {
            maxTextsPerRequest = value;
            return this;
        }

        public Builder callPolicy(CallPolicy value) {
            callPolicy = value;
            return this;
        }

        public Builder requestsPerMinute(OptionalInt value) {
            requestsPerMinute = value;
            return this;
        }

        public Builder tokensPerMinute(OptionalInt value) {
            tokensPerMinute = value;
            return this;
        }

        public Builder usdPerMillionTokens(@Nullable BigDecimal value) {
            usdPerMillionTokens = value;
            return this;
        }

        public Builder usdPerMillionOutputTokens(@Nullable BigDecimal value) {
            usdPerMillionOutputTokens = value;
            return this;
        }

        public Builder normalization(Normalization value) {
            normalization = value;
            return this;
        }

        public Builder temperature(@Nullable Double value) {
            temperature = value;
            return this;
        }

        public Builder maxOutputTokens(OptionalInt value) {
            maxOutputTokens = value;
            return this;
        }

        /** The checked settings. */
        public ProviderSettings build() {
            return new ProviderSettings(
                    capability,
                    provider,
                    model,
                    apiKey,
                    baseUrl,
                    dimension,
                    sendDimensions,
                    taskType,
                    queryTaskType,
                    maxTextsPerRequest,
                    callPolicy,
                    requestsPerMinute,
                    tokensPerMinute,
                    usdPerMillionTokens,
                    usdPerMillionOutputTokens,
                    normalization,
                    temperature,
                    maxOutputTokens);
        }
    }
}
