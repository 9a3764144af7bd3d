package dev.evervec.pipeline;

import static dev.evervec.pipeline.Watch.require;

import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.MarkMode;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.RecordResult.Embedded;
import dev.evervec.pipeline.store.RecordResult.NotEmbedded;
import dev.evervec.pipeline.store.ScannedRecord;
import dev.evervec.pipeline.store.Sha256;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What must be true of all jobs on a host's table together: the vector that is stored, what was paid for and must not be paid
 * for again, and who may be charged for what. Hears of everything that is sent and of everything that the store has taken.
 */
final class Truth {
    /** A rewrite that has arrived is kept before the writer has taken so much else. */
    private static final int WRITES_BEFORE_A_REWRITE = 12;

    private final Host host;
    private final Map<RecordKey, Host.Text> paid = new HashMap<>();
    private final Map<RecordKey, Host.Text> stored = new HashMap<>();
    private final Set<RecordKey> overtaken = new HashSet<>();
    private final Map<Sha256, Long> keptRewrites = new HashMap<>(); // with the number of the job
    private final Map<RecordKey, Long> freshSince = new HashMap<>();
    private final Map<Sha256, Long> answeredBy = new HashMap<>(); // texts, with the number of the job
    private long job;
    private final Set<Sha256> boughtRewrites = new HashSet<>();
    private final Map<Sha256, Integer> rewritesToKeep = new HashMap<>();
    private Predicate<RecordKey> unreadable = key -> false;
    private @Nullable Watch watch;
    private @Nullable AssertionError seen;
    private boolean storeFailed;
    private boolean turnsAgainstAll;

    Truth(Host host) {
        this.host = host;
    }

    void jobBegins(Watch ofJob, long number) {
        watch = ofJob;
        job = number;
        freshSince.clear();
        overtaken.clear();
        storeFailed = false;
        rewritesToKeep.clear();
        boughtRewrites.clear();
    }

    /** Records that cannot be read in this job. */
    void mayBeUnreadable(Predicate<RecordKey> keys) {
        unreadable = keys;
    }

    /** Whether the service comes to refuse every text, without a reason, in this job. */
    void turnsAgainstAll(boolean does) {
        turnsAgainstAll = does;
    }

    void storeFailed() {
        storeFailed = true;
    }

    /** Another worker has taken the record over; what it has stored for it, if anything. */
    void overtaken(RecordKey key, Host.@Nullable Text result) {
        overtaken.add(key);
        if (result != null) {
            paid.put(key, result);
            stored.put(key, result);
            answered(result.sentHash());
        }
    }

    /** The text whose vector was stored last. */
    Host.@Nullable Text lastStored(RecordKey key) {
        return stored.get(key);
    }

    /** The same, or null if it is to be paid for again because of a rebuild. */
    Host.@Nullable Text paidFor(RecordKey key) {
        return paid.get(key);
    }

    /** Called within a store or a provider, whose callers make something else of an error. */
    private void witness(Runnable check) {
        try {
            check.run();
        } catch (AssertionError e) {
            seen = seen == null ? e : seen;
        }
    }

    /** Fails if anything was seen that must not be. */
    void check() {
        if (seen != null) {
            throw seen;
        }
    }

    private Watch watch() {
        return Objects.requireNonNull(watch);
    }

    // ---- what is sent ----

    void sent(Work work) {
        RecordKey key = work.claim().key();
        Host.Text text = host.lastFetched(key);
        require(
                text != null && text.sent().equals(work.text().text()),
                () -> key + " is sent with a text that is not its own");
        require(paid.get(key) != text || overtaken.contains(key), () -> key + " is sent although its vector is stored");
    }

    void answered(Sha256 text) {
        answeredBy.put(text, job);
    }

    /** The provider is asked; what it has answered once, and the store has kept or may still keep, must not be asked again. */
    void rewriteAsked(Host.Text text) {
        witness(() -> require(
                !boughtRewrites.contains(text.preparedHash()) && !wasKept(text),
                "a rewrite is asked for that was bought before"));
    }

    /** And no record with this text has to be rewritten anew because of a rebuild since then. */
    private boolean wasKept(Host.Text text) {
        Long boughtBy = keptRewrites.get(text.preparedHash());
        return boughtBy != null
                && freshSince.entrySet().stream().noneMatch(claimed -> {
                    Host.Text fetched = host.lastFetched(claimed.getKey());
                    return claimed.getValue() > boughtBy
                            && fetched != null
                            && fetched.preparedHash().equals(text.preparedHash());
                });
    }

