package dev.evervec.pipeline.store;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a build was asked to do; kept with it, so that it can be shown and carried on.
 *
 * @param task what to do with the records
 * @param source only this source, or null for every one
 * @param filter only records whose id contains this, or null
 * @param batchSize texts per request at most, or null for what is configured
 * @param budgetUsd most that it may cost, or null if it has no cap
 */
public record JobScope(
        Task task,
        @Nullable String source,
        @Nullable String filter,
        @Nullable Integer batchSize,
        @Nullable BigDecimal budgetUsd) {
    /** What is to be done with the records. */
    public enum Task {
        /** What is pending. */
        BUILD,
        /** Everything, anew. */
        REBUILD,
        /** What failed before. */
        RETRY_FAILED,
        /** Given ids, which are not kept. */
        IDS,
        /** What hosts have noted: everything that is embedded live. */
        LIVE;

        /** The word used in the store and in reports. */
        public String code() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Whether a job of this scope comes to every record that an interrupted one of the other has left pending. */
    public boolean reaches(JobScope left) {
        boolean scans = task == Task.BUILD || task == Task.REBUILD;
        return scans
                && (source == null || source.equals(left.source))
                && (filter == null || filter.equals(left.filter));
    }

    /** Whether nothing is left to be carried on of an interrupted job of the other scope when one of this has begun. */
    public boolean takesOver(JobScope left) {
        return reaches(left) && (left.task != Task.REBUILD || task == Task.REBUILD);
    }

    /**
     * Whether a build of this scope asks for the same as another, so that both can be workers of one job. How many texts go
     * into a request is each worker's own matter; given ids and retries of what failed are never shared.
     */
    public boolean equalTo(JobScope other) {
        boolean shared = task == Task.BUILD || task == Task.REBUILD;
        boolean sameBudget = budgetUsd == null
                ? other.budgetUsd == null
                : other.budgetUsd != null && budgetUsd.compareTo(other.budgetUsd) == 0;
        return shared
                && task == other.task
                && Objects.equals(source, other.source)
                && Objects.equals(filter, other.filter)
                && sameBudget;
    }

    /** Everything that is pending, of every source. */
    public static final JobScope ALL = new JobScope(Task.BUILD, null, null, null, null);

    /** Everything that is embedded live. */
    public static final JobScope LIVE = new JobScope(Task.LIVE, null, null, null, null);
}
