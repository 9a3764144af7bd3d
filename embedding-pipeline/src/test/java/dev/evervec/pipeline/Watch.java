package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.UnreadableRecord;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.FaultOwner;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.RequestLimit;
import dev.evervec.provider.TransientProviderException;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps its own books of one job, from events and commands alone, and compares them with the machine's after every event.
 * What it cannot explain is an error of the machine: a record in no place or in two, a text sent too often, a record charged
 * for what was not its fault, a call that should not have been made.
 */
final class Watch {
    /** How long records are shows when they are read; short ones are read many at a time. */
    private static final long SHORT_TEXTS = 64 << 10;
    /** Sent on after the first sign that the configuration is wrong. */
    private static final int LAST_REQUESTS = 5;
    /** Limits are halved; so many times would be enough for a million. */
    private static final int SHAPE_REFUSALS = 20;
    /** A provider that names the bad text is believed so often. */
    private static final int NAMED = 3;

    /** After a stop, calls may end by themselves for so long. */
    private static final long GRACE = Duration.ofSeconds(10).toNanos();

    private static final long LONGEST_BACKOFF = Duration.ofSeconds(60).toNanos();

    private final BuildPlan plan;
    private @Nullable Truth truth;
    private long now;

    // records
    private final Set<RecordKey> open = new HashSet<>();
    private final Set<RecordKey> taken = new HashSet<>();
    private final Set<RecordKey> claimedAnew = new HashSet<>(); // while an older claim's result is to come
    private final Set<RecordKey> answered = new HashSet<>();
    private final Map<RecordKey, RequestBatch<Work>> uncommitted = new HashMap<>();
    private final Map<RecordKey, Sendings> sendings = new HashMap<>();
    private final Map<Sha256, Set<RecordKey>> leaders = new HashMap<>(); // records that were sent, by text
    private final Set<Sha256> answeredTexts = new HashSet<>();
    private final Map<Sha256, Integer> rewritesFailed = new HashMap<>();
    private final Map<Sha256, Long> rewritesFailedSince = new HashMap<>();
    private long embedded;
    private long notEmbedded;
    private boolean storeHasFailed;
    private @Nullable Command givenUp;
    private @Nullable Command lastClaim;

    // calls
    private final Map<Capability, Endpoint> endpoints = new EnumMap<>(Capability.class);
    private final Set<CancelSignal> uncut = Collections.newSetFromMap(new IdentityHashMap<>());
    private int batchesInFlight;
    private int mostRequests;
    private long started;
    private long calls;
    private boolean cancelled;
    private long lastSuccessSentAt = Long.MIN_VALUE;
    private boolean stopped;
    private boolean letGo;
    private long stoppedAt;
    private int claimsAfterStop;
    private int requestsAfterConfigurationFault = -1;
    private BuildProgress.@Nullable Stage lastEmbed;

    /** What happened to one record's text in this job. */
    static final class Sendings {
        int refusedForItem;
        int refusedForShape;
        int failed;
        int defects;
        long sentAt;
        Tree tree = new Tree();
    }

    /** A request batch and all that it was split into: they share one budget. */
    static final class Tree {
        int failures;
        long began = Long.MIN_VALUE;
    }

    private static final class Endpoint {
        long pausedUntil = Long.MIN_VALUE;
        long lastSuccess = Long.MIN_VALUE;
        int probes;
        int quotaRefusals;
        boolean probing;
        boolean asked;
    }

    Watch(BuildPlan plan) {
        this.plan = plan;
        for (Capability capability : Capability.values()) {
            endpoints.put(capability, new Endpoint());
        }
    }

    void with(Truth ofStory, long job) {
        truth = ofStory;
        ofStory.jobBegins(this, job);
    }

    int mostRequests() {
        return mostRequests;
    }

    private Endpoint endpoint(Capability capability) {
        return endpoints.get(capability);
    }

    /** Whether something that was sent in the same moment or later succeeded: no better sign that its text is to blame. */
    boolean failedBesideASuccess(Sha256 text) {
        return anyOf(text, sent -> sent.sentAt <= lastSuccessSentAt);
    }

    boolean cameWithoutVectorTwice(Sha256 text) {
        return anyOf(text, sent -> sent.defects > 1);
    }

