package dev.evervec.pipeline;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.BudgetAsk;
import dev.evervec.pipeline.store.BudgetGrant;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.CostQuery;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.GenerationInfo;
import dev.evervec.pipeline.store.JobEnd;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.KeptRewrite;
import dev.evervec.pipeline.store.KeptVector;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordTrace;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.SourceHealth;
import dev.evervec.pipeline.store.SourceStats;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.ModelIdentity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** A store that fails when a script says so, before anything is written, and loses the claims it is told to lose. */
final class FaultyStore implements EmbeddingStore {
    /** What a job asks of a store. */
    enum Method {
        MARK,
        END_SCAN,
        CLAIM,
        COMMIT,
        KEEP_REWRITES,
        KEEP_OUTCOMES,
        NOTE_HELD_UP,
        GRANT_BUDGET,
        END_JOB,
        LOOK_UP,
        KEEP_CALLS
    }

    /** Decides what goes wrong. */
    @FunctionalInterface
    interface Script {
        /** The kind of failure of this call, or null; calls of all methods of a job count from 1. */
        StoreException.@Nullable Kind at(int call, Method method);
    }

    private final EmbeddingStore store;
    private Script script = (call, method) -> null;
    private Predicate<RecordKey> lostClaims = key -> false;
    private final List<RecordKey> marked = new ArrayList<>();
    private @Nullable Truth witness;
    private int calls;

    FaultyStore(EmbeddingStore store) {
        this.store = store;
    }

    /** From now on; calls count from 1 again. */
    void setFaults(Script faults) {
        script = faults;
        calls = 0;
    }

    /** Results of these records are refused, as after another worker has taken them over and stored the same. */
    void loseClaims(Predicate<RecordKey> keys) {
        lostClaims = keys;
    }

    /** Tells it what the store has really taken. */
    void witnessedBy(Truth truth) {
        witness = truth;
    }

    int calls() {
        return calls;
    }

    /** All records compared so far, in the order in which they came. */
    List<RecordKey> marked() {
        return marked;
    }

    private void meet(Method method) {
        StoreException.Kind kind = script.at(++calls, method);
        if (kind != null) {
            throw new StoreException(kind, "the scripted store failed at " + method, null);
        }
    }

    @Override
    public JobTicket beginJob(JobStart start) {
        return store.beginJob(start);
    }

    @Override
    public MarkedPage mark(JobTicket job, List<ScannedRecord> page, MarkMode mode) {
        meet(Method.MARK);
        page.forEach(record -> marked.add(record.key()));
        MarkedPage result = store.mark(job, page, mode);
        if (witness != null) {
            witness.marked(page, mode);
        }
        return result;
    }

    @Override
    public ScanSummary endScan(JobTicket job, ScanScope scope, double maxVanishedShare) {
        meet(Method.END_SCAN);
        return store.endScan(job, scope, maxVanishedShare);
    }

    @Override
    public List<Claim> claim(JobTicket job, int limit, Duration lease) {
        meet(Method.CLAIM);
        return store.claim(job, limit, lease);
    }

    @Override
    public void renewLeases(JobTicket job, Duration lease) {
        store.renewLeases(job, lease);
    }

    @Override
    public Set<RecordKey> commit(JobTicket job, List<RecordResult> results, List<ProviderCall> made) {
        meet(Method.COMMIT);
        Set<RecordKey> refused = new HashSet<>(store.commit(job, results, made));
        results.stream().map(result -> result.claim().key()).filter(lostClaims).forEach(refused::add);
        if (witness != null) {
            witness.committed(results, refused);
        }
        return refused;
    }

    @Override
    public void keepRewrites(JobTicket job, String fingerprint, Map<Sha256, String> rewrites, List<ProviderCall> made) {
        meet(Method.KEEP_REWRITES);
        store.keepRewrites(job, fingerprint, rewrites, made);
        if (witness != null) {
            witness.kept(rewrites);
        }
    }

