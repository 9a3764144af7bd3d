package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.RecordResult;
import dev.evervec.pipeline.store.Sha256;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Backoff;
import dev.evervec.testkit.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs a whole job on one thread in virtual time: the real state machine, the real hands, a store and providers without
 * network. How long each command takes, and so in which order answers come, follows from the seed. After every event
 * {@link Watch} looks at it.
 */
final class Simulation {
    private static final long STEP_LIMIT = 2_000_000;
    private static final long RENEWAL = Duration.ofSeconds(15).toNanos();

    private record Posted(long at, long order, Supplier<Event> event) {}

    private record Answer(Posted posted, Event event) {}

    /** When a killed process dies: next to the n-th command of a kind. */
    record CrashPoint(Class<? extends Command> kind, Side side, int occurrence) {
        enum Side {
            BEFORE,
            AFTER
        }

        @Override
        public String toString() {
            return side.name().toLowerCase(Locale.ROOT) + " " + kind.getSimpleName();
        }
    }

    final ManualClock clock;
    final List<RecordOutcome> told = new ArrayList<>();
    final List<ProviderCall> calls = new ArrayList<>();
    final List<BuildProgress> progress = new ArrayList<>();
    /** Texts that were paid for, each time. */
    final List<Sha256> paid = new ArrayList<>();

    private final Set<Sha256> open = new HashSet<>(); // paid for, with a vector that is not stored yet
    private long refused;

    private final SplittableRandom random;
    private final PriorityQueue<Posted> posted =
            new PriorityQueue<>(Comparator.comparingLong(Posted::at).thenComparingLong(Posted::order));
    private final Map<CancelSignal, Answer> answers = new IdentityHashMap<>();
    private final BuildPlan plan;
    private final BuildMachine machine;
    private final Hands hands;
    private final JobTicket job;
    private final String jobId;
    private long now;
    private long renewedAt;
    private long order;
    private long writerFreeAt;
    private final int mostMillisOfAWrite;
    private final int slownessOfAnswers;
    private final Watch watch;
    private long steps;
    private Predicate<Command> cancelAt = command -> false;
    private Runnable beforeEachEvent = () -> {};
    private long crashAtStep = Long.MAX_VALUE;
    private @Nullable CrashPoint crashPoint;
    private int crashPointsMet;
    private @Nullable String crashed;

    Simulation(
            long seed,
            ManualClock clock,
            String jobId,
            BuildRequest request,
            RecordSource records,
            EmbeddingStore store,
            LLMProvider embedder,
            @Nullable LLMProvider rewriter,
            BuildSettings settings) {
        this(seed, clock, jobId, request, records, store, embedder, rewriter, settings, 16L << 20);
    }