    /** Equal texts share the fate of the one that was sent. */
    private boolean anyOf(Sha256 text, Predicate<Sendings> condition) {
        return leaders.getOrDefault(text, Set.of()).stream()
                .map(this::sendingsOf)
                .anyMatch(condition);
    }

    private Sendings sendingsOf(RecordKey key) {
        return sendings.computeIfAbsent(key, any -> new Sendings());
    }

    // ---- events ----

    /** Before the machine hears of it. */
    void before(Event event, long time) {
        now = time;
        if (letGo && event instanceof Event.FromOutside) {
            return; // nobody waits for it any more
        }
        if (event instanceof Event.PageScanned page) {
            page.unreadable().forEach(this::unreadable);
        } else if (event instanceof Event.Claimed claimed) {
            claimed.claims().forEach(this::claimed);
        } else if (event instanceof Event.EmbedAnswered answer) {
            embedAnswered(answer);
        } else if (event instanceof Event.EmbedFailed failed) {
            batchesInFlight--;
            over(failed.batch());
            embedFailed(failed.batch(), failed.failure());
            failed(Capability.EMBEDDING, failed.failure());
        } else if (event instanceof Event.RewriteAnswered answer) {
            over(answer.call());
            succeeded(Capability.REWRITE);
            if (truth != null) {
                truth.rewriteArrived(answer);
            }
        } else if (event instanceof Event.RewriteFailed failed) {
            over(failed.call());
            rewriteFailed(failed.call().item.text().hash(), failed.failure());
            failed(Capability.REWRITE, failed.failure());
        } else if (event instanceof Event.RewriteNotAsked notAsked) {
            uncut.remove(notAsked.call().cancelSignal());
        } else if (event instanceof Event.RewriteNotFound notFound) {
            uncut.remove(notFound.call().cancelSignal());
        } else if (event instanceof Event.ProbeAnswered probe) {
            calls++;
            endpoint(probe.capability()).probing = false;
            succeeded(probe.capability());
        } else if (event instanceof Event.ProbeFailed probe) {
            calls++;
            endpoint(probe.capability()).probing = false;
            failed(probe.capability(), probe.failure());
        } else if (event instanceof Event.Committed committed) {
            committed(committed);
        } else if (event instanceof Event.StoreFailed failed) {
            storeHasFailed = true;
            givenUp = failed.command();
        } else if (event instanceof Event.CancelRequested) {
            cancelled = true;
            stopped();
        }
    }

    private void over(Call call) {
        calls += call.hasBegun() ? 1 : 0;
        uncut.remove(call.cancelSignal());
    }

    private void stopped() {
        stoppedAt = stopped ? stoppedAt : now;
        stopped = true;
    }

    private void unreadable(UnreadableRecord record) {
        require(record.key() == null || !open.contains(record.key()), "an unreadable record was claimed");
    }

    private void claimed(Claim claim) {
        RecordKey key = claim.key();
        if (open.contains(key)) {
            require(plan.isShared() && claimedAnew.add(key), () -> key + " was taken twice");
            return;
        }
        require(taken.add(key) || plan.isShared(), () -> key + " was taken twice");
        take(key);
        if (truth != null) {
            truth.claimed(claim);
        }
    }

    /** Of a shared job a record may come back to the list, because its worker was taken for dead. */
    private void take(RecordKey key) {
        open.add(key);
        sendings.remove(key);
        answered.remove(key);
    }

    private void embedAnswered(Event.EmbedAnswered answer) {
        batchesInFlight--;
        over(answer.batch());
        succeeded(Capability.EMBEDDING);
        lastSuccessSentAt = Math.max(lastSuccessSentAt, answer.batch().sentAt);
        for (int i = 0; i < answer.batch().size(); i++) {
            RecordKey key = answer.batch().items.get(i).claim().key();
            Sha256 text = answer.batch().items.get(i).text().hash();
            if (answer.response().embedding(i) != null) {
                uncommitted.put(key, answer.batch());
                require(answered.add(key), () -> key + " has two vectors");
                answeredTexts.add(text);
                if (truth != null) {
                    truth.answered(text);
                }
            } else {
                require(++sendingsOf(key).defects <= 2, () -> key + " was asked again and again for its vector");
            }
        }
    }

