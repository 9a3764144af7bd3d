package dev.evervec.pipeline;

import static dev.evervec.pipeline.Watch.require;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.Simulation.CrashPoint;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordCost;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.Claim;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.pipeline.store.StoredVector;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.CallPolicy.Concurrency;
import dev.evervec.provider.Capability;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A few jobs on one table with all sorts of trouble, one without trouble that must put everything right, and one that must
 * find nothing to do. All of it follows from the seed.
 */
final class Story {
    /** Commands next to which a process may die. */
    static final List<Class<? extends Command>> CRASH_COMMANDS = List.of(
            Command.ScanPage.class,
            Command.Read.class,
            Command.Rewrite.class,
            Command.Embed.class,
            Command.Probe.class,
            Command.Cut.class,
            Command.Tell.class,
            Command.Mark.class,
            Command.CloseScan.class,
            Command.ClaimRecords.class,
            Command.Commit.class,
            Command.KeepRewrites.class,
            Command.KeepOutcomes.class,
            Command.CloseJob.class);

    private static final List<Class<? extends Command>> LAST_COMMANDS =
            List.of(Command.Cut.class, Command.CloseJob.class, Command.Commit.class, Command.CloseScan.class);

    private static final List<String> CHANCES = List.of(
            "rate limited",
            "server error",
            "timeout",
            "connection reset",
            "malformed answer",
            "not a number",
            "zero vector",
            "missing vector",
            "shuffled",
            "duplicate index",
            "unknown index",
            "infinity",
            "null vector",
            "extra vector",
            "one vector for all",
            "absent indices",
            "endless answer",
            "thoughts first",
            "prompt first");

    private static final Set<Trouble> NO_END_OF_FAILURES = EnumSet.of(
            Trouble.OUTAGE_FOR_TOO_LONG,
            Trouble.OUTAGE_FOR_TOO_LONG_IN_REWRITING,
            Trouble.STORM_OF_SERVER_ERRORS,
            Trouble.CHANCE,
            Trouble.CHANCE_IN_REWRITING);

    private static final Set<Trouble> MISTAKES = EnumSet.of(
            Trouble.KEY_REVOKED,
            Trouble.KEY_REVOKED_IN_REWRITING,
            Trouble.OTHER_DIMENSION_ALWAYS,
            Trouble.REFUSES_EVERYTHING,
            Trouble.REFUSES_EVERYTHING_LATER);

    private static final int JOBS_IN_TROUBLE = 3;

    /** More than any rewrite of the host's texts has. */
    private static final int MOST_OUTPUT = 100;

    /** Four are under way at the first sign that everything is refused, and five more may follow. */
    private static final int MOST_REQUESTS_FOR_NOTHING = 4 + 5;

    private final long seed;
    private final Random random;
    private final Tally tally;
    private final ManualClock clock = new ManualClock();
    private final MemoryStore memory = new MemoryStore(clock);
    private final FaultyStore store = new FaultyStore(memory);
    private final ScriptedProvider embedder;
    private final @Nullable ScriptedProvider rewriter;
    private final Host host;
    private final Truth truth;
    private final Fingerprint fingerprint;

