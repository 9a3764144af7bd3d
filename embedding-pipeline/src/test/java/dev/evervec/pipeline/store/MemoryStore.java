package dev.evervec.pipeline.store;

import dev.evervec.pipeline.report.CostReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.Locator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.Embedding;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A store in memory, for tests of what uses a store; the simplest thing that keeps the store's contract. */
public final class MemoryStore implements EmbeddingStore {
    private static final class Row {
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
        long freshSince;
        boolean claimed;
        long version;
        Instant changedAt = Instant.EPOCH;
    }

    private record Vector(Sha256 textHash, Embedding embedding, long job, String jobId, Instant storedAt) {}

    private record Totals(long total, long withContent, Instant asOf) {}

    private static final class Ledger {
        final Fingerprint fingerprint;
        final Instant createdAt;
        final Map<RecordKey, Row> rows = new LinkedHashMap<>();
        final Map<RecordKey, Vector> vectors = new HashMap<>();

        Ledger(Fingerprint fingerprint, Instant createdAt) {
            this.fingerprint = fingerprint;
            this.createdAt = createdAt;
        }
    }

    private record Outcome(String jobId, RecordOutcome outcome, Instant at) {}

    private final Clock clock;
    private final Map<String, Ledger> ledgers = new LinkedHashMap<>();
    private final Map<String, Totals> totals = new TreeMap<>();
    private final Map<String, KeptRewrite> rewrites = new HashMap<>();
    private final List<Outcome> outcomes = new ArrayList<>();
    private final Set<String> jobIds = new HashSet<>();
    private final Map<RecordKey, Boolean> seen = new HashMap<>();
    private final Set<String> seenSources = new HashSet<>();
    private @Nullable JobTicket running;
    private long jobNumber;
    private long writes;
    private boolean closed;

    public MemoryStore(Clock clock) {
        this.clock = clock;
    }

    /** How often a row was changed. */
    public synchronized long writes() {
        return writes;
    }

    /** What a killed process leaves: its claims go, the job is no longer running. */
    public synchronized void killRunningJob() {
        running = null;
        for (Ledger ledger : ledgers.values()) {
            ledger.rows.values().forEach(row -> {
                row.claimed = false;
                row.onListOf = 0;
            });
        }
    }

    /**
     * What another worker's claim does to a record that is on the list of the running job: from now on only its result counts.
     *
     * @return its claim, or null if the record is not on the list
     */
    public synchronized @Nullable Claim takeOver(RecordKey key) {
        if (running == null) {
            return null;
        }
        Row row = ledger(running.start().fingerprint()).rows.get(key);
        if (row == null || row.onListOf != running.number()) {
            return null;
        }
        row.onListOf = 0;
        row.claimed = true;
        row.version++;
        return new Claim(key, row.locator, row.version, row.attempts, row.freshSince);
    }

    /** The job that is running, or null. */
    public synchronized @Nullable JobTicket runningJob() {
        return running;
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
        if (running != null) {
            throw new JobRefusedException("job " + running.start().jobId() + " is running");
        }
        if (!jobIds.add(start.jobId())) {
            throw new JobRefusedException("job id " + start.jobId() + " was used before");
        }
        running = new JobTicket(++jobNumber, "memory", start, null);
        ledger(start.fingerprint());
        seen.clear();
        seenSources.clear();
        return running;
    }