    @Override
    public void keepOutcomes(JobTicket job, List<RecordOutcome> outcomes) {
        meet(Method.KEEP_OUTCOMES);
        store.keepOutcomes(job, outcomes);
    }

    @Override
    public JobEnd endJob(JobTicket job, JobState state, Reason untaken) {
        meet(Method.END_JOB);
        return store.endJob(job, state, untaken);
    }

    @Override
    public Map<Sha256, KeptRewrite> rewrites(String fingerprint, Set<Sha256> preparedTexts) {
        meet(Method.LOOK_UP);
        return store.rewrites(fingerprint, preparedTexts);
    }

    @Override
    public int markFailed(JobTicket job, FailedSelection selection, int limit) {
        meet(Method.MARK);
        return store.markFailed(job, selection, limit);
    }

    @Override
    public Set<RecordKey> forget(JobTicket job, Set<RecordKey> gone) {
        meet(Method.MARK);
        return store.forget(job, gone);
    }

    @Override
    public boolean cancelRequested(JobTicket job) {
        return store.cancelRequested(job);
    }

    @Override
    public boolean requestCancel(String jobId) {
        return store.requestCancel(jobId);
    }

    @Override
    public void noteHeldUp(JobTicket job, @Nullable String cause) {
        meet(Method.NOTE_HELD_UP);
        store.noteHeldUp(job, cause);
    }

    @Override
    public BudgetGrant grantBudget(JobTicket job, BudgetAsk ask) {
        meet(Method.GRANT_BUDGET);
        return store.grantBudget(job, ask);
    }

    @Override
    public Map<Sha256, KeptVector> vectors(Fingerprint fingerprint, Set<Sha256> textHashes) {
        meet(Method.LOOK_UP);
        return store.vectors(fingerprint, textHashes);
    }

    @Override
    public @Nullable Duration latestLatency(ModelIdentity model) {
        return store.latestLatency(model);
    }

    @Override
    public boolean anyFailed(Fingerprint fingerprint, FailedSelection selection) {
        return store.anyFailed(fingerprint, selection);
    }

    @Override
    public Map<RecordKey, Long> wouldTake(JobStart start, List<ScannedRecord> page, MarkMode mode) {
        return store.wouldTake(start, page, mode);
    }

    @Override
    public void keepCalls(List<ProviderCall> made) {
        meet(Method.KEEP_CALLS);
        store.keepCalls(made);
    }

    @Override
    public CostReport costs(CostQuery query) {
        return store.costs(query);
    }

    @Override
    public List<SourceHealth> health(Fingerprint fingerprint) {
        return store.health(fingerprint);
    }

    @Override
    public List<JobInfo> jobs(int limit) {
        return store.jobs(limit);
    }

    @Override
    public Optional<JobInfo> job(String jobId) {
        return store.job(jobId);
    }

    @Override
    public List<StoredVector> sample(Fingerprint fingerprint, int count, long seed) {
        return store.sample(fingerprint, count, seed);
    }

    @Override
    public List<SourceStats> stats(Fingerprint fingerprint) {
        return store.stats(fingerprint);
    }

    @Override
    public Optional<RecordTrace> explain(Fingerprint fingerprint, RecordKey key) {
        return store.explain(fingerprint, key);
    }

    @Override
    public void forEachVector(Fingerprint fingerprint, @Nullable String source, Consumer<StoredVector> consumer) {
        store.forEachVector(fingerprint, source, consumer);
    }

    @Override
    public void forEachOutcome(String jobId, Reason reason, Consumer<RecordOutcome> consumer) {
        store.forEachOutcome(jobId, reason, consumer);
    }

    @Override
    public List<GenerationInfo> generations() {
        return store.generations();
    }

    @Override
    public Optional<Long> prune(String generation) {
        return store.prune(generation);
    }

    @Override
    public String location() {
        return store.location();
    }

    @Override
    public void close() {
        store.close();
    }
}