    private Story(long seed, Tally tally) {
        this.seed = seed;
        this.tally = tally;
        this.random = new Random(seed * 0x9e3779b97f4a7c15L);
        this.embedder = ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(random.nextBoolean() ? 1 + random.nextInt(8) : 1 + random.nextInt(40)))
                .callPolicy(new CallPolicy(
                        random.nextInt(4),
                        Duration.ofSeconds(60),
                        1 + random.nextInt(5),
                        seed % 2 == 0 ? Concurrency.FIXED : Concurrency.AUTO))
                .price(TokenPrice.ofInput(BigDecimal.ONE))
                .build();
        this.rewriter = random.nextInt(3) > 0
                ? null
                : ScriptedProvider.builder()
                        .model("rewriter")
                        .capabilities(Capability.REWRITE)
                        .callPolicy(new CallPolicy(random.nextInt(3), Duration.ofSeconds(60), 5))
                        .price(new TokenPrice(BigDecimal.ONE, BigDecimal.TEN))
                        .maxOutputTokens(MOST_OUTPUT)
                        .build();
        this.host = new Host(random, embedder, rewriter != null, someTraits(), traitRate());
        this.truth = new Truth(host);
        this.fingerprint = new Fingerprint(
                embedder.model(), rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), "Rewrite: {text}"));
        store.witnessedBy(truth);
        for (int i = 50 + random.nextInt(80); i > 0; i--) {
            host.insert();
        }
    }

    /** Plays the story of the seed and tells nobody what was met. */
    static void play(long seed) {
        play(seed, new Tally());
    }

    /**
     * Plays the story of the seed.
     *
     * @param tally counts what was met
     */
    static void play(long seed, Tally tally) {
        Tally own = new Tally();
        try {
            new Story(seed, own).play();
        } catch (Throwable e) {
            throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
        }
        tally.add(own);
    }

    /** Everything that enough stories together must meet. */
    static List<String> everything() {
        Stream<String> traits = Stream.of(Trait.values())
                .filter(trait -> trait.end() != null && trait != Trait.NOTHING_BUT_MARKUP)
                .map(trait -> "text " + trait);
        Stream<String> troubles = Stream.of(Trouble.values())
                .filter(trouble -> !trouble.isCrash())
                .map(trouble -> "trouble " + trouble);
        Stream<String> chances = CHANCES.stream().map(chance -> "chance: " + chance);
        Stream<String> crashes = CRASH_COMMANDS.stream()
                .flatMap(kind -> Stream.of(CrashPoint.Side.values()).map(side -> new CrashPoint(kind, side, 1)))
                .map(point -> "crash " + point);
        Stream<String> somewhere = Stream.of("crash somewhere");
        return Stream.of(traits, troubles, chances, crashes, somewhere)
                .flatMap(names -> names)
                .toList();
    }

    private List<Trait> someTraits() {
        List<Trait> all = new ArrayList<>(Stream.of(Trait.values())
                .filter(trait -> rewriter != null || !trait.isOfRewrites())
                .filter(trait -> trait != Trait.HARMLESS && trait != Trait.NOTHING_BUT_MARKUP)
                .toList());
        Collections.shuffle(all, random);
        return List.copyOf(all.subList(0, 1 + random.nextInt(3)));
    }

    private double traitRate() {
        int kind = random.nextInt(20);
        return kind == 0 ? 1 : kind < 8 ? 0 : random.nextDouble() * 0.1;
    }

    // ---- jobs ----

    private void play() {
        for (int job = 0; job < JOBS_IN_TROUBLE; job++) {
            if (job > 0) {
                betweenJobs();
            }
            playInTrouble("job-" + job, someTroubles());
        }
        playWithoutTrouble();
        playWithNothingToDo();
    }

    private void betweenJobs() {
        for (int i = random.nextInt(1 + host.size() / 4); i > 0; i--) {
            hostWrites();
        }
    }

    private void hostWrites() {
        int kind = random.nextInt(20);
        if (kind == 0) {
            host.delete(host.someKey());
        } else if (kind < 4) {
            host.insert();
        } else {
            host.change(host.someKey());
        }
    }

    private Set<Trouble> someTroubles() {
        List<Trouble> all = new ArrayList<>(Stream.of(Trouble.values())
                .filter(trouble -> !trouble.endsAJob())
                .filter(trouble -> rewriter != null || !trouble.isOfRewriting())
                .toList());
        Collections.shuffle(all, random);
        Set<Trouble> some = EnumSet.copyOf(all.subList(0, 3 + random.nextInt(4)));
        if (random.nextBoolean()) {
            List<Trouble> ends = Stream.of(Trouble.values())
                    .filter(Trouble::endsAJob)
                    .filter(trouble -> rewriter != null || !trouble.isOfRewriting())
                    .toList();
            some.add(ends.get(random.nextInt(ends.size())));
        }
        if (random.nextInt(4) == 0) {
            some.add(Trouble.CRASH_AT_A_COMMAND);
        }
        return some;
    }

    private void playInTrouble(String id, Set<Trouble> troubles) {
        Service service = new Service(host, truth, random, clock, tally);
        truth.turnsAgainstAll(troubles.contains(Trouble.REFUSES_EVERYTHING_LATER));
        // What troubles the whole service comes before what troubles some of its calls.
        troubles.stream().filter(Trouble::endsAJob).forEach(service::with);
        troubles.stream().filter(trouble -> !trouble.endsAJob()).forEach(service::with);
        setFaults(service);
        setStoreFaults(troubles);
        FaultySource source = source(troubles);
        Simulation simulation = simulation(id, request(troubles), source, BuildSettings.DEFAULT);
        simulation.beforeEachEvent(() -> meanwhile(troubles));
        endEarly(simulation, troubles);
        int calls = embedder.embedCalls();
        BuildMachine.Ending ending = play(simulation);
        int requests = embedder.embedCalls() - calls;
        require(
                requests <= MOST_REQUESTS_FOR_NOTHING
                        || Collections.disjoint(
                                troubles, Set.of(Trouble.OTHER_DIMENSION_ALWAYS, Trouble.REFUSES_EVERYTHING)),
                () -> requests + " requests of which every one is refused");
        if (ending != null) {
            require(source.isClosed(), "the scan was not closed");
            String cause = ending.stopCause();
            require(
                    cause == null || mayStop(cause, troubles, simulation.watch()),
                    () -> "the job stopped, " + troubles + ": " + cause);
        }
    }

    private BuildRequest request(Set<Trouble> troubles) {
        BuildRequest request = BuildRequest.all();
        if (troubles.contains(Trouble.RETRY_ONLY)) {
            tally.met("trouble " + Trouble.RETRY_ONLY);
            request = BuildRequest.retryFailed(BuildRequest.Retry.values()[random.nextInt(3)]);
            return troubles.contains(Trouble.BUDGET) ? request.budgetUsd(someBudget()) : request;
        }
        if (troubles.contains(Trouble.BUDGET)) {
            request = request.budgetUsd(someBudget());
        }
        if (troubles.contains(Trouble.PART_OF_THE_TABLE_ONLY)) {
            tally.met("trouble " + Trouble.PART_OF_THE_TABLE_ONLY);
            request = random.nextBoolean() ? request.source("s1") : request.filter("3");
        }
        if (troubles.contains(Trouble.REBUILD)) {
            tally.met("trouble " + Trouble.REBUILD);
            request = request.rebuild();
        }
        return request;
    }

    /** Whether a job may stop with these words. */
    private boolean mayStop(String cause, Set<Trouble> troubles, Watch watch) {
        if (cause.equals("cancelled")) {
            return watch.wasCancelled();
        } else if (cause.startsWith("the store failed")) {
            return watch.storeWasLost();
        } else if (cause.startsWith("the record source failed")) {
            return troubles.contains(Trouble.FETCHES_LOST);
        } else if (cause.startsWith("the budget")) {
            tally.met("trouble " + Trouble.BUDGET);
            return troubles.contains(Trouble.BUDGET);
        } else if (cause.startsWith("the quota")) {
            return troubles.contains(Trouble.QUOTA_FOR_TOO_LONG);
        } else if (cause.startsWith("nothing has succeeded")) {
            return !watch.everythingHasWorked() || !Collections.disjoint(troubles, NO_END_OF_FAILURES);
        }
        return !Collections.disjoint(troubles, MISTAKES);
    }

    /** From too little for a single call to more than everything costs. */
    private BigDecimal someBudget() {
        int mostMicros = random.nextInt(4) == 0 ? 300 : rewriter == null ? 5_000 : 50_000;
        return BigDecimal.valueOf(1 + random.nextInt(mostMicros), 6);
    }

    private BuildMachine.@Nullable Ending play(Simulation simulation) {
        int calls = callsSoFar();
        BuildMachine.Ending ending = simulation.run();
        truth.check();
        if (simulation.crashed() != null) {
            tally.met("crash " + simulation.crashed());
        }
        if (ending != null) {
            Endings.assertBooksBalance(simulation, ending);
            simulation.watch().assertWithinBudget(ending);
            long made = callsSoFar() - calls;
            require(
                    ending.calls().requests() == made,
                    () -> "the calls are not counted right: " + ending.calls().requests() + " of " + made + ", "
                            + ending.notes() + ", " + ending.stopCause());
            if (!simulation.watch().storeWasLost()) {
                truth.jobEnded();
                assertOutcomesAreKept(simulation);
            }
        }
        memory.killRunningJob();
        assertVectorsAreThoseOfTheTruth();
        return ending;
    }

    private void setFaults(FaultScript service) {
        embedder.setFaults(service);
        if (rewriter != null) {
            rewriter.setFaults(service);
        }
    }

    // ---- trouble ----

    private void setStoreFaults(Set<Trouble> troubles) {
        Random faults = new Random(random.nextLong());
        double rate = troubles.contains(Trouble.STORE_HICCUPS) ? faults.nextDouble() * 0.2 : 0;
        int once = troubles.contains(Trouble.STORE_FAILS_ONCE) ? 1 + faults.nextInt(40) : -1;
        int gone = troubles.contains(Trouble.STORE_GONE) ? 1 + faults.nextInt(40) : Integer.MAX_VALUE;
        store.setFaults((call, method) -> {
            if (call == once) {
                return failing(Trouble.STORE_FAILS_ONCE, StoreException.Kind.PERMANENT);
            } else if (call >= gone) {
                return failing(Trouble.STORE_GONE, StoreException.Kind.TRANSIENT);
            }
            return faults.nextDouble() < rate ? failing(Trouble.STORE_HICCUPS, StoreException.Kind.TRANSIENT) : null;
        });
    }

    private StoreException.Kind failing(Trouble trouble, StoreException.Kind kind) {
        truth.storeFailed();
        tally.met("trouble " + trouble);
        return kind;
    }

    private FaultySource source(Set<Trouble> troubles) {
        Random faults = new Random(random.nextLong());
        double rate = faults.nextDouble() * 0.1;
        Set<RecordKey> unreadable = new HashSet<>();
        if (troubles.contains(Trouble.UNREADABLE_RECORDS)) {
            host.keys().stream().filter(key -> faults.nextDouble() < rate).forEach(unreadable::add);
        }
        boolean pagesLost = troubles.contains(Trouble.PAGES_LOST);
        boolean fetchesLost = troubles.contains(Trouble.FETCHES_LOST);
        boolean fetchesBreak = troubles.contains(Trouble.FETCHES_BREAK);
        truth.mayBeUnreadable(key -> fetchesBreak || unreadable.contains(key));
        return new FaultySource(host, 1 + faults.nextInt(60))
                .unreadable(key -> {
                    if (unreadable.contains(key)) {
                        tally.met("trouble " + Trouble.UNREADABLE_RECORDS);
                        return true;
                    }
                    return false;
                })
                .pageFault(call -> pagesLost && faults.nextDouble() < rate
                        ? met(Trouble.PAGES_LOST, new SourceException("a page is lost", null))
                        : null)
                .fetchFault(call -> {
                    if (fetchesLost && faults.nextInt(4) == 0) {
                        return met(Trouble.FETCHES_LOST, new SourceException("the line is cut", null));
                    }
                    return fetchesBreak && faults.nextInt(6) == 0
                            ? met(Trouble.FETCHES_BREAK, new IllegalStateException("of the host"))
                            : null;
                });
    }

    private RuntimeException met(Trouble trouble, RuntimeException thrown) {
        tally.met("trouble " + trouble);
        return thrown;
    }

    private void meanwhile(Set<Trouble> troubles) {
        if (troubles.contains(Trouble.HOST_WRITES_MEANWHILE) && random.nextInt(20) == 0) {
            hostWrites();
            tally.met("trouble " + Trouble.HOST_WRITES_MEANWHILE);
        }
        if (troubles.contains(Trouble.ANOTHER_WORKER) && random.nextInt(20) == 0) {
            anotherWorkerTakes(host.someKey());
        }
    }

    /** It reads the text of now, and often is done with it before this run is done with the text of before. */
    private void anotherWorkerTakes(RecordKey key) {
        Claim claim = memory.takeOver(key);
        if (claim == null) {
            return;
        }
        tally.met("trouble " + Trouble.ANOTHER_WORKER);
        host.change(key);
        Host.Text text = Objects.requireNonNull(host.textOf(key));
        boolean stored = text.trait() == Trait.HARMLESS && random.nextBoolean();
        if (stored) {
            memory.commit(
                    Objects.requireNonNull(memory.runningJob()),
                    List.of(new RecordResult.Embedded(
                            claim, text.contentHash(), text.sentHash(), text.vector(), null, RecordCost.NONE)),
                    List.of());
        }
        truth.overtaken(key, stored ? text : null);
    }

    private void endEarly(Simulation simulation, Set<Trouble> troubles) {
        if (troubles.contains(Trouble.CANCEL) || troubles.contains(Trouble.CRASH_AFTER_A_CANCEL)) {
            int[] left = {random.nextInt(100)};
            simulation.cancelWhen(command -> {
                boolean now = left[0]-- == 0;
                if (now) {
                    tally.met("trouble " + Trouble.CANCEL);
                }
                return now;
            });
        }
        if (troubles.contains(Trouble.CRASH_AFTER_A_CANCEL)) {
            simulation.crashAt(crashPoint(LAST_COMMANDS.get(random.nextInt(LAST_COMMANDS.size())), 3));
        }
        if (troubles.contains(Trouble.CRASH_AT_A_COMMAND)) {
            simulation.crashAt(crashPoint(CRASH_COMMANDS.get(random.nextInt(CRASH_COMMANDS.size())), 20));
        }
        if (troubles.contains(Trouble.CRASH_SOMEWHERE)) {
            simulation.crashAfter(random.nextInt(100));
        }
    }

    private CrashPoint crashPoint(Class<? extends Command> kind, int mostTimes) {
        CrashPoint.Side side = random.nextBoolean() ? CrashPoint.Side.BEFORE : CrashPoint.Side.AFTER;
        return new CrashPoint(kind, side, 1 + random.nextInt(1 + random.nextInt(mostTimes)));
    }

    // ---- the last jobs ----

    /** Only texts are bad. Every record ends as its text deserves, at the first or the hundredth attempt. */
    private void playWithoutTrouble() {
        setFaults(new Service(host, truth, random, clock, tally));
        BuildMachine.Ending ending =
                Objects.requireNonNull(playClean(simulation("last", BuildRequest.all(), quiet(), settings(100))));
        require(ending.stopCause() == null, () -> "the last job stopped: " + ending.stopCause());
        Set<Reason> ends = EnumSet.noneOf(Reason.class);
        for (RecordKey key : host.keys()) {
            Host.Text text = host.textOf(key);
            if (text != null && !text.isBlank() && truth.paidFor(key) != text) {
                Reason end = text.trait().end();
                require(end != null, () -> key + " has no vector in the end");
                require(
                        store.explain(fingerprint, key).orElseThrow().reason() == end,
                        () -> key + " did not end as " + end);
                ends.add(Objects.requireNonNull(end));
            }
        }
        boolean failed = ends.stream().anyMatch(end -> end.kind() == Reason.Kind.FAILED);
        require(failed || ending.state() == JobState.COMPLETED, () -> "the last job ended as " + ending.state());
    }

    private void playWithNothingToDo() {
        long writes = memory.writes();
        int calls = callsSoFar();
        BuildMachine.Ending ending =
                Objects.requireNonNull(playClean(simulation("nothing", BuildRequest.all(), quiet(), settings(1))));
        require(ending.totalPending() == 0, () -> ending.totalPending() + " records were taken again for nothing");
        require(memory.writes() == writes && callsSoFar() == calls, "a job with nothing to do did something");
    }

    private BuildMachine.@Nullable Ending playClean(Simulation simulation) {
        store.setFaults((call, method) -> null);
        return play(simulation);
    }

    private FaultySource quiet() {
        truth.mayBeUnreadable(key -> false);
        return new FaultySource(host, 50);
    }

    private static BuildSettings settings(int maxAttempts) {
        return new BuildSettings(
                Duration.ofSeconds(300),
                Duration.ofSeconds(30),
                Duration.ofHours(1),
                maxAttempts,
                BuildSettings.TooLong.SKIP,
                null);
    }

    private Simulation simulation(String id, BuildRequest request, FaultySource source, BuildSettings settings) {
        long maxTextBytes = seed % 3 == 0 ? 600 : 16L << 20;
        Simulation simulation = new Simulation(
                random.nextLong(), clock, id, request, source, store, embedder, rewriter, settings, maxTextBytes);
        return simulation.watchedWith(truth);
    }

    private int callsSoFar() {
        return embedder.embedCalls() + (rewriter == null ? 0 : rewriter.rewriteCalls());
    }

    // ---- after each job ----

    /** What the store has, whether the job ended or was killed. */
    private void assertVectorsAreThoseOfTheTruth() {
        store.forEachVector(fingerprint, null, this::assertRight);
    }

    private void assertRight(StoredVector stored) {
        Host.Text paid = truth.lastStored(stored.key());
        require(
                paid != null
                        && stored.textHash().equals(paid.sentHash())
                        && stored.embedding().equals(paid.vector()),
                () -> stored.key() + " has a vector that it should not have");
    }

    private void assertOutcomesAreKept(Simulation simulation) {
        Map<Reason, Set<RecordOutcome>> told = new EnumMap<>(Reason.class);
        simulation.told.forEach(outcome ->
                told.computeIfAbsent(outcome.reason(), any -> new HashSet<>()).add(outcome));
        told.forEach((reason, outcomes) -> {
            Map<RecordKey, RecordOutcome> kept = new HashMap<>();
            store.forEachOutcome(simulation.jobId(), reason, outcome -> kept.put(outcome.key(), outcome));
            outcomes.forEach(
                    outcome -> require(kept.containsKey(outcome.key()), () -> "the store does not know of " + outcome));
        });
    }
}
