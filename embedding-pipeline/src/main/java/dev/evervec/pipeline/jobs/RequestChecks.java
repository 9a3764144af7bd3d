package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.BuildRequest;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobScope;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** What a request must be like; says which key is wrong, and why. */
final class RequestChecks {
    /** Of UTF-8: as long as the longest id. */
    private static final int MAX_FILTER_BYTES = 512;

    private final BuildPipeline pipeline;
    private final int maxBatchSize;

    RequestChecks(BuildPipeline pipeline, int maxBatchSize) {
        this.pipeline = pipeline;
        this.maxBatchSize = maxBatchSize;
    }

    BuildRequest request(JobRequest asked) {
        BuildRequest request = asked.rebuild() ? BuildRequest.all().rebuild() : BuildRequest.all();
        request = asked.filter() == null ? request : request.filter(filter(asked.filter()));
        request = asked.batchSize() == null ? request : request.batchSize(batchSize(asked.batchSize()));
        return source(budget(request, asked.budgetUsd()), asked.source());
    }

    BuildRequest request(RetryRequest asked) {
        return source(budget(BuildRequest.retryFailed(asked.which()), asked.budgetUsd()), asked.source());
    }

    /** What is kept of the request; nothing can be bought within a budget if prices are not known. */
    JobScope scope(BuildRequest request, @Nullable BigDecimal askedBudget) {
        try {
            return pipeline.scope(request);
        } catch (IllegalArgumentException e) {
            throw TriggerRefusedException.invalid(askedBudget == null ? null : "budget_usd", e);
        }
    }

    /** Comes last, because it may cost a look at the records. */
    private BuildRequest source(BuildRequest request, @Nullable String name) {
        if (name == null || name.equals(RecordKey.ALL_SOURCES)) {
            return request;
        }
        if (!isKnown(name)) {
            throw TriggerRefusedException.invalid("source", "there is no source " + Words.quoted(name));
        }
        return request.source(name);
    }

    /** The store is asked first: to tell all sources may need a pass over the records. */
    private boolean isKnown(String source) {
        boolean stored = pipeline.store().stats(pipeline.fingerprint()).stream()
                .anyMatch(stats -> stats.source().equals(source));
        return stored || pipeline.records().sources().contains(source);
    }

    private static String filter(String part) {
        if (part.isEmpty()) {
            throw TriggerRefusedException.invalid(
                    "filter", "filter must not be empty: leave it out to take every record");
        }
        if (part.length() > MAX_FILTER_BYTES || part.getBytes(StandardCharsets.UTF_8).length > MAX_FILTER_BYTES) {
            throw TriggerRefusedException.invalid(
                    "filter", "filter must have at most " + MAX_FILTER_BYTES + " bytes of UTF-8");
        }
        if (!part.codePoints().allMatch(Words::isPlain)) {
            throw TriggerRefusedException.invalid(
                    "filter", "filter has a control character or half of a character: no id has one");
        }
        return part;
    }

    private int batchSize(int texts) {
        if (texts < 1 || texts > maxBatchSize) {
            throw TriggerRefusedException.invalid(
                    "batch_size", "batch_size must be from 1 to " + maxBatchSize + ", not " + texts);
        }
        return texts;
    }

    private static BuildRequest budget(BuildRequest request, @Nullable BigDecimal usd) {
        try {
            return usd == null ? request : request.budgetUsd(usd);
        } catch (IllegalArgumentException e) {
            throw TriggerRefusedException.invalid("budget_usd", e);
        }
    }
}