    @Override
    public synchronized MarkedPage mark(JobTicket job, List<ScannedRecord> page, MarkMode mode) {
        Ledger ledger = ledger(job.start().fingerprint());
        int taken = 0;
        List<RecordKey> duplicates = new ArrayList<>();
        List<RecordKey> exhausted = new ArrayList<>();
        for (ScannedRecord scanned : page) {
            boolean present = scanned.content() == ScannedRecord.Content.PRESENT;
            if (seen.putIfAbsent(scanned.key(), present) != null) {
                duplicates.add(scanned.key());
                continue;
            }
            Row row = ledger.rows.get(scanned.key());
            if (!present) {
                if (row != null) {
                    ledger.rows.remove(scanned.key());
                    ledger.vectors.remove(scanned.key());
                }
                continue;
            }
            if (row == null) {
                row = new Row();
                ledger.rows.put(scanned.key(), row);
            } else if (row.state != RecordState.PENDING) {
                boolean changed = !scanned.contentHash().equals(row.contentHash);
                boolean repeatable = row.reason != null && row.reason.ledger() == Reason.Ledger.ATTEMPTED;
                boolean back = row.reason == Reason.VANISHED
                        || (row.reason != null && job.start().reconsidered().contains(row.reason));
                if (changed) {
                    row.attempts = 0;
                } else if (mode == MarkMode.PENDING
                        && repeatable
                        && row.attempts >= job.start().maxAttempts()) {
                    exhausted.add(scanned.key());
                    continue;
                } else if (mode == MarkMode.PENDING && !repeatable && !back) {
                    continue;
                }
                row.state = RecordState.PENDING;
                row.reason = null;
                row.detail = null;
            }
            row.contentHash = scanned.contentHash();
            row.locator = scanned.locator();
            row.onListOf = job.number();
            if (mode == MarkMode.REBUILD) {
                row.freshSince = job.number();
            }
            writes++;
            taken++;
        }
        return new MarkedPage(taken, duplicates, exhausted, List.of());
    }