    Simulation(
            long seed,
            ManualClock clock,
            String jobId,
            BuildRequest request,
            RecordSource records,
            EmbeddingStore store,
            LLMProvider embedder,
            @Nullable LLMProvider rewriter,
            BuildSettings settings,
            long maxTextBytes) {
        this.random = new SplittableRandom(seed);
        this.mostMillisOfAWrite = random.nextInt(4) == 0 ? 2000 : 20;
        this.slownessOfAnswers = random.nextInt(8) == 0 ? 50 : 1;
        this.clock = clock;
        this.now = clockNow();
        this.renewedAt = now;
        PromptTemplate prompt = new PromptTemplate("Rewrite: {text}");
        String rewriteFingerprint = rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), prompt.template());
        Fingerprint fingerprint = new Fingerprint(embedder.model(), rewriteFingerprint);
        this.job = store.beginJob(new JobStart(
                jobId,
                fingerprint,
                settings.maxAttempts(),
                Set.of(),
                JobStart.Kind.BUILD,
                request.jobScope(settings),
                null,
                request.whileRunning()));
        this.jobId = job.start().jobId();
        // Some jobs share their database with others and write little at a time.
        boolean few = Math.floorMod(seed, 4) == 0;
        int rowsPerWrite = few ? 1 + Math.floorMod(seed, 7) : store.rowsPerWrite();
        this.plan = new BuildPlan(
                this.jobId,
                clock.instant(),
                request,
                job.role(),
                job.resumed(),
                settings,
                PricedModel.of(embedder),
                embedder.limits(),
                embedder.callPolicy(),
                rewriter == null ? null : BuildPlan.Rewriting.of(rewriter, prompt),
                maxTextBytes,
                rowsPerWrite,
                StoreQueue.PATIENCE,
                StopPatience.DEFAULT);
        this.watch = new Watch(plan);
        this.machine = new BuildMachine(plan, Backoff.DEFAULT, random.split(), now);
        this.hands = new Hands(
                store,
                job,
                new ScanReader(
                        records.scan(request.source()),
                        request,
                        rowsPerWrite,
                        embedder.limits().maxTextsPerRequest()),
                request,
                new Preparer(records, store, new TextSizer(embedder), settings.onTooLong(), fingerprint),
                embedder,
                rewriter == null ? null : new Hands.Rewriting(rewriter, prompt, rewriteFingerprint));
    }

    /** Cancels the job when this command is given for the first time. */
    Simulation cancelWhen(Predicate<Command> condition) {
        cancelAt = condition;
        return this;
    }

    /** Ends the simulation after so many events, as a killed process would. */
    Simulation crashAfter(long events) {
        crashAtStep = events;
        return this;
    }

    /** Ends the simulation there, if it comes there. */
    Simulation crashAt(CrashPoint point) {
        crashPoint = point;
        return this;
    }

    /** Something else that happens in the world, between any two events. */
    Simulation beforeEachEvent(Runnable happening) {
        beforeEachEvent = happening;
        return this;
    }

    /** Also looks after what is true of more than one job. */
    Simulation watchedWith(Truth truth) {
        watch.with(truth, job.number());
        return this;
    }

    Watch watch() {
        return watch;
    }

    /** Where it was crashed, or null if it was not. */
    @Nullable
    String crashed() {
        return crashed;
    }

    String jobId() {
        return jobId;
    }

    /** Runs the job; null if it was crashed. */
    BuildMachine.@Nullable Ending run() {
        begin();
        while (!isOver()) {
            step();
        }
        return crashed == null ? ending() : null;
    }

    /** Sets it going; afterwards it goes on by {@link #step()}. */
    void begin() {
        take(new Event.Begin());
    }

    /** Whether it came to its end or was crashed. */
    boolean isOver() {
        return crashed != null || machine.isOver();
    }

    /** Ends it where it is, as a killed process would. */
    void kill() {
        crashed = "killed";
    }

    /** Asks it to stop. */
    void cancel() {
        post(0, new Event.CancelRequested());
    }

    JobTicket job() {
        return job;
    }

    /** How the job ended that came to its end. */
    BuildMachine.Ending ending() {
        hands.close();
        return machine.ending();
    }

    /** When something happens next, on the clock's time line. */
    long nextAt() {
        Posted next = posted.peek();
        long at = Math.min(machine.nextWake(), next == null ? Long.MAX_VALUE : next.at());
        if (at == Long.MAX_VALUE) {
            throw new AssertionError("job " + jobId + " waits for nothing: " + machine.progress());
        }
        return Math.min(at, renewsAt());
    }

    private long renewsAt() {
        return job.role() == JobTicket.Role.ALONE ? Long.MAX_VALUE : renewedAt + RENEWAL;
    }

    /** Lets the next thing happen; late, if the clock has been moved on meanwhile. */
    void step() {
        if (++steps > STEP_LIMIT) {
            throw new AssertionError("job " + jobId + " does not end");
        }
        if (steps > crashAtStep) {
            crashed = "somewhere";
            return;
        }
        beforeEachEvent.run();
        long at = nextAt();
        Posted next = posted.peek();
        moveTo(at);
        if (at == renewsAt()) {
            renewedAt = now;
            hands.renewLeases();
        } else if (next == null || at < next.at()) {
            take(new Event.Tick());
        } else {
            posted.remove();
            take(next.event().get());
        }
    }

    private void moveTo(long time) {
        now = Math.max(now, Math.max(time, clockNow()));
        clock.advance(Duration.ofNanos(now - clockNow()));
    }

    private long clockNow() {
        return Duration.between(ManualClock.START, clock.instant()).toNanos();
    }

    private void take(Event event) {
        watch.before(event, now);
        List<Command> commands = machine.handle(event, now);
        commands.forEach(watch::given);
        watch.after(machine);
        for (Command command : commands) {
            if (cancelAt.test(command)) {
                cancelAt = later -> false;
                post(random.nextLong(50_000_000), new Event.CancelRequested());
            }
            carryOutUnlessCrashed(command);
        }
    }

    private void carryOutUnlessCrashed(Command command) {
        boolean here = crashPoint != null
                && crashPoint.kind() == command.getClass()
                && ++crashPointsMet == crashPoint.occurrence();
        if (here && crashPoint.side() == CrashPoint.Side.BEFORE) {
            crashed = crashPoint.toString();
        }
        if (crashed == null) {
            carryOut(command);
        }
        if (here) {
            crashed = crashPoint.toString();
        }
    }

    private void carryOut(Command command) {
        if (command instanceof Command.StoreCommand write) {
            writerFreeAt = Math.max(writerFreeAt, now) + random.nextLong(mostMillisOfAWrite * 1_000_000L);
            write(write);
        } else if (command instanceof Command.Tell tell) {
            told.addAll(tell.outcomes());
            calls.addAll(tell.calls());
            progress.add(tell.progress());
        } else if (command instanceof Command.ScanPage) {
            post(random.nextLong(10_000_000), hands.scanPage());
        } else if (command instanceof Command.Read read) {
            post(random.nextLong(10_000_000), hands.read(read.claims(), read.maxBytes()));
        } else if (command instanceof Command.Embed embed) {
            Event answer = hands.embed(embed.batch());
            if (answer instanceof Event.EmbedAnswered) {
                embed.batch().items.forEach(this::pay);
            }
            answer(embed.batch().cancelSignal(), 400, answer);
        } else if (command instanceof Command.Rewrite rewrite) {
            if (machine.progress().phase().compareTo(BuildProgress.Phase.REWRITING) > 0) {
                throw new AssertionError(
                        "a rewrite is sent in phase " + machine.progress().phase());
            }
            answer(rewrite.call().cancelSignal(), 900, hands.rewrite(rewrite.call()));
        } else if (command instanceof Command.Probe probe) {
            answer(probe.signal(), 200, hands.probe(probe.capability(), probe.signal()));
        } else if (command instanceof Command.Cut cut) {
            cut(cut.signal());
        }
    }

    /** Written at the beginning or at the end of the time that it takes: a crash in between comes after or before it. */
    private void write(Command.StoreCommand write) {
        boolean atOnce = random.nextBoolean() || isLastWordOfCrash(write);
        Event done = atOnce ? written(write) : null;
        posted.add(new Posted(writerFreeAt, order++, done == null ? () -> written(write) : () -> done));
    }

    /** How many texts were paid for whose vectors were refused, or were not stored and will not be if it ends here. */
    long paidInVain() {
        return refused + open.size();
    }

    private void pay(Work work) {
        paid.add(work.text().hash());
        open.add(work.text().hash());
    }

    private Event written(Command.StoreCommand write) {
        Event event = hands.write(write);
        if (event instanceof Event.Committed committed) {
            for (RecordResult result : committed.results()) {
                if (result instanceof RecordResult.Embedded embedded && open.remove(embedded.textHash())) {
                    refused += committed.refused().contains(result.claim().key()) ? 1 : 0;
                }
            }
        }
        return event;
    }

    private boolean isLastWordOfCrash(Command.StoreCommand write) {
        return crashPoint != null && crashPoint.kind() == write.getClass() && crashPointsMet == crashPoint.occurrence();
    }

    /** Most answers come soon, some take longer than a cancelled job waits. */
    private void answer(CancelSignal signal, int mostMillis, Event event) {
        long millis = random.nextInt(50) == 0
                ? 10_000 + random.nextInt(20_000)
                : 1 + random.nextInt(mostMillis * slownessOfAnswers);
        Posted answer = new Posted(now + millis * 1_000_000 + random.nextInt(1_000_000), order++, () -> event);
        answers.put(signal, new Answer(answer, event));
        posted.add(answer);
    }

    /** Some services notice and some answer all the same. */
    private void cut(CancelSignal signal) {
        signal.cancel();
        Answer answer = answers.get(signal);
        if (answer != null && random.nextBoolean() && posted.remove(answer.posted())) {
            post(random.nextLong(1_000_000), cutShort(answer.event()));
        }
    }

    private static Event cutShort(Event answer) {
        ProviderException cut = TransientProviderException.cancelled();
        if (answer instanceof Event.EmbedAnswered embedded) {
            return new Event.EmbedFailed(embedded.batch(), cut, TokenUsage.NONE);
        } else if (answer instanceof Event.EmbedFailed failed) {
            return new Event.EmbedFailed(failed.batch(), cut, TokenUsage.NONE);
        } else if (answer instanceof Event.RewriteAnswered rewritten) {
            return new Event.RewriteFailed(rewritten.call(), cut, TokenUsage.NONE);
        } else if (answer instanceof Event.RewriteNotAsked || answer instanceof Event.RewriteNotFound) {
            return answer;
        } else if (answer instanceof Event.RewriteFailed failed) {
            return new Event.RewriteFailed(failed.call(), cut, TokenUsage.NONE);
        } else if (answer instanceof Event.ProbeAnswered probed) {
            return new Event.ProbeFailed(probed.capability(), cut);
        } else if (answer instanceof Event.ProbeFailed failed) {
            return new Event.ProbeFailed(failed.capability(), cut);
        }
        throw new AssertionError("no answer to a call: " + answer.getClass());
    }

    private void post(long delay, Event event) {
        posted.add(new Posted(now + delay, order++, () -> event));
    }
}