    private void embedFailed(RequestBatch<Work> batch, ProviderException failure) {
        boolean cut = failure instanceof TransientProviderException transientFailure
                && transientFailure.failure() == TransientProviderException.Failure.CANCELLED;
        boolean recut = false;
        if (!cut && failure.owner() == FaultOwner.PROVIDER) {
            sendingsOf(batch.items.get(0).claim().key()).tree.failures++;
        }
        for (Work work : batch.items) {
            Sendings sent = sendingsOf(work.claim().key());
            sent.sentAt = batch.sentAt;
            switch (failure.owner()) {
                case ITEM -> sent.refusedForItem++;
                case CONFIGURATION -> sent.refusedForItem += failure.httpStatus() == 200 ? 1 : 0;
                case REQUEST_SHAPE -> {
                    sent.refusedForShape++;
                    recut = !batch.isSingle() && isOfWholeRequest((PermanentProviderException) failure);
                }
                case PROVIDER -> sent.failed += cut ? 0 : 1;
                case QUOTA -> {}
            }
            checkSendings(work.claim().key(), sent);
        }
        if (recut) {
            batch.items.forEach(work -> sendingsOf(work.claim().key()).tree = new Tree());
        }
    }

    /** Then the request is cut anew; for other reasons it is split. */
    private static boolean isOfWholeRequest(PermanentProviderException refusal) {
        return refusal.limit() != null && refusal.limit() != RequestLimit.TEXT_LENGTH;
    }

    /** One budget for a whole split tree, so a text is not sent a full round of tries on every level. */
    private void checkSendings(RecordKey key, Sendings sent) {
        int levels = levels();
        int trees = 1 + sent.refusedForShape;
        Endpoint endpoint = endpoint(Capability.EMBEDDING);
        int outages = endpoint.probes + endpoint.quotaRefusals;
        require(
                sent.failed <= (plan.embedding().maxRetries() + 1 + levels) * trees * (1 + outages),
                () -> key + " was sent in " + sent.failed + " requests that the provider failed at");
        require(
                sent.refusedForItem <= (NAMED + levels + 1) * trees,
                () -> key + " was sent in " + sent.refusedForItem
                        + " requests that were refused for one of their texts");
        require(
                sent.refusedForShape <= SHAPE_REFUSALS,
                () -> key + " was sent in " + sent.refusedForShape + " requests that were too large");
    }

    /** Of a tree that is split four ways, the root not counted. */
    private int levels() {
        int levels = 1;
        for (long size = plan.limits().maxTextsPerRequest(); size > 1; size = (size + 3) / 4) {
            levels++;
        }
        return levels;
    }

    private void rewriteFailed(Sha256 text, ProviderException failure) {
        if (failure.owner() == FaultOwner.PROVIDER) {
            rewritesFailed.merge(text, 1, Integer::sum);
            rewritesFailedSince.putIfAbsent(text, now);
        }
    }

    private void succeeded(Capability capability) {
        endpoint(capability).lastSuccess = now;
    }

    private void failed(Capability capability, ProviderException failure) {
        Endpoint endpoint = endpoint(capability);
        if (failure.owner() == FaultOwner.QUOTA) {
            endpoint.quotaRefusals++;
            Duration told = ((TransientProviderException) failure).retryAfter();
            if (told != null && told.compareTo(plan.settings().quotaPatience()) < 0) {
                endpoint.pausedUntil = Math.max(endpoint.pausedUntil, now + told.toNanos());
            }
        } else if (failure.owner() == FaultOwner.CONFIGURATION && failure.httpStatus() != 200) {
            requestsAfterConfigurationFault = Math.max(0, requestsAfterConfigurationFault);
        }
    }

    private void committed(Event.Committed committed) {
        for (RecordResult result : committed.results()) {
            RecordKey key = result.claim().key();
            uncommitted.remove(key);
            if (result instanceof RecordResult.Embedded lost
                    && committed.refused().contains(key)) {
                answeredTexts.remove(lost.textHash());
            } else if (result instanceof RecordResult.Embedded) {
                require(open.remove(key), () -> key + " was committed twice");
                embedded++;
            }
        }
    }

