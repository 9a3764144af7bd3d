package dev.evervec.pipeline;

import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CallPolicy.Concurrency;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderLimits;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The part of the heap that the vectors of one run may take, and what that makes of its requests.
 *
 * @param bytes so many bytes
 * @param level how loudly a lowered limit is told
 */
record HeapShare(long bytes, Level level) {
    private static final Logger log = LoggerFactory.getLogger(BuildPipeline.class);
    /** Requests that may be answered and not yet committed while as many as allowed are in flight. */
    private static final int UNCOMMITTED = 2;

    /** A quarter of the heap. */
    static HeapShare ofBuild() {
        return new HeapShare(Runtime.getRuntime().maxMemory() / 4, Level.WARN);
    }

    /** What is embedded live runs beside a build, has few records, and runs often. */
    static HeapShare ofLive() {
        return new HeapShare(Runtime.getRuntime().maxMemory() / 16, Level.DEBUG);
    }

    /** A quarter of it for texts on their way. */
    long textBytes() {
        return bytes / 4;
    }

    /** Lowers the number of texts until the vectors of one request, and of two that wait to be stored, fit. */
    ProviderLimits oneRequest(LLMProvider embedder) {
        ProviderLimits limits = embedder.limits();
        long most = Math.max(1, bytes / (1 + UNCOMMITTED) / bytesPerText(embedder));
        if (most >= limits.maxTextsPerRequest()) {
            return limits;
        }
        log.atLevel(level)
                .log(
                        "{} texts per request instead of {}: more vectors would not fit into a quarter of the heap",
                        most,
                        limits.maxTextsPerRequest());
        return limits.withAtMostTexts((int) most);
    }

    /** Lowers the number of requests at a time until their vectors fit. */
    CallPolicy requestsAtATime(LLMProvider embedder, ProviderLimits limits) {
        CallPolicy policy = embedder.callPolicy();
        long uncommitted = (long) UNCOMMITTED
                * limits.maxTextsPerRequest()
                * embedder.model().dimension()
                * Float.BYTES;
        long requests = (bytes - uncommitted) / (bytesPerText(embedder) * limits.maxTextsPerRequest());
        int most = (int) Math.max(1, Math.min(policy.maxInFlight(), requests));
        if (most < policy.maxInFlight()) {
            log.atLevel(policy.concurrency() == Concurrency.AUTO ? Level.DEBUG : level)
                    .log(
                            "{} requests at a time instead of {}: more vectors of {} texts would not fit into a quarter of"
                                    + " the heap",
                            most,
                            policy.maxInFlight(),
                            limits.maxTextsPerRequest());
        }
        return policy.withAtMostInFlight(most);
    }

    private static long bytesPerText(LLMProvider embedder) {
        return (long) embedder.model().dimension() * embedder.answerBytesPerComponent();
    }
}
