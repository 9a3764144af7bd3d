package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.provider.ProviderLimits;
import java.math.BigDecimal;
import java.util.Collection;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What one job is to do. {@link #all()} embeds whatever is pending, {@link #retryFailed} what failed before, and
 * {@link #changes} given records at once; the other methods narrow it down or set its limits. Immutable.
 */
public final class BuildRequest {
    /** What a scan may take out of the ledger at once, of one source, unless the request says otherwise. */
    private static final double DEFAULT_VANISHED_SHARE = 0.10;

    /** Which failed records {@link #retryFailed} takes. */
    public enum Retry {
        /** Those whose next try is due and that have tries left. */
        DUE,
        /** Those that have tries left, whatever their due time. */
        NOW,
        /** All of them, also those that have failed as often as is allowed. */
        ALL
    }

    /** Where a job gets its records from. */
    sealed interface Intake {
        /** From a scan of the source. */
        record Scan() implements Intake {}

        /** These, whatever a scan would say of others; of the removable ones a missing one leaves the store. */
        record Changes(Set<RecordKey> changed, Set<RecordKey> removable) implements Intake {}

        /** What failed before; {@code maxRetries} null for the configured limit. */
        record Failed(Retry which, @Nullable Integer maxRetries) implements Intake {}
    }

    private final Intake intake;
    private @Nullable String jobId;
    private @Nullable String source;
    private @Nullable String idPart;
    private @Nullable Set<String> ids;
    private MarkMode mode = MarkMode.PENDING;
    private @Nullable BigDecimal budgetUsd;
    private @Nullable Integer batchSize;
    private @Nullable String resumes;
    private double maxVanishedShare = DEFAULT_VANISHED_SHARE;
    private boolean joins = true;

    private BuildRequest(Intake intake) {
        this.intake = intake;
    }

    /** A copy, which the caller changes before anybody else sees it. */
    private BuildRequest copy() {
        BuildRequest copy = new BuildRequest(intake);
        copy.jobId = jobId;
        copy.source = source;
        copy.idPart = idPart;
        copy.ids = ids;
        copy.mode = mode;
        copy.budgetUsd = budgetUsd;
        copy.batchSize = batchSize;
        copy.resumes = resumes;
        copy.maxVanishedShare = maxVanishedShare;
        copy.joins = joins;
        return copy;
    }

    private void requireScan(String what) {
        if (!(intake instanceof Intake.Scan)) {
            throw new IllegalStateException(what + " does not go with a request for given or failed records");
        }
    }

    /** Everything that is pending, of all sources. */
    public static BuildRequest all() {
        return new BuildRequest(new Intake.Scan());
    }

    /**
     * What failed before or was skipped for its rewrite, without a scan. Records keep count of the jobs in which they failed.
     */
    public static BuildRequest retryFailed(Retry which) {
        return new BuildRequest(new Intake.Failed(which, null));
    }

    /**
     * Exactly these records, read one by one and compared with the ledger, beside a build and before it: their calls go first,
     * and those on its list leave it.
     *
     * @param changed records that are new or may have changed
     * @param removable records that leave the store, vector included, if their source does not have them; otherwise they
     *     count as changed
     * @throws IllegalArgumentException if there is none
     */
    public static BuildRequest changes(Set<RecordKey> changed, Set<RecordKey> removable) {
        if (changed.isEmpty() && removable.isEmpty()) {
            throw new IllegalArgumentException("there is no record to look at");
        }
        return new BuildRequest(new Intake.Changes(Set.copyOf(changed), Set.copyOf(removable)));
    }

    /**
     * Carries on a job that was interrupted: the same records with the same limits, as far as they are not done. What it had
     * bought is not bought again, and its spending counts against the budget. After a {@link #retryFailed} that is every
     * pending and failed record of its sources, because the ones that it had taken up are pending now.
     *
     * @param interrupted as {@code EmbeddingStore.job} tells of it; whether it can be carried on is decided when the job begins
     * @throws IllegalArgumentException if it was for given {@link #ids}, which are not kept, or for {@link #changes}
     */
    public static BuildRequest resume(JobInfo interrupted) {
        JobScope scope = interrupted.scope();
        if (scope.task() == JobScope.Task.IDS || scope.task() == JobScope.Task.LIVE) {
            throw new IllegalArgumentException(
                    scope.task() == JobScope.Task.IDS
                            ? "the ids of job " + interrupted.jobId() + " were not kept: run a build with them again"
                            : "what is embedded live goes on by itself");
        }
        BuildRequest request = all();
        request.resumes = interrupted.jobId();
        request.source = scope.source();
        request.idPart = scope.filter();
        request.batchSize = scope.batchSize();
        request.budgetUsd = scope.budgetUsd();
        request.mode = scope.task() == JobScope.Task.REBUILD ? MarkMode.REBUILD : MarkMode.PENDING;
        return request;
    }

    /**
     * Only this source; {@code all} stands for every source.
     *
     * @throws IllegalArgumentException if it cannot be the name of a source
     * @throws IllegalStateException if the request is for {@link #changes}, which name theirs
     */
    public BuildRequest source(String name) {
        if (intake instanceof Intake.Changes) {
            throw new IllegalStateException("source does not go with a request for given records");
        }
        BuildRequest copy = copy();
        copy.source = name.equals(RecordKey.ALL_SOURCES) ? null : new RecordKey(name, "-").source();
        return copy;
    }

    /**
     * Only records whose id contains this, taken literally and with regard to case.
     *
     * @throws IllegalArgumentException if it is empty
     * @throws IllegalStateException if the request is not for a scan
     */
    public BuildRequest filter(String literalPartOfId) {
        requireScan("filter");
        if (literalPartOfId.isEmpty()) {
            throw new IllegalArgumentException("the filter is empty; leave it out to take every id");
        }
        BuildRequest copy = copy();
        copy.idPart = literalPartOfId;
        return copy;
    }

    /**
     * Only records with one of these ids, whichever source they are in. The source is read as a whole all the same.
     *
     * @throws IllegalArgumentException if there is none
     * @throws IllegalStateException if the request is not for a scan
     */
    public BuildRequest ids(Collection<String> wanted) {
        requireScan("ids");
        if (wanted.isEmpty()) {
            throw new IllegalArgumentException("the list of ids is empty; leave it out to take every id");
        }
        BuildRequest copy = copy();
        copy.ids = Set.copyOf(new HashSet<>(wanted));
        return copy;
    }

    /**
     * Embeds every record anew, whatever its state, and uses no vector and no rewrite that is older than this job. Each stored
     * vector stays until its new one is committed. If the job does not come to its end, {@link #resume}
     * takes all that is left of it; a build without this takes what it had marked by then.
     *
     * @throws IllegalStateException if the request is not for a scan
     */
    public BuildRequest rebuild() {
        requireScan("rebuild");
        BuildRequest copy = copy();
        copy.mode = MarkMode.REBUILD;
        return copy;
    }

    /** Gives the job this id instead of one made from the time; it is checked when the job begins. */
    public BuildRequest jobId(String id) {
        BuildRequest copy = copy();
        copy.jobId = Objects.requireNonNull(id, "id");
        return copy;
    }

    /**
     * Refuses to join a job that is running already. Without this a build on a store that knows several workers becomes a worker
     * of the running job if that asks for the same records with the same model and the same budget, and, where an id is given,
     * has that id.
     */
    public BuildRequest alone() {
        BuildRequest copy = copy();
        copy.joins = false;
        return copy;
    }

    /**
     * Most that the job may cost, in place of the configured {@code budget_usd}: no request is sent that could pass it, and
     * what is left stays pending as {@code over_budget}. A job that carries on an interrupted one begins with what that had
     * spent.
     *
     * @throws IllegalArgumentException if it is none, see {@link BuildSettings#checkBudget}
     */
    public BuildRequest budgetUsd(BigDecimal most) {
        BuildSettings.checkBudget(most);
        BuildRequest copy = copy();
        copy.budgetUsd = most;
        return copy;
    }

    /**
     * Texts per request at most, for this job; where the provider allows fewer, its limit holds.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public BuildRequest batchSize(int texts) {
        if (texts < 1) {
            throw new IllegalArgumentException("the batch size must be at least 1, not " + texts);
        }
        BuildRequest copy = copy();
        copy.batchSize = texts;
        return copy;
    }

    /**
     * Lets a scan of all ids remove vanished records up to this share of a source's records in the ledger; a pass that would
     * remove more removes none of that source and says so. The default is a tenth; 1 removes whatever is gone.
     *
     * @throws IllegalArgumentException if it is not from 0 to 1
     * @throws IllegalStateException if the request is not for a scan
     */
    public BuildRequest removeVanished(double maxShare) {
        requireScan("removeVanished");
        if (!(maxShare >= 0 && maxShare <= 1)) {
            throw new IllegalArgumentException("the share that may be removed must be from 0 to 1: " + maxShare);
        }
        BuildRequest copy = copy();
        copy.maxVanishedShare = maxShare;
        return copy;
    }

    /**
     * Takes failed records up to this number of failed jobs, in place of the configured {@code max_attempts}.
     *
     * @throws IllegalArgumentException if it is not positive
     * @throws IllegalStateException if the request is not {@link #retryFailed}, or for all of them
     */
    public BuildRequest maxRetries(int failedJobs) {
        if (!(intake instanceof Intake.Failed failed) || failed.which() == Retry.ALL) {
            throw new IllegalStateException("maxRetries goes with retryFailed, unless that takes all");
        }
        if (failedJobs < 1) {
            throw new IllegalArgumentException("maxRetries must be positive: " + failedJobs);
        }
        BuildRequest copy = new BuildRequest(new Intake.Failed(failed.which(), failedJobs));
        copy.jobId = jobId;
        copy.source = source;
        copy.budgetUsd = budgetUsd;
        copy.batchSize = batchSize;
        return copy;
    }

    Intake intake() {
        return intake;
    }

    @Nullable
    String jobId() {
        return jobId;
    }

    @Nullable
    String source() {
        return source;
    }

    MarkMode mode() {
        return mode;
    }

    @Nullable
    Set<String> ids() {
        return ids;
    }

    /** Most that the job may cost: its own cap, else the configured one, which what is embedded live is no job of. */
    @Nullable
    BigDecimal budgetUsd(BuildSettings settings) {
        return budgetUsd == null && !isLive() ? settings.budgetUsd() : budgetUsd;
    }

    double maxVanishedShare() {
        return maxVanishedShare;
    }

    boolean isLive() {
        return intake instanceof Intake.Changes;
    }

    /** Of the build that it is to carry on, or null. */
    @Nullable
    String resumes() {
        return resumes;
    }

    JobStart.WhileRunning whileRunning() {
        if (!joins || resumes != null || isLive()) {
            return JobStart.WhileRunning.REFUSE;
        }
        return jobId == null ? JobStart.WhileRunning.JOIN_EQUAL : JobStart.WhileRunning.JOIN_NAMED;
    }

    /** These limits, with no more texts per request than the job wants. */
    ProviderLimits atMostBatchSize(ProviderLimits limits) {
        return batchSize == null || batchSize >= limits.maxTextsPerRequest()
                ? limits
                : limits.withAtMostTexts(batchSize);
    }

    /** What the store keeps of it. */
    JobScope jobScope(BuildSettings settings) {
        return isLive() ? JobScope.LIVE : new JobScope(task(), source, idPart, batchSize, budgetUsd(settings));
    }

    private JobScope.Task task() {
        if (intake instanceof Intake.Failed) {
            return JobScope.Task.RETRY_FAILED;
        }
        if (ids != null) {
            return JobScope.Task.IDS;
        }
        return mode == MarkMode.REBUILD ? JobScope.Task.REBUILD : JobScope.Task.BUILD;
    }

    /** What its scan covers if nothing goes wrong. */
    ScanScope scope() {
        boolean everyRecord = intake instanceof Intake.Scan && idPart == null && ids == null;
        return everyRecord ? new ScanScope.Complete(source) : new ScanScope.Partial();
    }

    boolean selects(RecordKey key) {
        return (idPart == null || key.id().contains(idPart)) && (ids == null || ids.contains(key.id()));
    }
}