    // ---- commands ----

    /** Before it is carried out. */
    void given(Command command) {
        givenUp = givenUp == command ? null : givenUp;
        if (command instanceof Command.Embed embed) {
            batchesInFlight++;
            uncut.add(embed.batch().cancelSignal());
            sending(Capability.EMBEDDING);
            embed.batch().items.forEach(work -> sent(work, embed.batch()));
        } else if (command instanceof Command.Rewrite rewrite) {
            uncut.add(rewrite.call().cancelSignal());
            sending(Capability.REWRITE);
        } else if (command instanceof Command.Probe probe) {
            sending(probe.capability());
            Endpoint endpoint = endpoint(probe.capability());
            require(!endpoint.probing, "two probes at a time");
            endpoint.probing = true;
            endpoint.probes++;
        } else if (command instanceof Command.ClaimRecords) {
            claiming(command);
        } else if (command instanceof Command.Cut cut) {
            uncut.remove(cut.signal());
        } else if (command instanceof Command.Tell tell) {
            tell.outcomes().forEach(this::told);
            told(tell.progress());
        }
    }

    /** One claim may have been decided before the stop; it may also be tried again. */
    private void claiming(Command command) {
        if (stopped && command != lastClaim) {
            require(++claimsAfterStop <= 1, "records are claimed after the stop");
        }
        lastClaim = command;
    }

    private void sending(Capability capability) {
        endpoint(capability).asked = true;
        started++;
        require(!stopped, "something is sent after the stop");
        require(now >= endpoint(capability).pausedUntil, "something is sent before the wait for quota is over");
        if (requestsAfterConfigurationFault >= 0) {
            require(
                    ++requestsAfterConfigurationFault <= LAST_REQUESTS,
                    "requests go on although the configuration is wrong");
        }
    }

    private void sent(Work work, RequestBatch<Work> batch) {
        RecordKey key = work.claim().key();
        require(open.contains(key), () -> key + " is sent and not claimed");
        Sha256 text = work.text().hash();
        require(!answered.contains(key), () -> key + " is sent again although its vector has arrived");
        boolean boughtAnew =
                plan.rewriting() != null && work.claim().freshSince() > 0; // may come out as one that was kept
        require(
                boughtAnew || !answeredTexts.contains(text),
                () -> key + " is sent although the vector of an equal text has arrived");
        leaders.computeIfAbsent(text, any -> new HashSet<>()).add(key);
        Tree tree = sendingsOf(key).tree;
        if (tree.began == Long.MIN_VALUE) {
            Tree ofBatch = sendingsOf(batch.items.get(0).claim().key()).tree;
            ofBatch.began = now;
            sendingsOf(key).tree = ofBatch;
        }
        if (truth != null) {
            truth.sent(work);
        }
    }

    boolean hasBudget() {
        return plan.budgetUsd() != null;
    }

    /** What was reserved is never less than what is paid. */
    void assertWithinBudget(BuildMachine.Ending ending) {
        BigDecimal budget = plan.budgetUsd();
        if (budget != null) {
            BigDecimal spent = plan.carriedUsd().add(Objects.requireNonNull(ending.costUsd()));
            boolean nothingSent = ending.calls().requests() == 0;
            require(nothingSent || spent.compareTo(budget) <= 0, () -> spent + " USD are spent of " + budget);
        }
    }

    /** Whether its vector has arrived in this job. */
    boolean hasArrived(RecordKey key) {
        return answered.contains(key);
    }

    /** Whether the budget that this text shares was spent, while something else succeeded. */
    boolean budgetWasSpent(Sha256 text) {
        return anyOf(text, sent -> budgetWasSpent(sent.tree));
    }

    private boolean budgetWasSpent(Tree tree) {
        boolean tried = tree.failures > plan.embedding().maxRetries();
        return (tried || longEnough(tree.began)) && endpoint(Capability.EMBEDDING).lastSuccess >= tree.began;
    }

