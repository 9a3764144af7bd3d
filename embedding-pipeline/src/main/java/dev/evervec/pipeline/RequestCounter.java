package dev.evervec.pipeline;

import dev.evervec.provider.ProviderLimits;

/** Counts the requests that texts would be cut to, as {@link EmbedStage} cuts them, without keeping a text. Not thread-safe. */
final class RequestCounter {
    private final ProviderLimits limits;
    private long requests;
    private long textsSeen;
    private int texts; // of the request that is being filled
    private long tokens;
    private long bytes;

    RequestCounter(ProviderLimits limits) {
        this.limits = limits;
    }

    void add(long tokensOfText, long bytesOfText) {
        textsSeen++;
        texts++;
        tokens += tokensOfText;
        bytes += bytesOfText;
        boolean fits = texts <= limits.maxTextsPerRequest()
                && tokens <= limits.maxTokensPerRequest()
                && bytes <= limits.maxBytesPerRequest();
        if (!fits || requests == 0) {
            requests++;
            texts = 1;
            tokens = tokensOfText;
            bytes = bytesOfText;
        }
    }

    /** The requests that so many texts like those seen come to. */
    long requestsOf(long allTexts) {
        return allTexts == textsSeen || textsSeen == 0
                ? requests
                : (long) Math.ceil((double) requests * allTexts / textsSeen);
    }
}
