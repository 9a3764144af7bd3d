package dev.evervec.provider;

/**
 * What one embedding request to a provider and model may carry. {@link #UNLIMITED} stands for a limit that is not known.
 *
 * @param maxTextsPerRequest texts per request
 * @param maxTokensPerText tokens of one text
 * @param maxTokensPerRequest tokens of all texts of a request together
 * @param maxBytesPerRequest UTF-8 bytes of all texts of a request together
 */
public record ProviderLimits(
        int maxTextsPerRequest, int maxTokensPerText, int maxTokensPerRequest, int maxBytesPerRequest) {
    /** A limit that is not known, or does not exist. */
    public static final int UNLIMITED = Integer.MAX_VALUE;

    public ProviderLimits {
        if (maxTextsPerRequest < 1 || maxTokensPerText < 1 || maxTokensPerRequest < 1 || maxBytesPerRequest < 1) {
            throw new IllegalArgumentException("limits must be positive: " + maxTextsPerRequest + ", "
                    + maxTokensPerText + ", " + maxTokensPerRequest + ", " + maxBytesPerRequest);
        }
    }

    /** A limit on the number of texts only. */
    public static ProviderLimits ofTexts(int maxTextsPerRequest) {
        return new ProviderLimits(maxTextsPerRequest, UNLIMITED, UNLIMITED, UNLIMITED);
    }

    /** The same with at most so many texts per request; never more than before. */
    public ProviderLimits withAtMostTexts(int texts) {
        return new ProviderLimits(
                Math.min(maxTextsPerRequest, texts), maxTokensPerText, maxTokensPerRequest, maxBytesPerRequest);
    }

    /** The same with at most so many tokens per request; never more than before. */
    public ProviderLimits withAtMostTokens(int tokens) {
        return new ProviderLimits(
                maxTextsPerRequest, maxTokensPerText, Math.min(maxTokensPerRequest, tokens), maxBytesPerRequest);
    }

    /** The same with at most so many bytes per request; never more than before. */
    public ProviderLimits withAtMostBytes(int bytes) {
        return new ProviderLimits(
                maxTextsPerRequest, maxTokensPerText, maxTokensPerRequest, Math.min(maxBytesPerRequest, bytes));
    }
}
