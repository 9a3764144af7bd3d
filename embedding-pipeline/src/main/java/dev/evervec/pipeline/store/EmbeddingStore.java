package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.SharedQuota;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the ledger (the state of every record), the vectors, the kept rewrites and the jobs.
 *
 * <p>The methods of a job ({@link #beginJob} to {@link #endJob}) are called by one thread at a time, the run's writer.
 * Everything else may be called from any thread, beside a running job. Every method is one transaction: it happens as a
 * whole or not at all. The database's clock judges leases.
 *
 * <p>A method of a job that failed may be called again with the same arguments, before any other method of the job but
 * {@link #renewLeases}. It must then answer as if it had not failed, also if the first call was committed and only its answer
 * was lost: a repetition is never refused for, or added to, what the first call wrote.
 *
 * <p>Failures are {@link StoreException}s; what a database driver says stays out of their messages, because it may quote
 * bound values.
 */
public interface EmbeddingStore extends AutoCloseable {

    // ---- a job ----

    /**
     * Begins a job on the generation of the fingerprint, which is registered if it is new. Claims that a dead worker left
     * behind are released, where the store can tell that it is dead. A {@link JobStart.Kind#LIVE} job begins beside a build
     * and the other way round, but there is one of each at a time.
     *
     * <p>A build that {@link JobStart#resumes()} a rebuild leaves alone what that, or one that it carried on itself, has bought
     * already.
     *
     * @throws JobRefusedException if another job of the kind is running on this store, the job id was used before, or the
     *     build to resume is not of the generation, was not interrupted, or a later one has {@linkplain JobScope#takesOver taken it over}
     */
    JobTicket beginJob(JobStart start);

    /**
     * Compares a page of scanned records with the ledger. New and changed records become pending; of pending ones, and of
     * those whose last attempt failed and may be repeated, all are put on this job's list. A record whose raw content is
     * blank leaves the ledger, vector included. Records that are unchanged and settled are not written to.
     *
     * <p>A live job has no scan whose pages could hold a record twice. What it marks it takes from the list of a build that has
     * not claimed it yet. A record that a build has claimed is {@link MarkedPage#busy()}; if its content is new, what the
     * build stores for it leaves it pending.
     */
    MarkedPage mark(JobTicket job, List<ScannedRecord> page, MarkMode mode);

    /**
     * Ends the scan. After a complete scan of a source (no filter, nothing unreadable, not broken off) how many records without
     * content it has is kept for {@link #stats}, and records that it did not meet leave the ledger, vector included, unless they are more than
     * {@code maxVanishedShare} of the source's records in the ledger: then none of that source is removed.
     *
     * @param scope what the scan covered
     * @param maxVanishedShare from 0 to 1; the share of one source that may vanish in one pass
     */
    ScanSummary endScan(JobTicket job, ScanScope scope, double maxVanishedShare);

    /**
     * Puts failed records on the job's list: they are pending again, with their attempts as they are. To be called until it
     * answers 0.
     *
     * @param limit how many at most in this call
     * @return how many were put on the list
     */
    int markFailed(JobTicket job, FailedSelection selection, int limit);

    /**
     * Takes records out of the ledger, vector included, because their source has them no more; what is not in the ledger is
     * passed over.
     *
     * @return those that another worker has claimed and that therefore stay for now
     */
    Set<RecordKey> forget(JobTicket job, Set<RecordKey> gone);

    /**
     * Claims up to so many records of the job's list with a lease: in the order in which they entered the ledger, beginning after
     * the last one that this worker claimed, and from the first one again when those are too few. Empty when none is left
     * unclaimed.
     */
    List<Claim> claim(JobTicket job, int limit, Duration lease);

    /**
     * What a worker has to expect that has just found nothing to claim. Where several work on one job, what dead ones had
     * claimed is put back on the list now. The default is for stores whose jobs have one worker.
     */
    default Remaining remaining(JobTicket job) {
        return Remaining.NOTHING;
    }

    /**
     * Renews the lease of this worker, and with it of everything that it has claimed. May be called from a thread of its own.
     */
    void renewLeases(JobTicket job, Duration lease);

    /**
     * Stores results: vectors, the records' states, the counts and the job's counters, in one transaction. A result whose
     * claim was taken over or released is not written. A record whose content a live job found to be new while it was
     * claimed gets its vector and stays pending, unless the vector is of that content already. Each call becomes one row of
     * the bill.
     *
     * @return the keys of results that were refused, or whose record stays pending, that way
     * @throws IllegalArgumentException if a vector has another dimension than the job's fingerprint; nothing is written
     */
    Set<RecordKey> commit(JobTicket job, List<RecordResult> results, List<ProviderCall> calls);

    /** Keeps rewrites as they arrive: prepared text's hash to rewritten text. What is there already is replaced. */
    void keepRewrites(JobTicket job, String rewriteFingerprint, Map<Sha256, String> rewrites, List<ProviderCall> calls);

    /** Keeps outcomes of records that never entered the ledger, such as unreadable ones, and counts them for the job. */
    void keepOutcomes(JobTicket job, List<RecordOutcome> outcomes);

    /**
     * Grants this worker some of what is left of the job's {@link JobScope#budgetUsd()} without what was carried over from
     * before, what ended and dead workers have spent, and what the other workers hold. What a worker was granted and had not
     * spent when it was taken for dead is there again: nobody knows what its calls under way cost. So a budget can be passed by
     * these, as it can when a job is carried on after a kill. Only for jobs that several workers may work on, and that have a
     * budget; the default knows none.
     *
     * @throws UnsupportedOperationException if a job of this store has but one worker
     */
    default BudgetGrant grantBudget(JobTicket job, BudgetAsk ask) {
        throw new UnsupportedOperationException("a job of this store has one worker, and all of its budget");
    }

    /** Notes why nothing gets through to a provider at the moment, or with null that something does again. */
    void noteHeldUp(JobTicket job, @Nullable String cause);

    /** Whether somebody has asked for the end of the job, see {@link #requestCancel}. May be called from a thread of its own. */
    boolean cancelRequested(JobTicket job);

    /**
     * Ends the job: releases its claims and takes every record off its list; what was still on it is counted under the given
     * reason.
     *
     * @param untaken why records are left over; used only if there are any
     */
    JobEnd endJob(JobTicket job, JobState state, Reason untaken);

    // ---- beside a job ----

    /**
     * How many records a job should give to one call that writes, because others that write to the same database wait
     * meanwhile. The default knows no limit.
     */
    default int rowsPerWrite() {
        return Integer.MAX_VALUE;
    }

    /**
     * The quota that all processes which work on this store draw on, the same object each time; a pipeline gives it to its
     * providers. It ends with the store. The default is null: there is no other process, or none that could be reckoned with.
     */
    default @Nullable SharedQuota sharedQuota() {
        return null;
    }

    /** Kept rewrites of these prepared texts; those that are not kept are absent. */
    Map<Sha256, KeptRewrite> rewrites(String rewriteFingerprint, Set<Sha256> preparedTexts);

    /**
     * Stored vectors of these texts, whichever records they were bought for; of several for one text the one of the latest
     * job. Texts without one are absent.
     */
    Map<Sha256, KeptVector> vectors(Fingerprint fingerprint, Set<Sha256> textHashes);

    /** Whether there is any failed record that {@link #markFailed} would take now. */
    boolean anyFailed(Fingerprint fingerprint, FailedSelection selection);

    /**
     * Which records of a scanned page {@link #mark} would put on the list of such a job, each with the
     * {@link Claim#freshSince()} that it would be claimed with, {@link Long#MAX_VALUE} standing for the number that a new rebuild
     * would get; writes nothing.
     */
    Map<RecordKey, Long> wouldTake(JobStart start, List<ScannedRecord> page, MarkMode mode);

    /** Keeps calls that belong to no job. */
    void keepCalls(List<ProviderCall> calls);

    /** Adds up the bill. */
    CostReport costs(CostQuery query);

    /**
     * How long the latest answered calls to a model took on average, of a hundred or fewer. The default is null.
     *
     * @return null if none of the latest calls in the bill went to it
     */
    default @Nullable Duration latestLatency(ModelIdentity model) {
        return null;
    }

    /** How every source stands, in the order of their names; answered from what is kept, whatever the size of the ledger. */
    List<SourceHealth> health(Fingerprint fingerprint);

    /**
     * Asks a running build to stop, whichever process it runs in; it looks for this every few seconds.
     *
     * @return whether a build of this id is running
     */
    boolean requestCancel(String jobId);

    /**
     * The latest builds, newest first. What is embedded live is not among them: ask {@link #job} for it. One whose worker died is
     * {@link JobState#INTERRUPTED} from then on, where the store can tell that it is dead.
     */
    List<JobInfo> jobs(int limit);

    /**
     * What is known of a job, or empty if there was none of this id. {@link JobStart#LIVE_ID} is everything that was ever
     * embedded live on this store, with state, start and end of the last run.
     */
    Optional<JobInfo> job(String jobId);

    /**
     * So many different stored vectors at random, fewer if there are not as many.
     *
     * @param seed decides which; the same one answers the same as long as nothing is stored
     */
    List<StoredVector> sample(Fingerprint fingerprint, int count, long seed);

    /** Counts by source, in the order of their names; costs nothing, because the counts are kept. */
    List<SourceStats> stats(Fingerprint fingerprint);

    /** What is known of a record in the generation of the fingerprint, or empty if it never entered the ledger. */
    Optional<RecordTrace> explain(Fingerprint fingerprint, RecordKey key);

    /**
     * Hands every stored vector to the consumer, in the order of source and id, without holding them all in memory.
     *
     * @param source only of this source, or null for all
     */
    void forEachVector(Fingerprint fingerprint, @Nullable String source, Consumer<StoredVector> consumer);

    /**
     * The stored vectors that are nearest to a query by the angle between them, best first, equally near ones in the order of
     * source and id; none if there is no such generation. The default compares all of them, in constant memory. A store whose
     * database has an index for this may answer from it: then one of the nearest may be missing now and then.
     *
     * @throws IllegalArgumentException if the query's vector has another dimension than the fingerprint
     */
    default List<Neighbour> nearest(Fingerprint fingerprint, NearestQuery query) {
        query.requireComparableTo(fingerprint);
        Nearest nearest = new Nearest(query);
        forEachVector(fingerprint, query.source(), nearest::offer);
        return nearest.bestFirst();
    }

    /** Hands the outcomes of a job that have this reason to the consumer, without holding them all in memory. */
    void forEachOutcome(String jobId, Reason reason, Consumer<RecordOutcome> consumer);

    /** All generations, newest first. */
    List<GenerationInfo> generations();

    /**
     * Deletes a generation: its vectors and its ledger.
     *
     * @return how many vectors were deleted, or empty if there is no such generation
     * @throws JobRefusedException if a job is running on this store
     */
    Optional<Long> prune(String generation);

    /**
     * Makes this embedder the one that embeds live on this store, or leaves it so for another lease. Several may wait to be it,
     * in other processes too, and ask again and again. That two do not work at a time is seen to by {@link #beginJob}; this
     * spares them their trying. The default is for stores with one embedder: whoever asks is it.
     *
     * @param embedder names it among all embedders
     * @param lease how long it stays so if it does not ask again, by the store's clock; a store that sees at once when a process
     *     has died may disregard it
     * @return false if another one is it
     */
    default boolean leadLive(String embedder, Duration lease) {
        return true;
    }

    /** This embedder no longer embeds live: another one may at once. Harmless if it did not. */
    default void leaveLive(String embedder) {}

    /** Where the data is, for people: a file or a database, without user or password. */
    String location();

    /** Frees connections and locks that the store opened itself. Closing twice is harmless. */
    @Override
    void close();
}
