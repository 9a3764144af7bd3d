package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
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
     * behind are released, where the store can tell that it is dead.
     *
     * @throws JobRefusedException if another job is running on this store, or the job id was used before
     */
    JobTicket beginJob(JobStart start);

    /**
     * Compares a page of scanned records with the ledger. New and changed records become pending; of pending ones, and of
     * those whose last attempt failed and may be repeated, all are put on this job's list. A record whose raw content is
     * blank leaves the ledger, vector included. Records that are unchanged and settled are not written to.
     */
    MarkedPage mark(JobTicket job, List<ScannedRecord> page, MarkMode mode);

    /**
     * Ends the scan. After a complete scan of a source (no filter, nothing unreadable, not broken off) its totals are kept for
     * {@link #stats}, and records that it did not meet leave the ledger, vector included, unless they are more than
     * {@code maxVanishedShare} of the source's records in the ledger: then none of that source is removed.
     *
     * @param scope what the scan covered
     * @param maxVanishedShare from 0 to 1; the share of one source that may vanish in one pass
     */
    ScanSummary endScan(JobTicket job, ScanScope scope, double maxVanishedShare);

    /** Claims up to so many records of the job's list, oldest first, with a lease. Empty when none is left unclaimed. */
    List<Claim> claim(JobTicket job, int limit, Duration lease);

    /** Renews the lease of everything that the job has claimed. May be called from a thread of its own. */
    void renewLeases(JobTicket job, Duration lease);

    /**
     * Stores results: vectors, the records' states, the counts and the job's counters, in one transaction. A result whose
     * claim was taken over or released is not written.
     *
     * @return the keys of results that were refused that way
     * @throws IllegalArgumentException if a vector has another dimension than the job's fingerprint; nothing is written
     */
    Set<RecordKey> commit(JobTicket job, List<RecordResult> results, CallTotals calls);

    /** Keeps rewrites as they arrive: prepared text's hash to rewritten text. What is there already is replaced. */
    void keepRewrites(JobTicket job, String rewriteFingerprint, Map<Sha256, String> rewrites, CallTotals calls);

    /** Keeps outcomes of records that never entered the ledger, such as unreadable ones, and counts them for the job. */
    void keepOutcomes(JobTicket job, List<RecordOutcome> outcomes);

    /**
     * Ends the job: releases its claims and takes every record off its list; what was still on it is counted under the given
     * reason.
     *
     * @param untaken why records are left over; used only if there are any
     */
    JobEnd endJob(JobTicket job, JobState state, Reason untaken);

    // ---- beside a job ----

    /** Kept rewrites of these prepared texts; those that are not kept are absent. */
    Map<Sha256, String> rewrites(String rewriteFingerprint, Set<Sha256> preparedTexts);

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

    /** Where the data is, for people: a file or a database, without user or password. */
    String location();

    /** Frees connections and locks that the store opened itself. Closing twice is harmless. */
    @Override
    void close();
}
