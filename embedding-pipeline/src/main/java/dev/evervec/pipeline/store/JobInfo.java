package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.Reason;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A job as the store remembers it.
 *
 * @param jobId its id
 * @param scope what it was asked to do
 * @param generation name of the generation it works on
 * @param state how it stands
 * @param startedAt when it began
 * @param endedAt when it ended, or null if it has not, or its worker died and no job has begun since
 * @param embedded vectors it stored
 * @param notEmbedded records without a new vector, by reason; reasons that did not occur are absent
 * @param requests provider calls, failed ones included
 * @param inputTokens tokens sent
 * @param outputTokens tokens generated
 * @param costUsd what they cost, or null if a price was not known
 * @param workers how many processes work on it at the moment; 0 if it does not run
 * @param heldUpBy why nothing gets through to a provider at the moment, or null; only while it runs
 * @param cancelRequested whether it was asked to stop and has not yet ended
 * @param resumes id of the interrupted job that it carries on, or null
 */
public record JobInfo(
        String jobId,
        JobScope scope,
        String generation,
        JobState state,
        Instant startedAt,
        @Nullable Instant endedAt,
        long embedded,
        Map<Reason, Long> notEmbedded,
        long requests,
        long inputTokens,
        long outputTokens,
        @Nullable BigDecimal costUsd,
        int workers,
        @Nullable String heldUpBy,
        boolean cancelRequested,
        @Nullable String resumes) {
    public JobInfo {
        notEmbedded = Map.copyOf(notEmbedded);
    }
}