    @Override
    public synchronized ScanSummary endScan(JobTicket job, ScanScope scope, double maxVanishedShare) {
        Map<String, Long> removed = new HashMap<>();
        Map<String, Long> kept = new HashMap<>();
        if (scope instanceof ScanScope.Complete complete) {
            Ledger ledger = ledger(job.start().fingerprint());
            Set<String> sources = new HashSet<>();
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
                long total = seen.keySet().stream()
                        .filter(key -> key.source().equals(source))
                        .count();
                long withContent = seen.entrySet().stream()
                        .filter(entry -> entry.getKey().source().equals(source) && entry.getValue())
                        .count();
                if (total == 0 && !kept.containsKey(source)) {
                    totals.remove(source);
                } else {
                    totals.put(source, new Totals(total, withContent, clock.instant()));
                }
            }
        }
        return new ScanSummary(removed, kept);
    }

    @Override
    public synchronized List<Claim> claim(JobTicket job, int limit, Duration lease) {
        List<Claim> claims = new ArrayList<>();
        for (Map.Entry<RecordKey, Row> entry :
                ledger(job.start().fingerprint()).rows.entrySet()) {
            Row row = entry.getValue();
            if (claims.size() < limit && row.onListOf == job.number() && !row.claimed) {
                row.claimed = true;
                row.version++;
                writes++;
                claims.add(new Claim(entry.getKey(), row.locator, row.version, row.attempts, row.freshSince));
            }
        }
        return claims;
    }

    @Override
    public void renewLeases(JobTicket job, Duration lease) {}

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
            if (row == null || !row.claimed || row.version != result.claim().version()) {
                refused.add(key);
                outcomes.add(new Outcome(
                        job.start().jobId(),
                        new RecordOutcome(key, Reason.SUPERSEDED, "its claim was lost"),
                        clock.instant()));
                continue;
            }
            row.claimed = false;
            row.onListOf = 0;
            row.changedAt = clock.instant();
            writes++;
            if (result instanceof RecordResult.Embedded embedded) {
                row.state = RecordState.EMBEDDED;
                row.freshSince = 0;
                row.contentHash = embedded.contentHash();
                row.detail = embedded.detail();
                row.attempts = 0;
                ledger.vectors.put(
                        key,
                        new Vector(
                                embedded.textHash(),
                                embedded.embedding(),
                                job.number(),
                                job.start().jobId(),
                                clock.instant()));
            } else if (result instanceof RecordResult.NotEmbedded not) {
                settle(ledger, key, row, not);
                outcomes.add(new Outcome(
                        job.start().jobId(), new RecordOutcome(key, not.reason(), not.detail()), clock.instant()));
            }
        }
        return refused;
    }

    private static void settle(Ledger ledger, RecordKey key, Row row, RecordResult.NotEmbedded result) {
        if (result.reason().ledger() == Reason.Ledger.PENDING) {
            return;
        }
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
            ledger.vectors.remove(key);
        }
    }

    @Override
    public synchronized void keepRewrites(
            JobTicket job, String rewriteFingerprint, Map<Sha256, String> kept, List<ProviderCall> calls) {
        kept.forEach(
                (hash, text) -> rewrites.put(rewriteFingerprint + hash.hex(), new KeptRewrite(text, job.number())));
    }

    @Override
    public synchronized void keepOutcomes(JobTicket job, List<RecordOutcome> kept) {
        kept.forEach(outcome -> outcomes.add(new Outcome(job.start().jobId(), outcome, clock.instant())));
    }

    @Override
    public synchronized JobEnd endJob(JobTicket job, JobState state, Reason untaken) {
        long left = 0;
        for (Row row : ledger(job.start().fingerprint()).rows.values()) {
            if (row.onListOf == job.number()) {
                row.onListOf = 0;
                row.claimed = false;
                left++;
            }
        }
        running = null;
        return new JobEnd(left);
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
        totals.keySet().forEach(source -> counts.put(source, new long[RecordState.values().length]));
        known(fingerprint)
                .rows
                .forEach((key, row) -> counts.computeIfAbsent(
                                key.source(), source -> new long[RecordState.values().length])[row.state.ordinal()]++);
        List<SourceStats> stats = new ArrayList<>();
        counts.forEach((source, count) -> {
            Totals known = totals.get(source);
            stats.add(new SourceStats(
                    source,
                    known == null ? null : known.total(),
                    known == null ? null : known.withContent(),
                    count[RecordState.EMBEDDED.ordinal()],
                    count[RecordState.PENDING.ordinal()],
                    count[RecordState.SKIPPED.ordinal()],
                    count[RecordState.FAILED.ordinal()],
                    known == null ? null : known.asOf()));
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
                                RecordCost.NONE),
                IntStream.range(0, outcomes.size())
                        .mapToObj(i -> outcomes.get(outcomes.size() - 1 - i))
                        .filter(past -> past.outcome().key().equals(key))
                        .map(past -> new RecordTrace.PastOutcome(
                                past.jobId(),
                                past.outcome().reason(),
                                past.outcome().detail(),
                                past.at(),
                                RecordCost.NONE))
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
                .filter(past -> past.jobId().equals(jobId) && past.outcome().reason() == reason)
                .forEach(past -> consumer.accept(past.outcome()));
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
        if (running != null) {
            throw new JobRefusedException("job " + running.start().jobId() + " is running");
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
    public int markFailed(JobTicket job, FailedSelection selection, int limit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public Set<RecordKey> forget(JobTicket job, Set<RecordKey> gone) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void noteHeldUp(JobTicket job, @Nullable String cause) {}

    @Override
    public synchronized Map<Sha256, KeptVector> vectors(Fingerprint fingerprint, Set<Sha256> textHashes) {
        Map<Sha256, KeptVector> found = new HashMap<>();
        for (Vector vector : known(fingerprint).vectors.values()) {
            KeptVector kept = new KeptVector(vector.embedding(), vector.job());
            if (textHashes.contains(vector.textHash())) {
                found.merge(vector.textHash(), kept, (a, b) -> a.job() >= b.job() ? a : b);
            }
        }
        return found;
    }

    @Override
    public Set<RecordKey> wouldTake(JobStart start, List<ScannedRecord> page, MarkMode mode) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void keepCalls(List<ProviderCall> calls) {}

    @Override
    public CostReport costs(CostQuery query) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<SourceHealth> health(Fingerprint fingerprint) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<JobInfo> jobs(int limit) {
        throw new UnsupportedOperationException();
    }

    @Override
    public List<StoredVector> sample(Fingerprint fingerprint, int count, long seed) {
        throw new UnsupportedOperationException();
    }
}
