package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderLimits;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is fixed before a run begins.
 *
 * @param jobId the job
 * @param startedAt when it began
 * @param request what it is to do
 * @param role what this worker is to the job
 * @param resumed the interrupted job that it carries on, or null
 * @param settings how patient and strict it is
 * @param embedder the model that embeds
 * @param limits what one embedding request may carry
 * @param embedding retries, timeout and concurrency of embedding calls
 * @param rewriting how texts are rewritten, or null without rewriting
 * @param maxTextBytes bytes of text that may be on their way at once
 * @param rowsPerWrite records that one write to the store may have at most
 * @param storePatience how long a store may fail before the job gives it up
 * @param patience how long it waits for others once it is to stop
 */
record BuildPlan(
        String jobId,
        Instant startedAt,
        BuildRequest request,
        JobTicket.Role role,
        JobTicket.@Nullable Resumed resumed,
        BuildSettings settings,
        PricedModel embedder,
        ProviderLimits limits,
        CallPolicy embedding,
        @Nullable Rewriting rewriting,
        long maxTextBytes,
        int rowsPerWrite,
        Duration storePatience,
        StopPatience patience) {
    /** What the answer to a rewrite prompt is taken to have at most, where neither the model nor the configuration says. */
    private static final int MOST_OUTPUT = 8192;

    /**
     * How texts are rewritten.
     *
     * @param model who rewrites
     * @param policy retries, timeout and concurrency
     * @param promptBytes bytes of the prompt around the text
     * @param maxOutputTokens most tokens that an answer may have, or 0 if unknown
     */
    record Rewriting(PricedModel model, CallPolicy policy, int promptBytes, int maxOutputTokens) {
        static Rewriting of(LLMProvider provider, PromptTemplate prompt) {
            int promptBytes = prompt.template().getBytes(StandardCharsets.UTF_8).length;
            return new Rewriting(
                    PricedModel.of(provider), provider.callPolicy(), promptBytes, provider.maxOutputTokens());
        }

        /** Most that the rewrite of this text may cost in USD; null for a probe. */
        BigDecimal mostCostOf(@Nullable Work work) {
            long title =
                    work == null || work.title() == null ? 0 : 4L * work.title().length();
            long text = work == null ? 0 : work.text().bytes();
            long output = maxOutputTokens > 0 ? maxOutputTokens : MOST_OUTPUT;
            return model.mostCostOf(promptBytes + title + text + 16, output);
        }
    }

    /**
     * Records that may be claimed and not yet committed: enough to fill every request, and some in reserve.
     *
     * @param requests at a time
     */
    int maxRecords(int requests) {
        long forEmbedding = (requests + 6L) * limits.maxTextsPerRequest();
        long forRewriting = rewriting == null ? 0 : 2L * rewriting.policy().maxInFlight();
        return (int) Math.min(1 << 16, forEmbedding + forRewriting);
    }

    /** Whether other workers may work on the job too. */
    boolean isShared() {
        return role != JobTicket.Role.ALONE;
    }

    /** Most that the job may cost in USD, or null without a cap. */
    @Nullable
    BigDecimal budgetUsd() {
        return request.budgetUsd(settings);
    }

    /** What has been spent of the budget before. */
    BigDecimal carriedUsd() {
        return resumed == null ? BigDecimal.ZERO : resumed.spentUsd();
    }

    /** Which failed records it takes, or null if it takes its records from the source. */
    @Nullable
    FailedSelection failedSelection() {
        if (!(request.intake() instanceof BuildRequest.Intake.Failed failed)) {
            return null;
        }
        int limit = failed.maxRetries() == null ? settings.maxAttempts() : failed.maxRetries();
        return switch (failed.which()) {
            case DUE -> new FailedSelection(request.source(), limit, startedAt);
            case NOW -> new FailedSelection(request.source(), limit, null);
            case ALL -> new FailedSelection(request.source(), Integer.MAX_VALUE, null);
        };
    }
}
