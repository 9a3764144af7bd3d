package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is fixed before a run begins.
 *
 * @param jobId the job
 * @param startedAt when it began
 * @param settings how patient and strict it is
 * @param dimension components of a vector
 * @param limits what one embedding request may carry
 * @param embedding retries, timeout and concurrency of embedding calls
 * @param rewriting the same for rewrites, or null without rewriting
 * @param scope what the scan covers if nothing goes wrong
 * @param maxTextBytes bytes of text that may be on their way at once
 * @param prices what tokens cost
 * @param patience how long it waits for others once it is to stop
 */
record BuildPlan(
        String jobId,
        Instant startedAt,
        BuildSettings settings,
        int dimension,
        ProviderLimits limits,
        CallPolicy embedding,
        @Nullable CallPolicy rewriting,
        ScanScope scope,
        long maxTextBytes,
        Prices prices,
        StopPatience patience) {
    /** Records that may be claimed and not yet committed: enough to fill every request, and some in reserve. */
    int maxRecords() {
        long forEmbedding = (embedding.maxInFlight() + 4L) * limits.maxTextsPerRequest();
        long forRewriting = rewriting == null ? 0 : 2L * rewriting.maxInFlight();
        return (int) Math.min(1 << 16, forEmbedding + forRewriting);
    }
}