    /** Equal texts share a call and its budget. */
    boolean rewriteBudgetWasSpent(Sha256 text) {
        int retries =
                Math.max(1, Objects.requireNonNull(plan.rewriting()).policy().maxRetries());
        boolean tried = rewritesFailed.getOrDefault(text, 0) > retries;
        return tried || longEnough(rewritesFailedSince.getOrDefault(text, now));
    }

    private boolean longEnough(long since) {
        return now - since >= plan.settings().outagePatience().toNanos() - LONGEST_BACKOFF;
    }

    private void told(RecordOutcome outcome) {
        if (open.remove(outcome.key())) {
            uncommitted.remove(outcome.key());
        }
        notEmbedded++;
        if (claimedAnew.remove(outcome.key())) {
            take(outcome.key());
        }
    }

    private void told(BuildProgress progress) {
        BuildProgress.Stage embed = progress.embed();
        long done = embedded + notEmbedded - progress.rewrite().skipped();
        require(
                embed.done() >= (lastEmbed == null ? 0 : lastEmbed.done()) && embed.done() <= embed.total(),
                () -> "progress fell or ran ahead: " + embed);
        boolean ended = progress.phase().compareTo(BuildProgress.Phase.COMPLETED) >= 0;
        require(ended || embed.done() == done, () -> "progress says " + embed + ", really done are " + done);
        // Calls that a stopped job has let go count without their answers.
        boolean counted = progress.requests() == calls
                || (stopped && progress.requests() > calls && progress.requests() <= started);
        require(counted, () -> "progress says " + progress.requests() + " requests of " + calls);
        lastEmbed = embed;
    }

    // ---- after each event ----

    void after(BuildMachine machine) {
        if (truth != null) {
            truth.check();
        }
        BuildMachine.Ending books = machine.ending();
        if (books.stopCause() != null) {
            stopped();
        }
        if (machine.hasLetGo() && !letGo) {
            letGo = true;
            batchesInFlight = 0;
            uncut.clear();
        }
        require(!stopped || now - stoppedAt < GRACE || uncut.isEmpty(), "calls are not cut after the time of grace");
        int onTheWay = machine.recordsOnTheWay();
        require(onTheWay == open.size(), () -> onTheWay + " records on the way, really " + open.size());
        require(
                books.books().total() + onTheWay == books.totalPending(),
                () -> "the books do not balance: " + books.books().total() + " and " + onTheWay + " on the way, of "
                        + books.totalPending());
        require(
                books.books().succeededCount() == embedded,
                () -> "the books say " + books.books().succeededCount() + " succeeded, committed are " + embedded);
        checkBounds(machine);
        if (machine.isOver()) {
            require(open.isEmpty() && batchesInFlight == 0, "the job is over and not all is settled");
            require(machine.bytesOnTheWay() == 0, () -> "bytes are left on the way: " + machine.bytesOnTheWay());
        }
    }

    private void checkBounds(BuildMachine machine) {
        // What a lost store did not take is not sent again in this job.
        int waiting = storeHasFailed ? 0 : new HashSet<>(uncommitted.values()).size();
        int requests = batchesInFlight + waiting;
        mostRequests = Math.max(mostRequests, requests);
        require(
                requests <= plan.embedding().maxInFlight() + 2
                        && machine.recordsOnTheWay()
                                <= plan.maxRecords(plan.embedding().maxInFlight())
                        && machine.bytesOnTheWay() <= plan.maxTextBytes() + SHORT_TEXTS
                        && machine.bytesOnTheWay() >= 0,
                () -> "out of bounds: " + requests + " request batches, " + machine.recordsOnTheWay() + " records, "
                        + machine.bytesOnTheWay() + " bytes");
    }

    boolean wasCancelled() {
        return cancelled;
    }

    boolean wasStopped() {
        return stopped;
    }

    /** Whether each endpoint that was asked has answered at least once. */
    boolean everythingHasWorked() {
        return endpoints.values().stream()
                .noneMatch(endpoint -> endpoint.asked && endpoint.lastSuccess == Long.MIN_VALUE);
    }

    /** Whether it failed at something that was not tried again. */
    boolean storeWasLost() {
        return givenUp != null;
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static void require(boolean holds, Supplier<String> what) {
        if (!holds) {
            throw new AssertionError(what.get());
        }
    }
}
