package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.Embedding;
import dev.evervec.provider.ModelIdentity;
import dev.evervec.provider.TokenUsage;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A store in memory, for tests of what uses a store; the simplest thing that keeps the store's contract. Its jobs have one
 * worker; those of a {@link #shared} one have any number, and each worker is whoever holds a ticket.
 */
public final class MemoryStore implements EmbeddingStore {
    /** What a worker has until it claims for the first time. */
    private static final Duration FIRST_LEASE = Duration.ofSeconds(60);

    private static final String ANOTHER = "another";

    private static final class Row {
        /** Grows in the order in which rows enter. */
        final long number;

        RecordState state = RecordState.PENDING;

        @Nullable
        Reason reason;

        @Nullable
        String detail;

        @Nullable
        Sha256 contentHash;

        Locator locator = Locator.NONE;
        int attempts;

        @Nullable
        Instant retryDue;

        long onListOf;

        @Nullable
        String claimedBy;

        long countedBy;
        boolean superseded;
        long freshSince;
        long met;
        long version;
        Instant changedAt;

        Row(long number, Instant changedAt) {
            this.number = number;
            this.changedAt = changedAt;
        }

        boolean isClaimed() {
            return claimedBy != null;
        }
    }

    private record Vector(
            Sha256 contentHash,
            Sha256 textHash,
            Embedding embedding,
            long job,
            long boughtBy,
            String jobId,
            Instant storedAt,
            RecordCost cost) {}

    private record LastScan(long blank, Instant asOf) {}

    private static final class Ledger {
        final Fingerprint fingerprint;
        final Instant createdAt;
        final Map<RecordKey, Row> rows = new LinkedHashMap<>();
        final Map<RecordKey, Vector> vectors = new HashMap<>();
        final Map<String, LastScan> scans = new HashMap<>();
        long nextRow = 1;

        Ledger(Fingerprint fingerprint, Instant createdAt) {
            this.fingerprint = fingerprint;
            this.createdAt = createdAt;
        }
    }

    /** What became of a record; its reason is null if it got a vector, which is not its last one. */
    private record Outcome(
            String jobId, RecordKey key, @Nullable Reason reason, String detail, Instant at, RecordCost cost) {}

    /** A job as it is remembered. */
    private static final class Job {
        JobTicket ticket;
        JobState state = JobState.RUNNING;
        Instant startedAt;

        @Nullable
        Instant endedAt;

        final List<Worker> workers = new ArrayList<>();
        final Map<RecordKey, Boolean> met = new HashMap<>();

        @Nullable
        String scanner;

        boolean scanning = true;
        boolean rescanned;
        long keepsFrom;
        long embedded;
        final Map<Reason, Long> notEmbedded = new HashMap<>();
        final List<ProviderCall> calls = new ArrayList<>();

        boolean cancelRequested;

        Job(JobTicket ticket, Instant startedAt) {
            this.ticket = ticket;
            this.startedAt = startedAt;
        }

        /** What it cost as far as prices are known. */
        BigDecimal knownUsd() {
            BigDecimal sum = calls.stream()
                    .map(ProviderCall::costUsd)
                    .filter(Objects::nonNull)
                    .reduce(BigDecimal.ZERO, BigDecimal::add);
            return sum.signum() == 0 ? BigDecimal.ZERO : sum.stripTrailingZeros();
        }

        void count(Reason reason) {
            notEmbedded.merge(reason, 1L, Long::sum);
        }
    }

    /** A worker of a job. */
    private static final class Worker {
        final String owner;
        Instant leaseEnd;
        boolean ended;

        /** Whether it ended by itself. */
        boolean left;

        /** The number of the last row that it claimed. */
        long passed;

        /** Whether its claims went back to the list while it could not be seen to live. */
        boolean lost;

        @Nullable
        String heldUpBy;

        BigDecimal cost = BigDecimal.ZERO;
        BigDecimal toldSpent = BigDecimal.ZERO;
        BigDecimal held = BigDecimal.ZERO;

        Worker(String owner, Instant leaseEnd) {
            this.owner = owner;
            this.leaseEnd = leaseEnd;
        }
    }

    private record Billed(ProviderCall call, String jobId, long job) {}

    private final Clock clock;
    private final Map<String, Ledger> ledgers = new LinkedHashMap<>();
    private final Map<String, KeptRewrite> rewrites = new HashMap<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final Map<String, Job> jobs = new LinkedHashMap<>();
    private final List<Billed> bill = new ArrayList<>();
    private final Map<JobStart.Kind, Job> running = new EnumMap<>(JobStart.Kind.class);
    private final boolean shared;
    private long jobNumber;
    private long owners;
    private long writes;
    private boolean closed;

    public MemoryStore(Clock clock) {
        this(clock, false);
    }

    private MemoryStore(Clock clock, boolean shared) {
        this.clock = clock;
        this.shared = shared;
    }

    /** A store whose builds any number of workers may join; the clock judges their leases. */
    public static MemoryStore shared(Clock clock) {
        return new MemoryStore(clock, true);
    }

    /** How often a row was changed. */
    public synchronized long writes() {
        return writes;
    }

    /** What killed processes leave: their claims go, their jobs are no longer running. */
    public synchronized void killRunningJob() {
        running.values().forEach(this::interrupt);
        running.clear();
    }

    /** What a worker leaves that is dead, or cannot reach the store any more: a lease that is over. */
    public synchronized void loseLease(JobTicket job) {
        worker(job).leaseEnd = clock.instant();
    }

    private void interrupt(Job job) {
        job.state = deserted(job);
        release(job.ticket.number());
        job.workers.forEach(worker -> worker.ended = true);
    }

    /** How a job stands none of whose workers lives: interrupted, unless one of them has left it because nothing was left to do. */
    private JobState deserted(Job job) {
        boolean nothingLeft = !job.scanning
                && job.workers.stream().anyMatch(worker -> worker.left)
                && ledger(job.ticket.start().fingerprint()).rows.values().stream()
                        .noneMatch(row -> row.onListOf == job.ticket.number());
        return nothingLeft ? endState(job, JobState.COMPLETED) : JobState.INTERRUPTED;
    }

    /** What another worker's claim does to a record that is on the list of the running build: from now on only its result counts. */
    public synchronized @Nullable Claim takeOver(RecordKey key) {
        JobTicket build = runningJob();
        if (build == null) {
            return null;
        }
        Row row = ledger(build.start().fingerprint()).rows.get(key);
        if (row == null || row.onListOf != build.number()) {
            return null;
        }
        row.onListOf = 0;
        row.claimedBy = ANOTHER;
        row.version++;
        return new Claim(key, row.locator, row.version, row.attempts, row.freshSince);
    }

    /** The build that is running, as its first worker knows it, or null. */
    public synchronized @Nullable JobTicket runningJob() {
        Job build = running.get(JobStart.Kind.BUILD);
        return build == null ? null : build.ticket;
    }

    // ---- workers ----

    private Job job(JobTicket ticket) {
        return Objects.requireNonNull(jobs.get(ticket.start().jobId()), "no such job");
    }

    private Worker worker(JobTicket ticket) {
        return job(ticket).workers.stream()
                .filter(worker -> worker.owner.equals(ticket.owner()))
                .findFirst()
                .orElseThrow();
    }

    private boolean isAlive(Worker worker) {
        return !worker.ended && (!shared || clock.instant().isBefore(worker.leaseEnd));
    }

    private boolean anyAlive(Job job) {
        return job.workers.stream().anyMatch(this::isAlive);
    }

    private boolean othersWork(JobTicket ticket) {
        return job(ticket).workers.stream().anyMatch(worker -> isAlive(worker) && !worker.owner.equals(ticket.owner()));
    }

    private boolean isWorking(JobTicket ticket) {
        return !shared || job(ticket).state == JobState.RUNNING && !worker(ticket).ended;
    }

    private void requireWorking(JobTicket ticket) {
        if (!isWorking(ticket)) {
            throw new StoreException(
                    StoreException.Kind.PERMANENT,
                    "the job " + ticket.start().jobId() + " was taken over while its worker was away",
                    null);
        }
    }

    /** Puts what dead workers have claimed back on the lists of their jobs. */
    private void takeBackFromTheDead() {
        for (Job job : running.values()) {
            for (Worker worker : job.workers) {
                if (!worker.ended && !isAlive(worker)) {
                    worker.lost = true;
                    putBack(worker);
                }
            }
        }
    }

    private void putBack(Worker worker) {
        for (Ledger ledger : ledgers.values()) {
            ledger.rows.values().stream()
                    .filter(row -> worker.owner.equals(row.claimedBy))
                    .forEach(MemoryStore::putBack);
        }
    }

    private static void putBack(Row row) {
        row.claimedBy = null;
        row.superseded = false;
        row.version++;
    }

    private long release(long job) {
        long released = 0;
        for (Ledger ledger : ledgers.values()) {
            for (Row row : ledger.rows.values()) {
                if (row.onListOf == job) {
                    release(row);
                    released++;
                }
            }
        }
        return released;
    }

    private void releaseTheDead() {
        Set<Long> alive =
                running.values().stream().map(job -> job.ticket.number()).collect(Collectors.toSet());
        for (Ledger ledger : ledgers.values()) {
            ledger.rows.values().stream()
                    .filter(row -> !alive.contains(row.onListOf))
                    .forEach(MemoryStore::release);
        }
    }

    private static void release(Row row) {
        row.onListOf = 0;
        row.claimedBy = null;
        row.superseded = false;
    }

    @Override
    public synchronized Remaining remaining(JobTicket job) {
        if (job.role() == JobTicket.Role.ALONE) {
            return Remaining.NOTHING;
        }
        requireWorking(job);
        takeBackFromTheDead();
        Job build = job(job);
        if (build.scanning && !isScanner(job)) {
            return takesOverTheScan(build, job) ? Remaining.SCAN : Remaining.LATER;
        }
        boolean anyOfOthers = ledger(job.start().fingerprint()).rows.values().stream()
                .anyMatch(row -> row.onListOf == job.number() && !job.owner().equals(row.claimedBy));
        return anyOfOthers ? Remaining.LATER : Remaining.NOTHING;
    }

    private boolean takesOverTheScan(Job build, JobTicket job) {
        boolean scannerLives =
                build.workers.stream().anyMatch(worker -> isAlive(worker) && worker.owner.equals(build.scanner));
        if (scannerLives) {
            return false;
        }
        build.scanner = job.owner();
        build.rescanned = true;
        build.met.clear();
        return true;
    }

    private Ledger known(Fingerprint fingerprint) {
        if (closed) {
            throw new IllegalStateException("the store is closed");
        }
        Ledger ledger = ledgers.get(fingerprint.generation());
        return ledger == null ? new Ledger(fingerprint, clock.instant()) : ledger;
    }

    private Ledger ledger(Fingerprint fingerprint) {
        return ledgers.computeIfAbsent(fingerprint.generation(), name -> new Ledger(fingerprint, clock.instant()));
    }

    @Override
    public synchronized JobTicket beginJob(JobStart start) {
        Job current = running.get(start.kind());
        if (current != null && !anyAlive(current)) {
            interrupt(current);
            running.remove(start.kind());
        } else if (current != null && joins(start, current)) {
            return join(start, current);
        }
        requireNoneRuns(start.kind());
        jobs.values().stream()
                .filter(job -> job.ticket.start().kind() == start.kind() && job.endedAt == null)
                .forEach(job -> job.endedAt = clock.instant());
        Job before = jobs.get(start.jobId());
        if (before != null && start.kind() == JobStart.Kind.BUILD) {
            throw new JobRefusedException(
                    JobRefusedException.Kind.ID_USED, "job id " + start.jobId() + " was used before");
        }
        requireResumable(start);
        boolean joinable = shared && start.kind() == JobStart.Kind.BUILD;
        JobTicket ticket = new JobTicket(
                before == null ? ++jobNumber : before.ticket.number(),
                newOwner(),
                start,
                resumed(start),
                joinable ? JobTicket.Role.FIRST : JobTicket.Role.ALONE);
        if (before == null) {
            long keepsFrom = keepsFrom(start);
            jobs.put(start.jobId(), new Job(ticket, clock.instant()));
            job(ticket).keepsFrom = keepsFrom;
        } else {
            before.ticket = ticket;
            before.state = JobState.RUNNING;
            before.startedAt = clock.instant();
            before.endedAt = null;
        }
        releaseTheDead();
        Job job = job(ticket);
        job.scanner = ticket.owner();
        job.workers.add(newWorker(ticket));
        running.put(start.kind(), job);
        ledger(start.fingerprint());
        return ticket;
    }

    private String newOwner() {
        return "memory-" + ++owners;
    }

    private Worker newWorker(JobTicket ticket) {
        return new Worker(ticket.owner(), clock.instant().plus(FIRST_LEASE));
    }

    private boolean joins(JobStart start, Job job) {
        JobStart other = job.ticket.start();
        boolean meant = start.whileRunning() == JobStart.WhileRunning.JOIN_EQUAL
                || start.whileRunning() == JobStart.WhileRunning.JOIN_NAMED
                        && start.jobId().equals(other.jobId());
        return shared
                && meant
                && start.scope().equalTo(other.scope())
                && start.fingerprint().equals(other.fingerprint())
                && start.maxAttempts() == other.maxAttempts()
                && start.reconsidered().equals(other.reconsidered())
                && keepsFrom(start) == job.keepsFrom;
    }

    private JobTicket join(JobStart start, Job job) {
        JobTicket ticket = new JobTicket(
                job.ticket.number(),
                newOwner(),
                start.joining(job.ticket.start().jobId()),
                job.ticket.resumed(),
                JobTicket.Role.JOINED);
        job.workers.add(newWorker(ticket));
        return ticket;
    }

    private void requireResumable(JobStart start) {
        if (start.resumes() != null) {
            boolean open = interrupted(start.fingerprint(), JobScope::takesOver).stream()
                    .anyMatch(job -> job.ticket.start().jobId().equals(start.resumes()));
            if (!open) {
                throw new JobRefusedException(
                        JobRefusedException.Kind.NOT_RESUMABLE, "job " + start.resumes() + " cannot be resumed");
            }
        }
    }

    /** Interrupted builds that no later one has ended, newest first. */
    private List<Job> interrupted(Fingerprint fingerprint, BiPredicate<JobScope, JobScope> ends) {
        List<Job> open = new ArrayList<>();
        for (Job job : jobs.values()) {
            JobStart start = job.ticket.start();
            if (start.kind() == JobStart.Kind.BUILD && start.fingerprint().equals(fingerprint)) {
                open.removeIf(
                        before -> ends.test(start.scope(), before.ticket.start().scope()));
                open.add(0, job);
            }
        }
        open.removeIf(job -> job.state != JobState.INTERRUPTED);
        return open;
    }

    /** The first job whose vectors a rebuild leaves alone, because it carries on that job; 0 if there is none. */
    private long keepsFrom(JobStart start) {
        Job before = start.resumes() == null ? null : jobs.get(start.resumes());
        if (before == null || before.ticket.start().scope().task() != JobScope.Task.REBUILD) {
            return 0;
        }
        return before.keepsFrom > 0 ? before.keepsFrom : before.ticket.number();
    }

    private JobTicket.@Nullable Resumed resumed(JobStart start) {
        if (start.kind() == JobStart.Kind.LIVE) {
            return null;
        }
        Job last = start.resumes() != null
                ? jobs.get(start.resumes())
                : interrupted(start.fingerprint(), JobScope::reaches).stream()
                        .filter(job -> start.scope().reaches(job.ticket.start().scope()))
                        .findFirst()
                        .orElse(null);
        if (last == null) {
            return null;
        }
        JobTicket.Resumed carried = last.ticket.resumed();
        BigDecimal spent = last.knownUsd()
                .add(carried == null ? BigDecimal.ZERO : carried.spentUsd())
                .stripTrailingZeros();
        return new JobTicket.Resumed(last.ticket.start().jobId(), spent);
    }

    private void requireNoneRuns(JobStart.Kind kind) {
        Job other = running.get(kind);
        if (other != null && anyAlive(other)) {
            throw new JobRefusedException(
                    JobRefusedException.Kind.RUNNING,
                    "job " + other.ticket.start().jobId() + " is running");
        }
    }

    private enum Verdict {
        TAKE,
        LEAVE,
        LISTED,
        EXHAUSTED,
        BUSY,
        REMOVE
    }

    /** A scan that was begun anew leaves alone what its job has come to already. */
    private Verdict judgeAgain(Ledger ledger, ScannedRecord scanned, JobTicket job, MarkMode mode) {
        Row row = ledger.rows.get(scanned.key());
        boolean onList = row != null && row.onListOf == job.number();
        if (row != null && row.countedBy == job.number() || onList && row.isClaimed()) {
            return Verdict.LEAVE;
        }
        Verdict verdict = judge(ledger, scanned, job.start(), mode);
        return verdict == Verdict.TAKE && onList ? Verdict.LISTED : verdict;
    }

    private Verdict judge(Ledger ledger, ScannedRecord scanned, JobStart start, MarkMode mode) {
        Row row = ledger.rows.get(scanned.key());
        boolean blank = scanned.content() == ScannedRecord.Content.BLANK;
        if (row == null) {
            return blank ? Verdict.LEAVE : Verdict.TAKE;
        }
        if (row.isClaimed()) {
            return Verdict.BUSY;
        }
        if (blank) {
            return Verdict.REMOVE;
        }
        boolean same = scanned.contentHash().equals(row.contentHash);
        long keepsFrom = keepsFrom(start);
        if (keepsFrom > 0
                && same
                && row.state == RecordState.EMBEDDED
                && ledger.vectors.get(scanned.key()).boughtBy() >= keepsFrom
                && mode == MarkMode.REBUILD) {
            return Verdict.LEAVE;
        }
        if (row.state == RecordState.PENDING || !same || mode == MarkMode.REBUILD) {
            return Verdict.TAKE;
        }
        if (row.reason != null && row.reason.ledger() == Reason.Ledger.ATTEMPTED) {
            return row.attempts < start.maxAttempts() ? Verdict.TAKE : Verdict.EXHAUSTED;
        }
        boolean back = row.reason == Reason.VANISHED
                || row.reason != null && start.reconsidered().contains(row.reason);
        return back ? Verdict.TAKE : Verdict.LEAVE;
    }

    @Override
    public synchronized Map<RecordKey, Long> wouldTake(JobStart start, List<ScannedRecord> page, MarkMode mode) {
        Set<RecordKey> met = new HashSet<>();
        Map<RecordKey, Long> taken = new HashMap<>();
        Ledger ledger = known(start.fingerprint());
        for (ScannedRecord scanned : page) {
            Row row = ledger.rows.get(scanned.key());
            if (met.add(scanned.key()) && judge(ledger, scanned, start, mode) == Verdict.TAKE) {
                long before = row == null ? 0 : row.freshSince;
                taken.put(scanned.key(), mode == MarkMode.REBUILD ? freshSince(start, Long.MAX_VALUE) : before);
            }
        }
        return taken;
    }

    @Override
    public synchronized MarkedPage mark(JobTicket job, List<ScannedRecord> page, MarkMode mode) {
        requireWorking(job);
        if (!isScanner(job)) {
            return new MarkedPage(0, List.of(), List.of(), List.of());
        }
        takeBackFromTheDead();
        Ledger ledger = ledger(job.start().fingerprint());
        boolean live = job.start().kind() == JobStart.Kind.LIVE;
        JobTicket build = runningJob();
        long scanning = live && build != null && job(build).scanning ? build.number() : 0;
        Map<RecordKey, Boolean> metBefore = live ? new HashMap<>() : job(job).met;
        int taken = 0;
        List<RecordKey> duplicates = new ArrayList<>();
        List<RecordKey> exhausted = new ArrayList<>();
        List<RecordKey> busy = new ArrayList<>();
        for (ScannedRecord scanned : page) {
            RecordKey key = scanned.key();
            if (metBefore.putIfAbsent(key, scanned.content() == ScannedRecord.Content.PRESENT) != null) {
                duplicates.add(key);
                continue;
            }
            Verdict verdict = job(job).rescanned
                    ? judgeAgain(ledger, scanned, job, mode)
                    : judge(ledger, scanned, job.start(), mode);
            if (verdict == Verdict.TAKE || verdict == Verdict.LISTED) {
                take(
                        ledger.rows.computeIfAbsent(key, any -> new Row(ledger.nextRow++, clock.instant())),
                        scanned,
                        job,
                        mode);
                taken += verdict == Verdict.TAKE ? 1 : 0;
            } else if (verdict == Verdict.EXHAUSTED) {
                exhausted.add(key);
            } else if (verdict == Verdict.BUSY) {
                busy.add(key);
                supersede(ledger.rows.get(key), scanned);
            } else if (verdict == Verdict.REMOVE) {
                ledger.rows.remove(key);
                ledger.vectors.remove(key);
            }
            Row row = ledger.rows.get(key);
            if (row != null && scanning > 0) {
                row.met = scanning;
            }
        }
        return new MarkedPage(taken, duplicates, exhausted, busy);
    }

    /** One who was taken for dead may have lost its scan to another. */
    private boolean isScanner(JobTicket job) {
        return job.owner().equals(job(job).scanner);
    }

    private void take(Row row, ScannedRecord scanned, JobTicket job, MarkMode mode) {
        if (!scanned.contentHash().equals(row.contentHash)) {
            row.attempts = 0;
        }
        row.contentHash = scanned.contentHash();
        row.locator = scanned.locator();
        row.freshSince = mode == MarkMode.REBUILD ? freshSince(job.start(), job.number()) : row.freshSince;
        putOnList(row, job);
    }

    private long freshSince(JobStart start, long number) {
        return keepsFrom(start) > 0 ? keepsFrom(start) : number;
    }

    private void putOnList(Row row, JobTicket job) {
        if (row.state != RecordState.PENDING) {
            row.changedAt = clock.instant();
        }
        row.state = RecordState.PENDING;
        row.reason = null;
        row.detail = null;
        row.retryDue = null;
        row.onListOf = job.number();
        writes++;
    }

    private void supersede(Row row, ScannedRecord scanned) {
        if (scanned.content() == ScannedRecord.Content.PRESENT
                && !scanned.contentHash().equals(row.contentHash)) {
            row.contentHash = scanned.contentHash();
            row.locator = scanned.locator();
            row.attempts = 0;
            row.superseded = true;
            writes++;
        }
    }

    @Override
    public synchronized int markFailed(JobTicket job, FailedSelection selection, int limit) {
        requireWorking(job);
        int marked = 0;
        for (Map.Entry<RecordKey, Row> entry :
                ledger(job.start().fingerprint()).rows.entrySet()) {
            Row row = entry.getValue();
            if (marked < limit && isSelected(entry.getKey(), row, selection)) {
                putOnList(row, job);
                marked++;
            }
        }
        return marked;
    }

    @Override
    public synchronized boolean anyFailed(Fingerprint fingerprint, FailedSelection selection) {
        return known(fingerprint).rows.entrySet().stream()
                .anyMatch(entry -> isSelected(entry.getKey(), entry.getValue(), selection));
    }

    private static boolean isSelected(RecordKey key, Row row, FailedSelection selection) {
        return row.reason != null
                && row.reason.ledger() == Reason.Ledger.ATTEMPTED
                && row.attempts < selection.maxAttempts()
                && (selection.source() == null || selection.source().equals(key.source()))
                && (selection.dueBy() == null || row.retryDue == null || !row.retryDue.isAfter(selection.dueBy()));
    }

    @Override
    public synchronized Set<RecordKey> forget(JobTicket job, Set<RecordKey> gone) {
        requireWorking(job);
        takeBackFromTheDead();
        Ledger ledger = ledger(job.start().fingerprint());
        Set<RecordKey> claimed = new HashSet<>();
        for (RecordKey key : gone) {
            Row row = ledger.rows.get(key);
            if (row != null && row.isClaimed()) {
                claimed.add(key);
            } else if (row != null) {
                ledger.rows.remove(key);
                ledger.vectors.remove(key);
                writes++;
            }
        }
        return claimed;
    }

    @Override
    public synchronized ScanSummary endScan(JobTicket job, ScanScope scope, double maxVanishedShare) {
        requireWorking(job);
        Map<String, Long> removed = new HashMap<>();
        Map<String, Long> kept = new HashMap<>();
        if (!isScanner(job)) {
            return new ScanSummary(removed, kept);
        }
        job(job).scanning = false;
        Map<RecordKey, Boolean> seen = job(job).met;
        if (scope instanceof ScanScope.Complete complete) {
            Ledger ledger = ledger(job.start().fingerprint());
            ledger.rows.forEach((key, row) -> {
                if (row.met == job.number()) {
                    seen.putIfAbsent(key, true);
                }
            });
            Set<String> sources = new HashSet<>(ledger.scans.keySet());
            ledger.rows.keySet().forEach(key -> sources.add(key.source()));
            seen.keySet().forEach(key -> sources.add(key.source()));
            if (complete.source() != null) {
                sources.retainAll(Set.of(complete.source()));
            }
            for (String source : sources) {
                List<RecordKey> known = ledger.rows.keySet().stream()
                        .filter(key -> key.source().equals(source))
                        .toList();
                List<RecordKey> vanished =
                        known.stream().filter(key -> !seen.containsKey(key)).toList();
                if (!vanished.isEmpty() && vanished.size() > maxVanishedShare * known.size()) {
                    kept.put(source, (long) vanished.size());
                } else if (!vanished.isEmpty()) {
                    vanished.forEach(key -> {
                        ledger.rows.remove(key);
                        ledger.vectors.remove(key);
                    });
                    removed.put(source, (long) vanished.size());
                }
                long blank = seen.entrySet().stream()
                        .filter(entry -> entry.getKey().source().equals(source)
                                && !entry.getValue()
                                && !ledger.rows.containsKey(entry.getKey()))
                        .count();
                boolean any = Stream.concat(seen.keySet().stream(), ledger.rows.keySet().stream())
                        .anyMatch(key -> key.source().equals(source));
                if (any) {
                    ledger.scans.put(source, new LastScan(blank, clock.instant()));
                } else {
                    ledger.scans.remove(source);
                }
            }
        }
        return new ScanSummary(removed, kept);
    }

    @Override
    public synchronized List<Claim> claim(JobTicket job, int limit, Duration lease) {
        requireWorking(job);
        renewLeases(job, lease);
        long passed = worker(job).passed;
        List<Claim> claims = new ArrayList<>();
        claim(job, limit, passed, claims);
        claim(job, limit, 0, claims);
        return claims;
    }

    private void claim(JobTicket job, int limit, long after, List<Claim> claims) {
        ledger(job.start().fingerprint()).rows.forEach((key, row) -> {
            if (claims.size() < limit && row.number > after && row.onListOf == job.number() && !row.isClaimed()) {
                row.claimedBy = job.owner();
                row.version++;
                writes++;
                row.superseded = false;
                worker(job).passed = row.number;
                claims.add(new Claim(key, row.locator, row.version, row.attempts, row.freshSince));
            }
        });
    }

    @Override
    public synchronized void renewLeases(JobTicket job, Duration lease) {
        worker(job).leaseEnd = clock.instant().plus(lease);
    }

    @Override
    public synchronized Set<RecordKey> commit(JobTicket job, List<RecordResult> results, List<ProviderCall> calls) {
        Ledger ledger = ledger(job.start().fingerprint());
        int dimension = ledger.fingerprint.embedding().dimension();
        for (RecordResult result : results) {
            if (result instanceof RecordResult.Embedded embedded
                    && embedded.embedding().dimension() != dimension) {
                throw new IllegalArgumentException("a vector of another dimension than " + dimension);
            }
        }
        Set<RecordKey> refused = new HashSet<>();
        for (RecordResult result : results) {
            RecordKey key = result.claim().key();
            Row row = ledger.rows.get(key);
            if (row == null || !isClaimedBy(job, row, result.claim())) {
                refused.add(key);
                // What went back to its job's list counts when it is taken from there.
                if (!worker(job).lost) {
                    note(
                            job,
                            key,
                            Reason.SUPERSEDED,
                            "its claim was taken over or released before its result came",
                            cost(result));
                }
                continue;
            }
            if (isHandedBack(result) && othersWork(job)) {
                putBack(row);
                continue;
            }
            row.countedBy = job.number();
            boolean before = row.superseded && !Objects.equals(contentHash(result), row.contentHash);
            release(row);
            writes++;
            if (result instanceof RecordResult.Embedded embedded) {
                keepVector(ledger, job, embedded);
                if (before) {
                    refused.add(key);
                    note(job, key, Reason.SUPERSEDED, "its content changed before its result came", RecordCost.NONE);
                } else {
                    job(job).embedded++;
                    row.state = RecordState.EMBEDDED;
                    row.changedAt = clock.instant();
                    row.contentHash = embedded.contentHash();
                    row.detail = embedded.detail();
                    row.attempts = 0;
                    row.freshSince = 0;
                }
            } else if (result instanceof RecordResult.NotEmbedded not) {
                boolean released = not.reason().ledger() == Reason.Ledger.PENDING;
                if (before && !released) {
                    refused.add(key);
                    note(job, key, Reason.SUPERSEDED, "its content changed before its result came", not.cost());
                } else {
                    note(job, key, not.reason(), not.detail(), not.cost());
                    if (!released) {
                        settle(ledger, key, row, not);
                    }
                }
            }
        }
        keep(job, calls);
        return refused;
    }

    /** Whether a worker has only stopped before a record, which another one may still come to. */
    private static boolean isHandedBack(RecordResult result) {
        return result instanceof RecordResult.NotEmbedded not
                && not.reason().ledger() == Reason.Ledger.PENDING
                && not.reason() != Reason.SUPERSEDED;
    }

    /** What {@link #takeOver} claimed is on no list. */
    private static boolean isClaimedBy(JobTicket job, Row row, Claim claim) {
        return row.isClaimed() && row.version == claim.version() && (row.onListOf == job.number() || row.onListOf == 0);
    }

    private static RecordCost cost(RecordResult result) {
        return result instanceof RecordResult.Embedded embedded
                ? embedded.cost()
                : ((RecordResult.NotEmbedded) result).cost();
    }

    private static @Nullable Sha256 contentHash(RecordResult result) {
        return result instanceof RecordResult.Embedded embedded
                ? embedded.contentHash()
                : ((RecordResult.NotEmbedded) result).contentHash();
    }

    private void note(JobTicket job, RecordKey key, Reason reason, String detail, RecordCost cost) {
        outcomes.add(new Outcome(job.start().jobId(), key, reason, detail, clock.instant(), cost));
        job(job).count(reason);
    }

    private void keepVector(Ledger ledger, JobTicket job, RecordResult.Embedded result) {
        RecordKey key = result.claim().key();
        noteVector(key, ledger.vectors.get(key));
        ledger.vectors.put(
                key,
                new Vector(
                        result.contentHash(),
                        result.textHash(),
                        result.embedding(),
                        job.number(),
                        result.boughtBy() == 0 ? job.number() : result.boughtBy(),
                        job.start().jobId(),
                        clock.instant(),
                        result.cost()));
    }

    private void noteVector(RecordKey key, @Nullable Vector vector) {
        if (vector != null) {
            outcomes.add(new Outcome(vector.jobId(), key, null, "", vector.storedAt(), vector.cost()));
        }
    }

    private void keep(JobTicket job, List<ProviderCall> calls) {
        job(job).calls.addAll(calls);
        Worker worker = worker(job);
        calls.stream()
                .map(ProviderCall::costUsd)
                .filter(Objects::nonNull)
                .forEach(cost -> worker.cost = worker.cost.add(cost));
        calls.forEach(call -> bill.add(new Billed(call, job.start().jobId(), job.number())));
    }

    @Override
    public synchronized void keepCalls(List<ProviderCall> calls) {
        calls.forEach(call -> bill.add(new Billed(call, "", 0)));
    }

    @Override
    public synchronized @Nullable Duration latestLatency(ModelIdentity model) {
        List<ProviderCall> calls = bill.stream()
                .map(Billed::call)
                .filter(call -> call.failure() == null
                        && call.provider().equals(model.provider())
                        && call.model().equals(model.model()))
                .toList();
        List<ProviderCall> latest = calls.subList(Math.max(0, calls.size() - 100), calls.size());
        return latest.isEmpty()
                ? null
                : latest.stream()
                        .map(ProviderCall::took)
                        .reduce(Duration.ZERO, Duration::plus)
                        .dividedBy(latest.size());
    }

    @Override
    public synchronized boolean cancelRequested(JobTicket job) {
        return isWorking(job) && job(job).state == JobState.RUNNING && job(job).cancelRequested;
    }

    @Override
    public synchronized boolean requestCancel(String jobId) {
        Job job = jobs.get(jobId);
        if (job == null
                || job.state != JobState.RUNNING
                || !anyAlive(job)
                || job.ticket.start().kind() != JobStart.Kind.BUILD) {
            return false;
        }
        job.cancelRequested = true;
        return true;
    }

    @Override
    public synchronized void noteHeldUp(JobTicket job, @Nullable String cause) {
        worker(job).heldUpBy = cause;
    }

    @Override
    public synchronized CostReport costs(CostQuery query) {
        return Bills.add(
                query,
                bill.stream()
                        .map(billed -> new Bills.Row(billed.call, billed.jobId, billed.job))
                        .toList());
    }

    private void settle(Ledger ledger, RecordKey key, Row row, RecordResult.NotEmbedded result) {
        row.changedAt = clock.instant();
        row.state = result.reason().kind() == Reason.Kind.SKIPPED ? RecordState.SKIPPED : RecordState.FAILED;
        row.reason = result.reason();
        row.detail = result.detail();
        if (result.contentHash() != null) {
            row.attempts = result.contentHash().equals(row.contentHash) ? row.attempts : 0;
            row.contentHash = result.contentHash();
        }
        if (result.reason().ledger() == Reason.Ledger.ATTEMPTED) {
            row.attempts++;
            row.retryDue = result.retryDue();
        }
        if (result.reason() == Reason.EMPTY_CONTENT) {
            noteVector(key, ledger.vectors.remove(key));
        }
    }

    @Override
    public synchronized void keepRewrites(
            JobTicket job, String rewriteFingerprint, Map<Sha256, String> kept, List<ProviderCall> calls) {
        kept.forEach(
                (hash, text) -> rewrites.put(rewriteFingerprint + hash.hex(), new KeptRewrite(text, job.number())));
        keep(job, calls);
    }

    @Override
    public synchronized void keepOutcomes(JobTicket job, List<RecordOutcome> kept) {
        requireWorking(job);
        kept.stream()
                .filter(outcome -> !job(job).rescanned || !isNoted(job, outcome))
                .forEach(outcome -> note(job, outcome.key(), outcome.reason(), outcome.detail(), RecordCost.NONE));
    }

    private boolean isNoted(JobTicket job, RecordOutcome outcome) {
        return outcomes.stream()
                .anyMatch(past -> past.jobId().equals(job.start().jobId())
                        && past.key().equals(outcome.key())
                        && past.reason() == outcome.reason());
    }

    @Override
    public synchronized BudgetGrant grantBudget(JobTicket job, BudgetAsk ask) {
        requireWorking(job);
        Worker worker = worker(job);
        worker.toldSpent = ask.spent();
        worker.held = ask.held(BigDecimal.ZERO);
        BigDecimal left = Objects.requireNonNull(job.start().scope().budgetUsd());
        if (job.resumed() != null) {
            left = left.subtract(job.resumed().spentUsd());
        }
        boolean withOthers = false;
        for (Worker each : job(job).workers) {
            left = left.subtract(isAlive(each) ? each.held.max(each.cost) : each.cost);
            withOthers |= isAlive(each) && each != worker && each.held.compareTo(each.toldSpent) > 0;
        }
        BudgetGrant grant =
                BudgetGrant.of(ask, left, withOthers ? BudgetGrant.Rest.WITH_OTHERS : BudgetGrant.Rest.KNOWN);
        worker.held = ask.held(grant.granted());
        writes++;
        return grant;
    }

    @Override
    public synchronized JobEnd endJob(JobTicket job, JobState state, Reason untaken) {
        requireWorking(job);
        Worker worker = worker(job);
        Job ending = job(job);
        if (othersWork(job)) {
            worker.ended = true;
            worker.left = true;
            putBack(worker);
            return new JobEnd(0);
        }
        for (Worker each : ending.workers) {
            each.lost |= !each.ended && each != worker;
            each.ended = true;
        }
        long left = release(job.number());
        if (left > 0) {
            ending.notEmbedded.merge(untaken, left, Long::sum);
        }
        ending.state =
                job.role() == JobTicket.Role.ALONE || ending.workers.size() == 1 ? state : endState(ending, state);
        ending.endedAt = clock.instant();
        running.remove(job.start().kind());
        return new JobEnd(left);
    }

    /** How a job ends whose last worker ends like this: others may have done what that one could not. */
    private static JobState endState(Job job, JobState last) {
        if (job.cancelRequested || last == JobState.CANCELLED) {
            return JobState.CANCELLED;
        }
        boolean failed = job.notEmbedded.keySet().stream().anyMatch(reason -> reason.kind() == Reason.Kind.FAILED);
        boolean complete = !job.scanning || last == JobState.COMPLETED;
        return failed || !complete ? JobState.FAILED : JobState.COMPLETED;
    }

    @Override
    public synchronized Map<Sha256, KeptRewrite> rewrites(String rewriteFingerprint, Set<Sha256> preparedTexts) {
        Map<Sha256, KeptRewrite> found = new HashMap<>();
        for (Sha256 hash : preparedTexts) {
            KeptRewrite rewrite = rewrites.get(rewriteFingerprint + hash.hex());
            if (rewrite != null) {
                found.put(hash, rewrite);
            }
        }
        return found;
    }

    @Override
    public synchronized List<SourceStats> stats(Fingerprint fingerprint) {
        Map<String, long[]> counts = new TreeMap<>();
        Map<String, LastScan> scans = known(fingerprint).scans;
        scans.keySet().forEach(source -> counts.put(source, new long[RecordState.values().length]));
        known(fingerprint)
                .rows
                .forEach((key, row) -> counts.computeIfAbsent(
                                key.source(), source -> new long[RecordState.values().length])[row.state.ordinal()]++);
        List<SourceStats> stats = new ArrayList<>();
        counts.forEach((source, count) -> {
            LastScan scan = scans.get(source);
            long withContent = Arrays.stream(count).sum();
            stats.add(new SourceStats(
                    source,
                    scan == null ? null : withContent + scan.blank(),
                    scan == null ? null : withContent,
                    count[RecordState.EMBEDDED.ordinal()],
                    count[RecordState.PENDING.ordinal()],
                    count[RecordState.SKIPPED.ordinal()],
                    count[RecordState.FAILED.ordinal()],
                    scan == null ? null : scan.asOf()));
        });
        return stats;
    }

    @Override
    public synchronized Optional<RecordTrace> explain(Fingerprint fingerprint, RecordKey key) {
        Ledger ledger = known(fingerprint);
        Row row = ledger.rows.get(key);
        if (row == null) {
            return Optional.empty();
        }
        Vector vector = ledger.vectors.get(key);
        return Optional.of(new RecordTrace(
                key,
                fingerprint.generation(),
                row.state,
                row.reason,
                row.detail,
                row.attempts,
                row.retryDue,
                row.changedAt,
                vector == null
                        ? null
                        : new RecordTrace.VectorInfo(
                                vector.textHash(),
                                vector.embedding().dimension(),
                                vector.jobId(),
                                vector.storedAt(),
                                vector.cost()),
                IntStream.range(0, outcomes.size())
                        .mapToObj(i -> outcomes.get(outcomes.size() - 1 - i))
                        .filter(past -> past.key().equals(key))
                        .sorted(Comparator.comparing(Outcome::at).reversed())
                        .map(past -> new RecordTrace.PastOutcome(
                                past.jobId(), past.reason(), past.detail(), past.at(), past.cost()))
                        .toList()));
    }

    @Override
    public synchronized void forEachVector(
            Fingerprint fingerprint, @Nullable String source, Consumer<StoredVector> consumer) {
        known(fingerprint).vectors.entrySet().stream()
                .filter(entry -> source == null || entry.getKey().source().equals(source))
                .sorted(Comparator.comparing(entry -> entry.getKey().toString()))
                .forEach(entry -> consumer.accept(new StoredVector(
                        entry.getKey(),
                        entry.getValue().textHash(),
                        entry.getValue().embedding())));
    }

    @Override
    public synchronized void forEachOutcome(String jobId, Reason reason, Consumer<RecordOutcome> consumer) {
        outcomes.stream()
                .filter(past -> past.jobId().equals(jobId) && past.reason() == reason)
                .forEach(past -> consumer.accept(new RecordOutcome(past.key(), reason, past.detail())));
    }

    @Override
    public synchronized List<GenerationInfo> generations() {
        List<GenerationInfo> all = new ArrayList<>();
        ledgers.forEach((name, ledger) ->
                all.add(0, new GenerationInfo(name, ledger.fingerprint, ledger.vectors.size(), ledger.createdAt)));
        return all;
    }

    @Override
    public synchronized Optional<Long> prune(String generation) {
        for (JobStart.Kind kind : JobStart.Kind.values()) {
            requireNoneRuns(kind);
        }
        Ledger ledger = ledgers.remove(generation);
        return ledger == null ? Optional.empty() : Optional.of((long) ledger.vectors.size());
    }

    @Override
    public String location() {
        return "memory";
    }

    @Override
    public synchronized void close() {
        closed = true;
    }

    @Override
    public synchronized Map<Sha256, KeptVector> vectors(Fingerprint fingerprint, Set<Sha256> textHashes) {
        Map<Sha256, KeptVector> found = new HashMap<>();
        known(fingerprint).vectors.values().stream()
                .filter(vector -> textHashes.contains(vector.textHash()))
                .sorted(Comparator.comparing(Vector::boughtBy))
                .forEach(vector -> found.put(vector.textHash(), new KeptVector(vector.embedding(), vector.boughtBy())));
        return found;
    }

    @Override
    public synchronized List<SourceHealth> health(Fingerprint fingerprint) {
        Ledger ledger = known(fingerprint);
        return stats(fingerprint).stream()
                .map(stats -> new SourceHealth(
                        stats.source(),
                        stats.embedded(),
                        stats.pending(),
                        stats.skipped(),
                        stats.failed(),
                        rows(ledger, stats.source())
                                .filter(entry -> isStale(entry.getValue(), ledger.vectors.get(entry.getKey())))
                                .count(),
                        rows(ledger, stats.source())
                                .map(Map.Entry::getValue)
                                .filter(row -> row.state == RecordState.PENDING)
                                .map(row -> row.changedAt)
                                .min(Comparator.naturalOrder())
                                .orElse(null)))
                .toList();
    }

    private static Stream<Map.Entry<RecordKey, Row>> rows(Ledger ledger, String source) {
        return ledger.rows.entrySet().stream()
                .filter(entry -> entry.getKey().source().equals(source));
    }

    private static boolean isStale(Row row, @Nullable Vector vector) {
        return vector != null && !vector.contentHash().equals(row.contentHash);
    }

    @Override
    public synchronized List<JobInfo> jobs(int limit) {
        List<JobInfo> all = new ArrayList<>();
        jobs.values().stream()
                .filter(job -> job.ticket.start().kind() == JobStart.Kind.BUILD)
                .forEach(job -> all.add(0, info(job)));
        return all.subList(0, Math.min(limit, all.size()));
    }

    @Override
    public synchronized Optional<JobInfo> job(String jobId) {
        return Optional.ofNullable(jobs.get(jobId)).map(this::info);
    }

    private JobInfo info(Job job) {
        boolean runs = job.state == JobState.RUNNING && anyAlive(job);
        TokenUsage usage = job.calls.stream().map(ProviderCall::usage).reduce(TokenUsage.NONE, TokenUsage::plus);
        boolean unknown = job.calls.stream().anyMatch(call -> call.costUsd() == null);
        JobTicket.Resumed resumed = job.ticket.resumed();
        return new JobInfo(
                job.ticket.start().jobId(),
                job.ticket.start().scope(),
                job.ticket.start().fingerprint().generation(),
                job.state == JobState.RUNNING && !runs ? deserted(job) : job.state,
                job.startedAt,
                job.endedAt,
                job.embedded,
                job.notEmbedded,
                job.calls.size(),
                usage.inputTokens(),
                usage.outputTokens(),
                unknown ? null : job.knownUsd(),
                runs ? (int) job.workers.stream().filter(this::isAlive).count() : 0,
                runs ? heldUpBy(job) : null,
                runs && job.cancelRequested,
                resumed == null ? null : resumed.jobId());
    }

    /** Only if nothing gets through from any of its workers. */
    private @Nullable String heldUpBy(Job job) {
        List<@Nullable String> causes = new ArrayList<>();
        job.workers.stream().filter(this::isAlive).forEach(worker -> causes.add(worker.heldUpBy));
        return causes.contains(null) ? null : causes.get(0);
    }

    @Override
    public synchronized List<StoredVector> sample(Fingerprint fingerprint, int count, long seed) {
        List<StoredVector> all = new ArrayList<>();
        forEachVector(fingerprint, null, all::add);
        Collections.shuffle(all, new Random(seed));
        return all.subList(0, Math.min(count, all.size()));
    }
}