    void claimed(Claim claim) {
        freshSince.put(claim.key(), claim.freshSince());
    }

    void rewriteBought(Host.Text text) {
        boughtRewrites.add(text.preparedHash());
    }

    void rewriteArrived(Event.RewriteAnswered answer) {
        boolean usable = answer.outcome() instanceof Preparation.Ready
                || (answer.outcome() instanceof Preparation.Unusable unusable
                        && unusable.reason() == Reason.INPUT_TOO_LONG);
        Sha256 hash = answer.call().item.text().hash();
        if (usable && keptRewrites.getOrDefault(hash, 0L) < job) {
            rewritesToKeep.put(hash, 0);
        }
    }

    // ---- what is stored ----

    void marked(List<ScannedRecord> page, MarkMode mode) {
        witness(this::aWriteIsDone);
        if (mode == MarkMode.REBUILD) {
            page.forEach(record -> paid.remove(record.key()));
        }
    }

    void kept(Map<Sha256, String> rewrites) {
        rewrites.keySet().forEach(text -> keptRewrites.put(text, job));
        rewritesToKeep.keySet().removeAll(rewrites.keySet());
    }

    void committed(List<RecordResult> results, Set<RecordKey> refused) {
        witness(this::aWriteIsDone);
        witness(() -> checkResults(results, refused));
    }

    private void checkResults(List<RecordResult> results, Set<RecordKey> refused) {
        for (RecordResult result : results) {
            RecordKey key = result.claim().key();
            require(
                    refused.contains(key) == overtaken.contains(key),
                    () -> key + (refused.contains(key) ? " is refused" : " overwrites the result of a later claim"));
            if (refused.contains(key)) {
                continue;
            }
            if (result instanceof Embedded embedded) {
                embedded(embedded);
            } else if (result instanceof NotEmbedded not) {
                require(!watch().hasArrived(key), () -> "the vector of " + key + " is thrown away");
                require(mayBe(not), () -> key + " became " + not.reason() + ": " + not.detail());
            }
        }
    }

    private void aWriteIsDone() {
        rewritesToKeep.replaceAll((hash, writes) -> writes + 1);
        rewritesToKeep.values().forEach(writes -> require(writes <= WRITES_BEFORE_A_REWRITE, "a rewrite is not kept"));
    }

    private void embedded(Embedded result) {
        RecordKey key = result.claim().key();
        Host.Text text = host.lastFetched(key);
        require(
                text != null
                        && result.contentHash().equals(text.contentHash())
                        && result.textHash().equals(text.sentHash())
                        && result.embedding().equals(text.vector()),
                () -> key + " got a wrong vector");
        require(
                answeredBy.getOrDefault(result.textHash(), 0L) >= freshSince.getOrDefault(key, 0L),
                () -> key + " was to be embedded anew and got an old vector");
        paid.put(key, Objects.requireNonNull(text));
        stored.put(key, text);
    }

    /** Whether a record may have come to this: by what its text is like, or by what happened to it. */
    private boolean mayBe(NotEmbedded result) {
        Claim claim = result.claim();
        RecordKey key = claim.key();
        Host.Text text = host.lastFetched(key);
        boolean byItsText = text != null && text.trait().end() == result.reason();
        return switch (result.reason()) {
            case EMPTY_CONTENT, INPUT_TOO_LONG, REWRITE_EMPTY -> byItsText;
            case VANISHED -> text == null;
            case SOURCE_ERROR -> unreadable.test(key);
            case STORE_ERROR -> storeFailed;
            case EMBED_PERMANENT ->
                byItsText
                        || (text != null && watch().cameWithoutVectorTwice(text.sentHash()))
                        || (turnsAgainstAll && text != null && watch().failedBesideASuccess(text.sentHash()));
            case EMBED_TRANSIENT -> text != null && watch().budgetWasSpent(text.sentHash());
            case REWRITE_TIMEOUT -> text != null && watch().rewriteBudgetWasSpent(text.preparedHash());
            case REWRITE_ERROR -> text != null && (byItsText || watch().rewriteBudgetWasSpent(text.preparedHash()));
            case ABORTED -> watch().wasStopped();
            case CANCELLED -> watch().wasCancelled();
            case OVER_BUDGET -> watch().hasBudget();
            case SUPERSEDED -> false;
        };
    }

    /** At the end of a job whose store has taken everything. */
    void jobEnded() {
        require(rewritesToKeep.isEmpty(), () -> rewritesToKeep.size() + " rewrites were not kept");
    }
}
