package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.Wait;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.pipeline.store.BudgetAsk;
import dev.evervec.pipeline.store.CallTotals;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MarkedPage;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.Remaining;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.pipeline.store.ScanSummary;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.provider.TransientProviderException.Failure;
import dev.evervec.resilience.Backoff;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides during a build: events in, commands out.
 *
 * <p>Single-threaded, never blocks, reads no clock: the time of an event (nanoseconds, monotonic) comes with it. The same
 * class runs on real threads in production and on one thread in virtual time in tests.
 *
 * <p>Each record on its way is in exactly one place: claimed and being read, in the {@link RewriteStage}, in the
 * {@link EmbedStage}, settled and waiting for its commit, or in a commit. Bounded queues are numbers of credits kept here:
 * records are claimed only while there is room for them, in records and in bytes of text. The {@link Books} count a record
 * when its commit has succeeded, and not before.
 *
 * <p>One scan runs beside the embedding of what it finds: at most {@value #OPEN_PAGES} pages are read and not yet compared.
 * The writer gets one command at a time, in the order in which they were decided, so one that is tried again is overtaken by
 * no other; what is settled meanwhile goes with the next commit. Only a claim without which nothing can be sent comes before
 * what the writer has not begun.
 */
final class BuildMachine implements EmbedStage.Results<Work>, RewriteStage.Results<Work> {
    private static final int OPEN_PAGES = 2;
    private static final int OPEN_READS = 2;
    private static final int MAX_READ_TRIES = 6;
    private static final int MAX_CLAIM = 1024;
    private static final RecordKey SCAN_ITSELF = new RecordKey(RecordKey.DEFAULT_SOURCE, "(scan)");
    private static final long PROGRESS_INTERVAL = Duration.ofMillis(100).toNanos();
    /** How long a worker that found nothing to claim leaves the others alone. */
    private static final long WAIT_FOR_OTHERS = Duration.ofSeconds(1).toNanos();

    private enum Scan {
        READING,
        CLOSING,
        CLOSED
    }

    private final BuildPlan plan;
    private final long startedAt;
    private final RandomGenerator random;
    private final Backoff backoff;
    private final EmbedStage<Work> embedding;
    private final @Nullable RewriteStage<Work> rewriting;
    private final Books books = new Books();
    private final Remarks remarks;
    private final StoreQueue storeQueue;
    private final Purse purse;
    private final Bill bill = new Bill();
    private final @Nullable FailedSelection failedSelection;
    private List<Command> out = new ArrayList<>();
    private long now;

    // the scan
    private Scan scan = Scan.READING;
    private int pagesBeingRead;
    private int pagesBeingMarked;
    private boolean scanIncomplete;
    private boolean scanLost;
    private boolean scanBeingClosed;
    private long scannedRecords;
    private long scannedBytes;
    private long listed;
    private long outsideLedger; // unreadable records, a scan that broke off
    private final Set<RecordKey> missing = new LinkedHashSet<>(); // of given records
    private final Set<RecordKey> busy = new LinkedHashSet<>();
    private final Set<RecordKey> unclaimedOfGiven = new LinkedHashSet<>();

    // records on their way
    private boolean claiming;
    private boolean listIsEmpty;
    private long claimNotBefore; // others may put records on the list until then
    private long claimed;
    private final Deque<Claim> unread = new ArrayDeque<>();
    private int reading;
    private final Map<Claim, Long> beingRead = new LinkedHashMap<>(); // with the number of the read
    private long reads;
    private int readFailures;
    private long readNotBefore;
    private int lookUpFailures;
    private long lookUpsFailSince;
    private int onTheWay;
    private long bytesOnTheWay;
    private final Map<RecordKey, Integer> bytesOf = new HashMap<>();
    private final Twins twins = new Twins();
    // of a shared job: a worker that was away for too long may be given what it still has in hand
    private final Set<RecordKey> inHand = new HashSet<>();
    private final Map<RecordKey, Claim> claimedAnew = new HashMap<>();

    // results
    private List<RecordResult> settled = new ArrayList<>();
    private int settledBatches;
    private int committingBatches;
    private boolean committing;
    private boolean storeLost;
    private boolean storeHangs;
    private Map<Sha256, String> rewritesToKeep = new LinkedHashMap<>();
    private final Map<Sha256, Preparation> unkeptRewrites = new HashMap<>(); // answered, not yet found in the store
    private final List<Claim> waitingForRewrite = new ArrayList<>(); // for one that is answered to be kept
    private boolean keepingRewrites;
    private List<RecordOutcome> outcomesToKeep = new ArrayList<>();
    private boolean keepingOutcomes;
    private @Nullable String notedHeldUpBy;
    private boolean notingHeldUp;

    // progress
    private Phase phase = Phase.SCANNING;
    private long rewriteDone;
    private long rewriteSkipped;
    private final Set<RecordKey> notToEmbed = new HashSet<>();
    private List<RecordOutcome> outcomesToTell = new ArrayList<>();
    private long lastTold = Long.MIN_VALUE;
    private boolean progressDue = true;
    private final Speed speed = new Speed();

    // the end
    private @Nullable Reason stopReason;
    private @Nullable String stopCause;
    private boolean overBudget;
    private long stoppedAt = Long.MAX_VALUE;
    private boolean cut;
    private boolean letGo;
    private boolean closing;
    private boolean over;
    private boolean abandoned;
    private long untaken;
    private JobState finalState = JobState.RUNNING;

    BuildMachine(BuildPlan plan, Backoff backoff, RandomGenerator random, long now) {
        this.plan = plan;
        this.backoff = backoff;
        this.random = random;
        this.startedAt = now;
        this.now = now;
        this.remarks = new Remarks(plan.settings().maxAttempts());
        this.readNotBefore = now;
        this.claimNotBefore = now;
        if (plan.role() == JobTicket.Role.JOINED) {
            scan = Scan.CLOSED; // by whoever scans, as far as this worker goes
            remarks.add("joined the running job; this is the part that this worker took");
        }
        this.storeQueue = new StoreQueue(backoff, random, plan.storePatience(), now);
        this.purse =
                plan.isShared() ? Purse.shared(plan.budgetUsd()) : Purse.alone(plan.budgetUsd(), plan.carriedUsd());
        if (plan.resumed() != null) {
            remarks.add(plan.resumed());
        }
        this.embedding = new EmbedStage<>(
                plan.embedder(), plan.limits(), plan.embedding(), newGate(), purse, backoff, random, this);
        this.rewriting = rewriting(plan.rewriting());
        this.failedSelection = plan.failedSelection();
    }

    private @Nullable RewriteStage<Work> rewriting(BuildPlan.@Nullable Rewriting how) {
        return how == null
                ? null
                : new RewriteStage<>(how::mostCostOf, how.policy(), newGate(), purse, backoff, random, this);
    }

    private Gate newGate() {
        return new Gate(plan.settings(), backoff, random);
    }

    /** Takes one event and says what is to be done now. */
    List<Command> handle(Event event, long time) {
        now = Math.max(now, time);
        out = new ArrayList<>();
        if (!over) {
            take(event);
        }
        if (!over) {
            advance();
        } else {
            tell();
        }
        return out;
    }

    /** When a {@link Event.Tick} is wanted if nothing happens before, or {@link Long#MAX_VALUE}. */
    long nextWake() {
        long wake = embedding.nextWake(now);
        if (rewriting != null) {
            wake = Math.min(wake, rewriting.nextWake(now));
        }
        wake = Math.min(wake, Math.min(storeQueue.nextWake(), purse.nextWake()));
        if (waitsForOthers()) {
            wake = Math.min(wake, claimNotBefore);
        }
        if (!unread.isEmpty() && readNotBefore > now) {
            wake = Math.min(wake, readNotBefore);
        }
        wake = Math.min(wake, Math.min(nextGivingUp(), storeGivenUpAt()));
        if (progressDue && lastTold != Long.MIN_VALUE) {
            wake = Math.min(wake, lastTold + PROGRESS_INTERVAL);
        }
        return wake;
    }

    /** Whether the job has ended; no event changes anything any more. */
    boolean isOver() {
        return over;
    }

    // ---- events ----

    private void take(Event event) {
        boolean late =
                (letGo && event instanceof Event.FromOutside) || (storeHangs && event instanceof Event.FromStore);
        if (late) {
            return;
        }
        if (event instanceof Event.PageScanned page) {
            pageScanned(page);
        } else if (event instanceof Event.SourceExhausted end) {
            pagesBeingRead--;
            remarks.add(end.notes());
            scan = Scan.CLOSING;
        } else if (event instanceof Event.ScanBroke broke) {
            scanBroke(broke.problem());
        } else if (event instanceof Event.PageMarked marked) {
            storeQueue.done();
            pageMarked(marked.marked());
        } else if (event instanceof Event.FailedMarked marked) {
            storeQueue.done();
            failedMarked(marked.count());
        } else if (event instanceof Event.Forgotten forgotten) {
            storeQueue.done();
            pagesBeingMarked--;
            busy.addAll(forgotten.busy());
        } else if (event instanceof Event.ScanClosed closed) {
            storeQueue.done();
            scanClosed(closed.summary());
        } else if (event instanceof Event.Claimed claims) {
            storeQueue.done();
            claimed(claims.claims());
            if (claims.claims().isEmpty()) {
                expect(claims.remaining());
            }
        } else if (event instanceof Event.Prepared prepared) {
            reading--;
            long read = numberOf(prepared);
            prepared.records().forEach(record -> beingRead.remove(record.claim()));
            beUnread(prepared.unread());
            readFailures = 0;
            lookUpFailures = 0;
            prepared.records().forEach(record -> prepared(record, read));
        } else if (event instanceof Event.ReadFailed failure) {
            readFailed(failure);
        } else if (event instanceof Event.LookUpFailed failure) {
            lookUpFailed(failure);
        } else if (event instanceof Event.RewriteAnswered answer) {
            rewriteAnswered(answer);
        } else if (event instanceof Event.RewriteNotAsked found) {
            withdrawn(found.call()).forEach(this::readAgain);
        } else if (event instanceof Event.RewriteNotFound unknown) {
            rewriteNotFound(unknown);
        } else if (event instanceof Event.RewriteFailed failure) {
            failed(rewriting(), failure.call(), failure.failure(), failure.usage());
            rewriting().failed(failure.call(), failure.failure(), now);
        } else if (event instanceof Event.EmbedAnswered answer) {
            called(embedding, answer.batch(), answer.response().usage(), null);
            embedding.answered(answer.batch(), answer.response(), now);
            settledBatches++;
        } else if (event instanceof Event.EmbedFailed failure) {
            failed(embedding, failure.batch(), failure.failure(), failure.usage());
            embedding.batchFailed(failure.batch(), failure.failure(), now);
        } else if (event instanceof Event.ProbeAnswered answer) {
            probed(answer.capability(), answer.usage(), null);
            stageOf(answer.capability()).probeSucceeded(now);
        } else if (event instanceof Event.ProbeFailed failure) {
            probed(failure.capability(), TokenUsage.NONE, failure.failure());
            stageOf(failure.capability()).probeFailed(failure.failure(), now);
        } else if (event instanceof Event.Committed committed) {
            storeQueue.done();
            committed(committed);
        } else if (event instanceof Event.BudgetGranted granted) {
            storeQueue.done();
            purse.granted(granted.grant(), now);
        } else if (event instanceof Event.Noted noted) {
            storeQueue.done();
            noted(noted.command());
        } else if (event instanceof Event.StoreFailed failure) {
            storeFailed(failure.failure());
        } else if (event instanceof Event.JobClosed closed) {
            storeQueue.done();
            // A lost store has not heard of what is in the books as a store error, and would count that again.
            jobClosed(storeLost ? unclaimed() : closed.end().untaken());
        } else if (event instanceof Event.CancelRequested) {
            stop(Reason.CANCELLED, "cancelled");
        } else if (event instanceof Event.HandBroke broke) {
            abandon(broke.problem());
        }
        // Begin and Tick carry nothing: what they cause is in advance().
    }

    private RewriteStage<Work> rewriting() {
        if (rewriting == null) {
            throw new IllegalStateException("no rewriting in job " + plan.jobId());
        }
        return rewriting;
    }

    private CallStage<?> stageOf(Capability capability) {
        return capability == Capability.REWRITE ? rewriting() : embedding;
    }

    private <C extends Call> void failed(CallStage<C> stage, C call, ProviderException failure, TokenUsage usage) {
        if (keptBack(call, failure)) {
            stage.settle(call, BigDecimal.ZERO);
        } else {
            calledIfMade(stage, call, usage, failure);
        }
        progressDue = true;
    }

    private <C extends Call> void calledIfMade(
            CallStage<C> stage, C call, TokenUsage usage, ProviderException failure) {
        if (call.hasBegun()) {
            called(stage, call, usage, failure);
        } else {
            stage.settle(call, BigDecimal.ZERO);
        }
    }

    /** Whether the call only stood in line for quota when the key was refused or the job was stopped. */
    private static boolean keptBack(Call call, ProviderException failure) {
        boolean refused = failure.owner() == FaultOwner.CONFIGURATION && failure.httpStatus() == 0;
        return refused || (isCancelled(failure) && !call.cancelSignal().isCancelled());
    }

    private static boolean isCancelled(ProviderException failure) {
        return failure instanceof TransientProviderException passing && passing.failure() == Failure.CANCELLED;
    }

    private <C extends Call> void called(
            CallStage<C> stage, C call, TokenUsage usage, @Nullable ProviderException failure) {
        stage.settle(call, enter(capabilityOf(stage), call.sentAt, usage, failure, partsOf(call)));
    }

    private void probed(Capability capability, TokenUsage usage, @Nullable ProviderException failure) {
        CallStage<?> stage = stageOf(capability);
        stage.settleProbe(enter(capability, stage.probeSentAt(), usage, failure, List.of()));
    }

    private BigDecimal enter(
            Capability capability,
            long sentAt,
            TokenUsage usage,
            @Nullable ProviderException failure,
            List<Bill.Part> parts) {
        progressDue = true;
        Bill.Made made = new Bill.Made(
                wallClock(), Duration.ofNanos(now - sentAt), capability, failure == null ? null : wordFor(failure));
        BigDecimal cost = bill.enter(made, modelOf(capability), usage, parts);
        return cost == null ? BigDecimal.ZERO : cost; // without prices there is no budget
    }

    static String wordFor(ProviderException failure) {
        Enum<?> word = failure instanceof TransientProviderException passing ? passing.failure() : failure.owner();
        return word.name().toLowerCase(Locale.ROOT);
    }

    private static List<Bill.Part> partsOf(Call call) {
        if (call instanceof RequestBatch<?> batch) {
            return batch.items.stream().map(item -> partOf((Work) item)).toList();
        }
        return List.of(partOf((Work) ((RewriteCall<?>) call).item));
    }

    private static Bill.Part partOf(Work work) {
        return new Bill.Part(work.claim().key(), work.text().tokens());
    }

    private Capability capabilityOf(CallStage<?> stage) {
        return stage == embedding ? Capability.EMBEDDING : Capability.REWRITE;
    }

    private PricedModel modelOf(Capability capability) {
        BuildPlan.Rewriting how = plan.rewriting();
        return capability == Capability.EMBEDDING || how == null ? plan.embedder() : how.model();
    }

    // ---- scan ----

    private void pageScanned(Event.PageScanned page) {
        pagesBeingRead--;
        for (UnreadableRecord record : page.unreadable()) {
            unreadable(record);
        }
        missing(page.missing());
        if (page.records().isEmpty() || stopReason != null) {
            return;
        }
        scannedRecords += page.records().size();
        scannedBytes += page.textBytes();
        if (plan.request().isLive()) {
            page.records().forEach(record -> unclaimedOfGiven.add(record.key()));
        }
        pagesBeingMarked++;
        storeQueue.add(new Command.Mark(page.records()));
    }

    /** Of given records, those that the source does not have. */
    private void missing(Set<RecordKey> keys) {
        if (keys.isEmpty() || !(plan.request().intake() instanceof BuildRequest.Intake.Changes changes)) {
            return;
        }
        Set<RecordKey> gone = new LinkedHashSet<>(keys);
        gone.retainAll(changes.removable());
        missing.addAll(keys);
        missing.removeAll(gone);
        if (!gone.isEmpty() && stopReason == null) {
            pagesBeingMarked++;
            storeQueue.add(new Command.Forget(gone));
        }
    }

    private void failedMarked(int count) {
        pagesBeingMarked--;
        listed += count;
        listIsEmpty &= count == 0;
        progressDue = true;
        if (count == 0) {
            scan = Scan.CLOSING;
        }
    }

    private void unreadable(UnreadableRecord record) {
        noteOutsideLedger(
                new RecordOutcome(keyOf(record), Reason.SOURCE_ERROR, record.where() + ": " + record.problem()));
    }

    /** Under which key it is counted. */
    static RecordKey keyOf(UnreadableRecord record) {
        if (record.key() != null) {
            return record.key();
        }
        try {
            return new RecordKey(RecordKey.DEFAULT_SOURCE, record.where());
        } catch (IllegalArgumentException e) {
            // A host's words for a place need not be fit for an id.
            return new RecordKey(RecordKey.DEFAULT_SOURCE, "(unreadable)");
        }
    }

    private void scanBroke(String problem) {
        pagesBeingRead--;
        scan = Scan.CLOSING;
        if (plan.request().isLive()) {
            stop(Reason.ABORTED, "the record source failed: " + problem);
            return;
        }
        remarks.add("the scan broke off: " + problem);
        noteOutsideLedger(new RecordOutcome(SCAN_ITSELF, Reason.SOURCE_ERROR, "the scan broke off: " + problem));
    }

    private void noteOutsideLedger(RecordOutcome outcome) {
        scanIncomplete = true;
        outsideLedger++;
        books.notEmbedded(outcome.reason(), 1);
        outcomesToKeep.add(outcome);
        outcomesToTell.add(outcome);
        progressDue = true;
    }

    private void pageMarked(MarkedPage marked) {
        pagesBeingMarked--;
        listed += marked.taken();
        if (marked.taken() > 0) {
            listIsEmpty = false;
            claimNotBefore = now;
        }
        busy.addAll(marked.busy());
        remarks.add(marked);
        progressDue = true;
    }

    private void scanClosed(ScanSummary summary) {
        scan = Scan.CLOSED;
        progressDue = true;
        remarks.add(summary);
    }

    private ScanScope scope() {
        return scanIncomplete || stopReason != null
                ? new ScanScope.Partial()
                : plan.request().scope();
    }

    // ---- claims and preparation ----

    private void claimed(List<Claim> claims) {
        claiming = false;
        claims.forEach(claim -> unclaimedOfGiven.remove(claim.key()));
        claims.forEach(this::take);
    }

    private void take(Claim claim) {
        if (plan.isShared() && !inHand.add(claim.key())) {
            claimedAnew.put(claim.key(), claim);
            return;
        }
        claimed++;
        onTheWay++;
        unread.add(claim);
    }

    /** Its result under an older claim is refused by now. */
    private void takeIfClaimedAnew(RecordKey key) {
        inHand.remove(key);
        Claim newer = claimedAnew.remove(key);
        if (newer != null) {
            take(newer);
        }
    }

    private void expect(Remaining remaining) {
        switch (remaining) {
            case NOTHING -> listIsEmpty = true;
            case LATER -> claimNotBefore = now + WAIT_FOR_OTHERS;
            case SCAN -> takeScanOver();
        }
    }

    private void takeScanOver() {
        remarks.add("the worker that scanned has died; this one scans from the beginning");
        scan = Scan.READING;
        scanBeingClosed = false;
        scanIncomplete = false;
        claimNotBefore = now + WAIT_FOR_OTHERS;
        progressDue = true;
    }

    /** The source as a whole cannot be read: no record is to blame, so it is tried again before the job gives up. */
    private void readFailed(Event.ReadFailed failure) {
        reading--;
        beUnread(failure.claims());
        readFailures++;
        if (readFailures >= MAX_READ_TRIES) {
            stop(Reason.ABORTED, "the record source failed: " + failure.problem());
        } else {
            readNotBefore = now + backoff.delay(readFailures, random).toNanos();
        }
    }

    private void lookUpFailed(Event.LookUpFailed failed) {
        reading--;
        if (mayLookUpAgain(failed.failure())) {
            beUnread(failed.claims());
        } else {
            failed.claims().forEach(beingRead::remove);
            failed.claims().forEach(claim -> unprepared(claim, failed.failure()));
        }
    }

    private void unprepared(Claim claim, StoreException failure) {
        leftBeforeEmbedding(claim);
        settleUnread(claim, Reason.STORE_ERROR, failure.getMessage());
    }

    /** Asking for a rewrite without having looked might pay for it twice. */
    private void rewriteNotFound(Event.RewriteNotFound unknown) {
        List<Work> originals = withdrawn(unknown.call());
        if (mayLookUpAgain(unknown.failure())) {
            originals.forEach(this::readAgain);
        } else {
            originals.forEach(original ->
                    notRewritten(original, Reason.STORE_ERROR, unknown.failure().getMessage()));
        }
    }

    /** A store that is away for a while costs no record its job. */
    private boolean mayLookUpAgain(StoreException failure) {
        lookUpFailures++;
        lookUpsFailSince = lookUpFailures == 1 ? now : lookUpsFailSince;
        boolean patient = lookUpFailures < MAX_READ_TRIES
                || now - lookUpsFailSince < plan.storePatience().toNanos();
        if (failure.kind() != StoreException.Kind.TRANSIENT || !patient || takesNoMore()) {
            return false;
        }
        readNotBefore = now + backoff.delay(lookUpFailures, random).toNanos();
        return true;
    }

    private void beUnread(Collection<Claim> claims) {
        unread.addAll(claims);
        claims.forEach(beingRead::remove);
    }

    private long numberOf(Event.Prepared prepared) {
        Claim any = prepared.records().isEmpty()
                ? prepared.unread().get(0)
                : prepared.records().get(0).claim();
        return beingRead.getOrDefault(any, reads);
    }

    private long oldestOpenRead() {
        return beingRead.values().stream().mapToLong(Long::longValue).min().orElse(reads + 1);
    }

    private void prepared(Preparation preparation, long read) {
        if (preparation instanceof Preparation.Unusable unusable) {
            leftBeforeEmbedding(unusable.claim());
            settle(unusable.claim(), unusable.contentHash(), unusable.reason(), unusable.detail());
        } else if (preparation instanceof Preparation.ToRewrite next) {
            carry(next.work());
            Preparation known = unkeptRewrites.get(next.work().text().hash());
            if (known == null) {
                rewriting().offer(next.work().text().hash(), next.work());
            } else if (known instanceof Preparation.Ready ready
                    && !twins.isOpen(ready.work().text().hash())) {
                readAgainWhenKept(next.work());
            } else {
                goOn(next.work(), known);
            }
        } else if (preparation instanceof Preparation.Ready next) {
            carry(next.work());
            if (tooEarly(next.work(), read)) {
                readAgain(next.work());
                return;
            }
            rewritten();
            embedNext(next.work());
        } else if (preparation instanceof Preparation.Known next) {
            rewritten();
            settle(next.work(), next.vector().embedding(), next.vector().job());
        }
    }

    /** Whether the read looked for a vector of this text before there was one. */
    private boolean tooEarly(Work work, long read) {
        return twins.committedSince(read, work.text().hash());
    }

    /** Its text is forgotten until then. */
    private void readAgain(Work work) {
        leave(work.claim());
        unread.add(work.claim());
    }

    /** Nobody has looked for a vector of its rewrite, and nobody can before the rewrite is in the store. */
    private void readAgainWhenKept(Work work) {
        leave(work.claim());
        waitingForRewrite.add(work.claim());
    }

    private List<Work> withdrawn(RewriteCall<Work> call) {
        rewriting().settle(call, BigDecimal.ZERO);
        return rewriting().withdrawn(call, now);
    }

    private void rewritten() {
        if (rewriting != null) {
            rewriteDone++;
        }
    }

    private void embedNext(Work work) {
        Embedding twin = twins.answered(work.text().hash());
        String refusal = twins.refusal(work.text().hash());
        if (twin != null) {
            settle(work, twin);
        } else if (refusal != null) {
            settle(work.claim(), work.contentHash(), Reason.EMBED_PERMANENT, refusal);
        } else if (twins.lead(work)) {
            embedding.offer(work);
        }
    }

    /** Counted as skipped by the stage of rewriting, once it is committed. */
    private void leftBeforeEmbedding(Claim claim) {
        if (rewriting != null) {
            notToEmbed.add(claim.key());
        }
    }

    /** The text's bytes count from now until the record is settled. */
    private void carry(Work work) {
        int bytes = work.text().bytes();
        bytesOf.put(work.claim().key(), bytes);
        bytesOnTheWay += bytes;
    }

    private long averageBytes() {
        return Math.max(1, scannedBytes / Math.max(1, scannedRecords));
    }

    // ---- rewrites ----

    private void rewriteAnswered(Event.RewriteAnswered answer) {
        called(rewriting(), answer.call(), answer.usage(), null);
        List<Work> originals = rewriting().rewritten(answer.call(), now);
        Sha256 textHash = answer.call().item.text().hash();
        boolean noRewrite = answer.outcome() instanceof Preparation.Unusable unusable
                && (unusable.reason() == Reason.REWRITE_EMPTY || unusable.reason() == Reason.REWRITE_ERROR);
        if (!noRewrite) {
            rewritesToKeep.put(textHash, answer.rewritten());
            unkeptRewrites.put(textHash, answer.outcome());
        }
        originals.forEach(original -> goOn(original, answer.outcome()));
    }

    /** Goes on with what the rewrite of this text, asked for by this or by another record, came to. */
    private void goOn(Work original, Preparation outcome) {
        if (outcome instanceof Preparation.Ready next) {
            rewriteDone++;
            embedNext(original.withText(next.work().text()));
        } else if (outcome instanceof Preparation.Unusable unusable) {
            notRewritten(original, unusable.reason(), unusable.detail());
        }
    }

    @Override
    public void notRewritten(Work work, Reason reason, String detail) {
        leftBeforeEmbedding(work.claim());
        settle(work.claim(), work.contentHash(), reason, detail);
    }

    // ---- results ----

    @Override
    public void embedded(Work work, Embedding vector) {
        twins.answer(work.text().hash(), vector);
        settle(work, vector);
        twins.followersOf(work).forEach(twin -> settle(twin.withText(work.text()), vector));
    }

    private void settle(Work work, Embedding vector) {
        settle(work, vector, 0);
    }

    private void settle(Work work, Embedding vector, long boughtBy) {
        RecordKey key = work.claim().key();
        leave(work.claim());
        settled.add(new Embedded(
                work.claim(),
                work.contentHash(),
                work.text().hash(),
                vector,
                work.text().truncation(),
                bill.takeCost(key),
                boughtBy));
    }

    @Override
    public @Nullable Work truncated(Work work) {
        SizedText shorter = plan.settings().onTooLong() == BuildSettings.TooLong.TRUNCATE
                ? work.text().truncated()
                : null;
        return shorter == null ? null : work.withText(shorter);
    }

    @Override
    public void notEmbedded(Work work, Reason reason, String detail) {
        settle(work.claim(), work.contentHash(), reason, detail);
        if (reason == Reason.EMBED_PERMANENT) {
            twins.refuse(work.text().hash(), detail);
        }
        twins.followersOf(work).forEach(twin -> settle(twin.claim(), twin.contentHash(), reason, detail));
    }

    private void settleUnread(Claim claim, Reason reason, String detail) {
        settle(claim, null, reason, detail);
    }

    private void settle(Claim claim, @Nullable Sha256 contentHash, Reason reason, String detail) {
        leave(claim);
        Instant retryDue = reason.ledger() == Reason.Ledger.ATTEMPTED ? retryDue(claim.attempts() + 1) : null;
        settled.add(new NotEmbedded(claim, contentHash, reason, detail, retryDue, bill.takeCost(claim.key())));
    }

    private void leave(Claim claim) {
        Integer bytes = bytesOf.remove(claim.key());
        bytesOnTheWay -= bytes == null ? 0 : bytes;
    }

    /** A minute after the first failed attempt, four times as long after each further one, a day at most, jittered. */
    private Instant retryDue(int attempts) {
        double minutes = Math.min(24 * 60, Math.pow(4, Math.min(10, attempts - 1)));
        double jitter = 0.5 + random.nextDouble();
        return wallClock().plusMillis((long) (minutes * 60_000 * jitter));
    }

    private Instant wallClock() {
        return plan.startedAt().plusNanos(now - startedAt);
    }

    private void committed(Event.Committed committed) {
        committing = false;
        committingBatches = 0;
        List<Sha256> stored = new ArrayList<>();
        for (RecordResult result : committed.results()) {
            boolean refused = committed.refused().contains(result.claim().key());
            if (result instanceof Embedded embedded && refused) {
                loseUnlessSettled(embedded.textHash());
            } else if (result instanceof Embedded embedded) {
                stored.add(embedded.textHash());
            }
            enter(result, refused);
        }
        twins.commit(stored, reads, oldestOpenRead());
    }

    /** Another record may have the same vector and still be to be committed. */
    private void loseUnlessSettled(Sha256 text) {
        boolean toCome = settled.stream()
                .anyMatch(result -> result instanceof Embedded embedded
                        && embedded.textHash().equals(text));
        if (!toCome) {
            twins.lose(text);
        }
    }

    private void enter(RecordResult result, boolean refused) {
        onTheWay--;
        progressDue = true;
        if (refused) {
            enter(result.claim().key(), Reason.SUPERSEDED, "another worker has taken the record over");
        } else if (result instanceof NotEmbedded not) {
            enter(not.claim().key(), not.reason(), not.detail());
        } else {
            books.succeeded();
            remarks.add((Embedded) result);
        }
        takeIfClaimedAnew(result.claim().key());
    }

    private void enter(RecordKey key, Reason reason, String detail) {
        if (notToEmbed.remove(key)) {
            rewriteDone++;
            rewriteSkipped++;
        }
        books.notEmbedded(reason, 1);
        outcomesToTell.add(new RecordOutcome(key, reason, detail));
    }

    // ---- the store's troubles ----

    private void writeOn() {
        Command.StoreCommand next = storeQueue.next(now);
        if (next != null) {
            out.add(next);
        }
    }

    private void noted(Command.StoreCommand command) {
        if (command instanceof Command.KeepRewrites keep) {
            keepingRewrites = false;
            unkeptRewrites.keySet().removeAll(keep.rewrites().keySet());
            unread.addAll(waitingForRewrite);
            waitingForRewrite.clear();
        } else if (command instanceof Command.KeepOutcomes) {
            keepingOutcomes = false;
        } else if (command instanceof Command.NoteHeldUp) {
            notingHeldUp = false;
        }
    }

    private void storeFailed(StoreException failure) {
        if (storeQueue.failed(failure, now, isStopping()) && !storeLost) {
            return;
        }
        String cause = "the store failed: " + failure.getMessage();
        stop(Reason.ABORTED, cause);
        loseStore(cause, failure.getMessage());
    }

    /** A store that does not even fail: whoever stops the job must not wait for it for ever. */
    private void giveUpStoreThatHangs() {
        storeHangs = true;
        String cause =
                "the store has not answered within " + plan.patience().store().toSeconds() + " s";
        remarks.add(cause);
        loseStore(cause, cause);
    }

    private void loseStore(String cause, String detail) {
        storeLost = true;
        if (closing) {
            remarks.add("the end of the job could not be stored: " + cause);
        }
        storeQueue.drain().forEach(command -> giveUp(command, detail));
    }

    private long storeGivenUpAt() {
        long busySince = storeQueue.busySince();
        return busySince == Long.MAX_VALUE || stoppedAt == Long.MAX_VALUE
                ? Long.MAX_VALUE
                : Math.max(busySince, stoppedAt) + plan.patience().store().toNanos();
    }

    private void giveUp(Command.StoreCommand command, String cause) {
        if (command instanceof Command.Mark
                || command instanceof Command.MarkFailed
                || command instanceof Command.Forget) {
            pagesBeingMarked--;
            scanLost(cause);
        } else if (command instanceof Command.CloseScan) {
            scan = Scan.CLOSED;
            scanLost(cause);
        } else if (command instanceof Command.AskBudget) {
            purse.notAnswered();
        } else if (command instanceof Command.ClaimRecords) {
            claiming = false;
        } else if (command instanceof Command.Commit commit) {
            committing = false;
            committingBatches = 0;
            commit.results().forEach(result -> unstored(result, cause));
        } else if (command instanceof Command.CloseJob) {
            jobClosed(unclaimed());
        } else {
            noted(command);
        }
    }

    /** Nobody knows which of the scanned records are pending; like a scan that broke off, that counts once. */
    private void scanLost(String cause) {
        if (!scanLost) {
            scanLost = true;
            noteOutsideLedger(new RecordOutcome(
                    SCAN_ITSELF, Reason.STORE_ERROR, "the scan could not be compared with the ledger: " + cause));
        }
    }

    /** What a lost store could not take: its ledger still says pending. */
    private void unstored(RecordResult result, String cause) {
        onTheWay--;
        if (result instanceof Embedded embedded) {
            twins.lose(embedded.textHash());
        }
        boolean stays = result instanceof NotEmbedded not && not.reason().ledger() == Reason.Ledger.PENDING;
        if (stays) {
            NotEmbedded not = (NotEmbedded) result;
            enter(not.claim().key(), not.reason(), not.detail());
        } else {
            enter(result.claim().key(), Reason.STORE_ERROR, cause);
        }
    }

    // ---- stopping ----

    private void stop(Reason reason, String cause) {
        stoppedAt = Math.min(stoppedAt, now); // also if it is about to end anyway: patience with the store begins
        if (stopReason != null || closing) {
            return;
        }
        stopReason = reason;
        stopCause = cause;
        halt(embedding);
        if (rewriting != null) {
            halt(rewriting);
        }
        progressDue = true;
    }

    /** Calls have a grace because their answers are paid for; what a probe would say no longer matters. */
    private void halt(CallStage<?> stage) {
        stage.halt();
        CancelSignal probe = stage.probeInFlight();
        if (probe != null) {
            out.add(new Command.Cut(probe));
        }
    }

    /** When patience with calls in flight and with the source ends next: first they are cut, then let go. */
    private long nextGivingUp() {
        if (stoppedAt == Long.MAX_VALUE) {
            return Long.MAX_VALUE;
        }
        StopPatience patience = plan.patience();
        long graceEnds = stoppedAt + patience.grace().toNanos();
        if (!cut) {
            return graceEnds;
        }
        return letGo ? Long.MAX_VALUE : graceEnds + patience.afterCut().toNanos();
    }

    private void giveUpWhoIsLate() {
        while (nextGivingUp() <= now) {
            if (cut) {
                letGo();
            } else {
                cutCalls();
            }
        }
        if (storeGivenUpAt() <= now) {
            giveUpStoreThatHangs();
        }
    }

    /** Whoever is out now may never come back: what they hold is settled without them, and what they say later ignored. */
    private void letGo() {
        letGo = true;
        int callsOut = letGoOf(embedding) + (rewriting == null ? 0 : letGoOf(rewriting));
        if (callsOut > 0) {
            remarks.add(callsOut + " provider call" + (callsOut == 1 ? "" : "s") + " had not ended "
                    + secondsSinceStop() + " after the job was to stop, although cut; no longer waited for");
        }
        if (pagesBeingRead + reading > 0) {
            remarks.add("the record source had not answered " + secondsSinceStop()
                    + " after the job was to stop; no longer waited for");
        }
        pagesBeingRead = 0;
        reading = 0;
        beUnread(List.copyOf(beingRead.keySet()));
    }

    private String secondsSinceStop() {
        return Duration.ofNanos(now - stoppedAt).toSeconds() + " s";
    }

    private <C extends Call> int letGoOf(CallStage<C> stage) {
        Set<C> calls = stage.callsInFlight();
        boolean probing = stage.probeInFlight() != null;
        calls.forEach(call -> letGoOf(stage, call));
        if (probing) {
            probed(capabilityOf(stage), TokenUsage.NONE, TransientProviderException.cancelled());
        }
        stage.letGo(now);
        return calls.size() + (probing ? 1 : 0);
    }

    /** Nobody will ever say what it cost. */
    private <C extends Call> void letGoOf(CallStage<C> stage, C call) {
        long tokens = partsOf(call).stream().mapToLong(Bill.Part::tokens).sum();
        calledIfMade(stage, call, TokenUsage.estimated(tokens, 0), TransientProviderException.cancelled());
    }

    private void cutCalls() {
        cut = true;
        cutCallsOf(embedding);
        if (rewriting != null) {
            cutCallsOf(rewriting);
        }
    }

    private void cutCallsOf(CallStage<?> stage) {
        stage.callsInFlight().forEach(call -> out.add(new Command.Cut(call.cancelSignal())));
    }

    // ---- what follows from where everything is now ----

    private void advance() {
        stopIfAStageStopped();
        giveUpWhoIsLate();
        if (stopReason != null) {
            settleWhatWaits(stopReason, String.valueOf(stopCause));
        } else if (overBudget) {
            settleWhatWaits(Reason.OVER_BUDGET, purse.account());
        }
        scanOn();
        claimOn();
        readOn();
        callOn();
        storeOn();
        endIfDone();
        writeOn();
        tell();
    }

    private void stopIfAStageStopped() {
        if (embedding.stopCause() != null) {
            stop(Reason.ABORTED, embedding.stopCause());
        }
        if (rewriting != null && rewriting.stopCause() != null) {
            stop(Reason.ABORTED, rewriting.stopCause());
        }
    }

    private void settleWhatWaits(Reason reason, String detail) {
        unread.addAll(waitingForRewrite);
        waitingForRewrite.clear();
        unread.forEach(claim -> settleUnread(claim, reason, detail));
        unread.clear();
        embedding.drain().forEach(work -> notEmbedded(work, reason, detail));
        if (rewriting != null) {
            rewriting.drain().forEach(work -> settle(work.claim(), work.contentHash(), reason, detail));
        }
    }

    private void scanOn() {
        if (scan == Scan.READING && stopReason != null && pagesBeingRead == 0) {
            scanIncomplete = true;
            scan = Scan.CLOSING;
        }
        boolean roomForPage = pagesBeingMarked < OPEN_PAGES && outcomesToKeep.size() < MAX_CLAIM;
        if (scan == Scan.READING && pagesBeingRead == 0 && roomForPage) {
            readPage();
        }
        if (scan == Scan.CLOSING && pagesBeingRead == 0 && pagesBeingMarked == 0 && !scanBeingClosed) {
            scanBeingClosed = true;
            if (storeLost && scanIncomplete) {
                scanLost(String.valueOf(stopCause));
            }
            if (storeLost || leavesScanToOthers()) {
                scan = Scan.CLOSED;
            } else {
                storeQueue.add(new Command.CloseScan(scope()));
            }
        }
    }

    /** A worker that stops does not end the scan of those that go on: one of them begins it anew. */
    private boolean leavesScanToOthers() {
        return plan.isShared() && stopReason != null;
    }

    private void readPage() {
        if (failedSelection == null) {
            pagesBeingRead++;
            out.add(new Command.ScanPage());
        } else if (pagesBeingMarked == 0) {
            pagesBeingMarked++;
            storeQueue.add(new Command.MarkFailed(failedSelection, Math.min(MAX_CLAIM, plan.rowsPerWrite())));
        }
    }

    private boolean takesNoMore() {
        return stopReason != null || overBudget;
    }

    private void claimOn() {
        boolean enough = claiming || !unread.isEmpty() || reading >= OPEN_READS;
        if (enough || !unclaimedAreListed() || takesNoMore() || !roomToClaim()) {
            return;
        }
        claiming = true;
        long most = Math.min(MAX_CLAIM, plan.rowsPerWrite());
        long limit = Math.min(Math.min(room(), most), mayBeUnclaimed());
        Command.ClaimRecords claim = new Command.ClaimRecords((int) Math.max(1, limit));
        if (onTheWay == 0) {
            storeQueue.addNext(claim); // nothing can be sent before, pages can wait
        } else {
            storeQueue.add(claim);
        }
    }

    private boolean unclaimedAreListed() {
        return mayBeUnclaimed() != 0 && !listIsEmpty && now >= claimNotBefore && !failedAreBeingListed();
    }

    /** Records that it has listed itself and, as far as it knows, nobody has claimed. */
    private long unclaimed() {
        return listIsEmpty ? 0 : Math.max(0, listed - claimed);
    }

    /** How many records the list may have; nobody knows what other workers put there or take. */
    private long mayBeUnclaimed() {
        return plan.isShared() ? Long.MAX_VALUE : listed - claimed;
    }

    private boolean waitsForOthers() {
        return plan.isShared() && !listIsEmpty && !takesNoMore() && now < claimNotBefore;
    }

    /** Until then nothing is claimed: what failed once more would be listed once more. */
    private boolean failedAreBeingListed() {
        return failedSelection != null && scan == Scan.READING;
    }

    /** Enough for a request at least, so that claims do not come one by one; always, when nothing is on its way. */
    private boolean roomToClaim() {
        long least =
                Math.min(mayBeUnclaimed(), Math.min(MAX_CLAIM, plan.limits().maxTextsPerRequest()));
        return onTheWay == 0 || room() >= least;
    }

    private long room() {
        return Math.min(plan.maxRecords(embedding.mostInFlight()) - onTheWay, bytesLeft() / averageBytes());
    }

    private void readOn() {
        if (unread.isEmpty() || reading >= OPEN_READS || !roomToRead() || now < readNotBefore) {
            return;
        }
        long room = bytesLeft();
        List<Claim> next = new ArrayList<>(unread);
        unread.clear();
        reading++;
        reads++;
        next.forEach(claim -> beingRead.put(claim, reads));
        out.add(new Command.Read(next, room));
    }

    /** Always, when no text is on its way. */
    private boolean roomToRead() {
        return bytesLeft() > 0 || (reading == 0 && bytesOnTheWay == 0);
    }

    private long bytesLeft() {
        return plan.maxTextBytes() - bytesOnTheWay - beingRead.size() * averageBytes();
    }

    private void callOn() {
        if (rewriting != null) {
            rewriting.unkept(unkeptRewrites.size());
            rewriting.pump(
                    now,
                    call -> out.add(new Command.Rewrite(call)),
                    signal -> out.add(new Command.Probe(Capability.REWRITE, signal)));
        }
        boolean moreRewrites = rewriting != null && !rewriting.isEmpty();
        boolean moreListed = unclaimedAreListed() || pagesBeingMarked > 0 || scan == Scan.READING;
        boolean moreClaimed = claiming || reading > 0 || (!unread.isEmpty() && roomToRead());
        embedding.moreToCome(moreRewrites || moreClaimed || (moreListed && roomToClaim()));
        embedding.uncommitted(committingBatches + settledBatches);
        embedding.pump(
                now,
                batch -> out.add(new Command.Embed(batch)),
                signal -> out.add(new Command.Probe(Capability.EMBEDDING, signal)));
        BigDecimal lacking = lacking();
        if (lacking != null && purse.nothingReserved() && !purse.mayGetMore() && !takesNoMore()) {
            stopSpending();
        }
        askForBudget(overBudget ? null : lacking);
    }

    /** Most that the next call can cost, if there is not as much. */
    private @Nullable BigDecimal lacking() {
        BigDecimal embeddings = embedding.lacking();
        BigDecimal rewrites = rewriting == null ? null : rewriting.lacking();
        return embeddings == null || (rewrites != null && rewrites.compareTo(embeddings) < 0) ? rewrites : embeddings;
    }

    private void askForBudget(@Nullable BigDecimal lacking) {
        boolean atWork = !overBudget && !(embedding.isEmpty() && (rewriting == null || rewriting.isEmpty()));
        if (storeLost || stopReason != null || closing) {
            purse.askNoMore();
            return;
        }
        BudgetAsk ask = purse.ask(lacking, atWork, now);
        if (ask != null) {
            storeQueue.add(new Command.AskBudget(ask));
        }
    }

    /** Not a stop: the scan goes on, so that the report can say how much is left. */
    private void stopSpending() {
        overBudget = true;
        remarks.add(purse.account() + "; what is left stays pending");
        embedding.halt();
        if (rewriting != null) {
            rewriting.halt();
        }
        settleWhatWaits(Reason.OVER_BUDGET, purse.account());
    }

    private void storeOn() {
        if (storeLost) {
            String cause = String.valueOf(stopCause);
            settled.forEach(result -> unstored(result, cause));
            settled = new ArrayList<>();
            settledBatches = 0;
            rewritesToKeep.clear();
            outcomesToKeep.clear();
            return;
        }
        if (!keepingRewrites && !rewritesToKeep.isEmpty()) {
            keepingRewrites = true;
            storeQueue.add(new Command.KeepRewrites(rewritesToKeep, bill.takeUnstored()));
            rewritesToKeep = new LinkedHashMap<>();
        }
        if (!keepingOutcomes && !outcomesToKeep.isEmpty()) {
            keepingOutcomes = true;
            storeQueue.add(new Command.KeepOutcomes(outcomesToKeep));
            outcomesToKeep = new ArrayList<>();
        }
        if (!committing && !settled.isEmpty()) {
            commitWhatIsSettled();
        }
        if (settled.isEmpty()) {
            settledBatches = 0;
        }
        String heldUpBy = heldUpBy();
        if (!notingHeldUp && !closing && !Objects.equals(heldUpBy, notedHeldUpBy)) {
            notingHeldUp = true;
            notedHeldUpBy = heldUpBy;
            storeQueue.add(new Command.NoteHeldUp(heldUpBy));
        }
    }

    /** What is more than one write may have goes with the next one, and the credits for its requests with the last. */
    private void commitWhatIsSettled() {
        committing = true;
        int count = Math.min(settled.size(), plan.rowsPerWrite());
        storeQueue.add(new Command.Commit(new ArrayList<>(settled.subList(0, count)), bill.takeUnstored()));
        settled.subList(0, count).clear();
        committingBatches = settled.isEmpty() ? settledBatches : 0;
        settledBatches -= committingBatches;
    }

    private void endIfDone() {
        boolean nothingToClaim = takesNoMore() || listIsEmpty || mayBeUnclaimed() == 0;
        boolean nothingOnTheWay = onTheWay == 0 && !claiming && reading == 0 && callsAreOver();
        boolean nothingToStore = !keepingRewrites
                && !keepingOutcomes
                && !notingHeldUp
                && !purse.isAsking()
                && !committing
                && settled.isEmpty();
        if (closing || scan != Scan.CLOSED || !nothingToClaim || !nothingOnTheWay || !nothingToStore) {
            return;
        }
        if (storeHangs) {
            jobClosed(unclaimed());
        } else if (bill.hasUnstored() && !storeLost) {
            committing = true;
            storeQueue.add(new Command.Commit(List.of(), bill.takeUnstored()));
        } else {
            closing = true;
            storeQueue.add(new Command.CloseJob(endState(unclaimed()), whyLeft()));
        }
    }

    private boolean callsAreOver() {
        return embedding.nothingOut() && (rewriting == null || rewriting.nothingOut());
    }

    /** Why records are left over, if there are any. */
    private Reason whyLeft() {
        if (stopReason != null) {
            return stopReason;
        }
        return overBudget ? Reason.OVER_BUDGET : Reason.ABORTED;
    }

    private JobState endState(long untaken) {
        if (stopReason == Reason.CANCELLED) {
            return JobState.CANCELLED;
        }
        boolean leftForFailure = untaken > 0 && whyLeft().kind() == Reason.Kind.FAILED;
        boolean failed = books.sum(Reason.Kind.FAILED) > 0 || leftForFailure;
        return failed ? JobState.FAILED : JobState.COMPLETED;
    }

    private void jobClosed(long recordsLeft) {
        untaken = Math.max(0, recordsLeft);
        if (listed > claimed) {
            // A scan may have put them on its own job's list meanwhile; nobody says which of them.
            busy.addAll(unclaimedOfGiven);
        }
        long ofOthers = listed - claimed - untaken;
        if (plan.isShared() && ofOthers > 0) {
            remarks.add(ofOthers + (ofOthers == 1 ? " record of the job was" : " records of the job were")
                    + " left to others; this is the part that this worker took");
        }
        books.notEmbedded(whyLeft(), untaken);
        finalState = endState(0);
        over = true;
        progressDue = true;
    }

    /** The run cannot go on: whatever is not in the books yet is counted as aborted, and the job is over. */
    void abandon(String cause) {
        stop(Reason.ABORTED, cause);
        untaken = unclaimed();
        books.notEmbedded(Reason.ABORTED, totalPending() - books.total());
        finalState = endState(0);
        abandoned = true;
        over = true;
        progressDue = true;
    }

    /** What is left to be done with the store by whoever can still use it, or null if the job was closed there. */
    Command.@Nullable CloseJob unclosed() {
        boolean closed = !abandoned && !storeHangs;
        return closed ? null : new Command.CloseJob(finalState, whyLeft());
    }

    /** Whether the store was given up because it does not answer. */
    boolean storeHangs() {
        return storeHangs;
    }

    /** Whether the job stops: what has not been sent must not be sent any more. */
    boolean isStopping() {
        return stoppedAt != Long.MAX_VALUE;
    }

    /** Whether somebody outside was still busy with something for this job when it ended. */
    boolean hasLetGo() {
        return letGo;
    }

    /** Counted without the books, so that a report can tell whether they balance. */
    private long totalPending() {
        return claimed + untaken + outsideLedger;
    }

    // ---- telling ----

    private void tell() {
        moveToPhase();
        boolean often = lastTold != Long.MIN_VALUE && now - lastTold < PROGRESS_INTERVAL;
        if (outcomesToTell.isEmpty() && (!progressDue || (often && !over))) {
            return;
        }
        lastTold = now;
        progressDue = false;
        out.add(new Command.Tell(progress(), outcomesToTell, bill.takeUntold()));
        outcomesToTell = new ArrayList<>();
    }

    private void moveToPhase() {
        Phase next;
        if (over) {
            next = switch (finalState) {
                case CANCELLED -> Phase.CANCELLED;
                case FAILED -> Phase.FAILED;
                case RUNNING, COMPLETED, INTERRUPTED -> Phase.COMPLETED;
            };
        } else if (scan != Scan.CLOSED) {
            next = Phase.SCANNING;
        } else if (rewriting != null
                && (unclaimedAreToCome() || !unread.isEmpty() || reading > 0 || !rewriting.isEmpty())) {
            next = Phase.REWRITING;
        } else {
            next = Phase.EMBEDDING;
        }
        if (next.compareTo(phase) > 0) {
            phase = next;
            progressDue = true;
        }
    }

    private boolean unclaimedAreToCome() {
        return plan.isShared() ? !listIsEmpty && !takesNoMore() : listed > claimed;
    }

    /** How far the job is. */
    BuildProgress progress() {
        // What another worker took from the list is not this job's any more, which shows in the end.
        long toTake = over ? claimed + untaken : Math.max(listed, claimed);
        long total = toTake + outsideLedger;
        BuildProgress.Stage rewrites = rewriting == null
                ? BuildProgress.Stage.NONE
                : new BuildProgress.Stage(rewriteDone, toTake, rewriteSkipped);
        long embedTotal = total - rewrites.skipped();
        long done = Math.min(embedTotal, Math.max(0, books.total() - rewrites.skipped()));
        speed.note(done, now);
        BuildProgress.Stage embeds = new BuildProgress.Stage(done, embedTotal, books.sum(Reason.Kind.SKIPPED));
        return new BuildProgress(
                plan.jobId(),
                phase,
                rewrites,
                embeds,
                plan.startedAt(),
                wallClock(),
                eta(done, embedTotal),
                over ? null : speed.perSecond(done, now),
                bill.totals().requests(),
                bill.totals().usage().totalTokens(),
                bill.costUsd(),
                over || storeQueue.trouble() == null ? heldUpBy() : storeQueue.trouble(),
                embedding.splits(),
                waited());
    }

    private Map<Wait, Duration> waited() {
        Map<Wait, Duration> waited = new EnumMap<>(Wait.class);
        addWaits(waited, embedding);
        if (rewriting != null) {
            addWaits(waited, rewriting);
        }
        return waited;
    }

    private void addWaits(Map<Wait, Duration> waited, CallStage<?> stage) {
        waited.merge(Wait.QUOTA, stage.gate.waitedForQuota(now), Duration::plus);
        waited.merge(Wait.OUTAGE, stage.gate.waitedInOutages(now), Duration::plus);
        waited.merge(Wait.RETRY, stage.waitedForRetries(), Duration::plus);
    }

    private @Nullable String heldUpBy() {
        if (over || stoppedAt != Long.MAX_VALUE) {
            return null;
        }
        String rewrites = rewriting == null ? null : rewriting.heldUpBy();
        return rewrites == null ? embedding.heldUpBy() : rewrites;
    }

    private @Nullable Duration eta(long done, long total) {
        if (over) {
            return Duration.ZERO;
        }
        // Who has joined a job does not know how much of it is left.
        if (done == 0 || scan != Scan.CLOSED || plan.role() == JobTicket.Role.JOINED) {
            return null;
        }
        Double recent = speed.perSecond(done, now);
        if (recent != null && recent > 0) {
            return Duration.ofNanos((long) ((total - done) / recent * TimeUnit.SECONDS.toNanos(1)));
        }
        double nanosPerRecord = (double) (now - startedAt) / done;
        return Duration.ofNanos((long) (nanosPerRecord * (total - done)));
    }

    /** How the job ended; meaningful when it is over. */
    Ending ending() {
        return new Ending(
                finalState,
                totalPending(),
                books,
                Duration.ofNanos(now - startedAt),
                bill.totals(),
                bill.costUsd(),
                remarks.all(),
                stopCause == null && overBudget ? purse.account() : stopCause,
                missing,
                busy);
    }

    /** What a report is made of. */
    record Ending(
            JobState state,
            long totalPending,
            Books books,
            Duration duration,
            CallTotals calls,
            @Nullable BigDecimal costUsd,
            List<String> notes,
            @Nullable String stopCause,
            Set<RecordKey> missing,
            Set<RecordKey> busy) {}

    // ---- for tests of the bounds ----

    int recordsOnTheWay() {
        return onTheWay;
    }

    long bytesOnTheWay() {
        return bytesOnTheWay;
    }
}
