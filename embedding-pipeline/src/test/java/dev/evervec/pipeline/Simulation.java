package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.provider.LLMProvider;
import dev.evervec.resilience.Backoff;
import dev.evervec.testkit.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Runs a whole job on one thread in virtual time: the real state machine, the real hands, a store and providers without
 * network. How long each command takes, and so in which order answers come, follows from the seed.
 */
final class Simulation {
    private static final long STEP_LIMIT = 2_000_000;

    private record Posted(long at, long order, Event event) {}

    final ManualClock clock;
    final List<RecordOutcome> told = new ArrayList<>();
    final List<dev.evervec.pipeline.progress.BuildProgress> progress = new ArrayList<>();
    private final SplittableRandom random;
    private final PriorityQueue<Posted> posted =
            new PriorityQueue<>(java.util.Comparator.comparingLong(Posted::at).thenComparingLong(Posted::order));
    private final BuildMachine machine;
    private final Hands hands;
    private final JobTicket job;
    private final EmbeddingStore store;
    private final String jobId;
    private long now;
    private long order;
    private long writerFreeAt;
    private long steps;
    private Predicate<Command> cancelAt = command -> false;
    private long crashAtStep = Long.MAX_VALUE;

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
        this.random = new SplittableRandom(seed);
        this.clock = clock;
        this.store = store;
        this.jobId = jobId;
        PromptTemplate prompt = new PromptTemplate("Rewrite: {text}");
        String rewriteFingerprint = rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), prompt.template());
        Fingerprint fingerprint = new Fingerprint(embedder.model(), rewriteFingerprint);
        this.job = store.beginJob(new JobStart(jobId, fingerprint, settings.maxAttempts()));
        ScanScope scope = request.isSelection() ? new ScanScope.Partial() : new ScanScope.Complete(request.source());
        BuildPlan plan = new BuildPlan(
                jobId,
                clock.instant(),
                settings,
                embedder.model().dimension(),
                embedder.limits(),
                embedder.callPolicy(),
                rewriter == null ? null : rewriter.callPolicy(),
                scope,
                16L << 20,
                new Prices(null, rewriter != null));
        this.machine = new BuildMachine(plan, Backoff.DEFAULT, random.split(), now);
        this.hands = new Hands(
                store,
                job,
                records.scan(request.source()),
                request,
                new Preparer(
                        records,
                        store,
                        new TextSizer(embedder),
                        settings.onTooLong(),
                        rewriter == null ? null : rewriteFingerprint),
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

    /** Runs the job; null if it was crashed. */
    BuildMachine.@Nullable Ending run() {
        take(new Event.Begin());
        while (!machine.isOver()) {
            if (++steps > STEP_LIMIT) {
                throw new AssertionError("job " + jobId + " does not end");
            }
            if (steps > crashAtStep) {
                return null;
            }
            long wake = machine.nextWake();
            Posted next = posted.peek();
            if (next == null && wake == Long.MAX_VALUE) {
                throw new AssertionError("job " + jobId + " waits for nothing: " + machine.progress());
            }
            if (next == null || wake < next.at()) {
                moveTo(Math.max(now, wake));
                take(new Event.Tick());
            } else {
                posted.remove();
                moveTo(next.at());
                take(next.event());
            }
        }
        hands.close();
        return machine.ending();
    }

    private void moveTo(long time) {
        clock.advance(Duration.ofNanos(time - now));
        now = time;
    }

    private void take(Event event) {
        for (Command command : machine.handle(event, now)) {
            if (cancelAt.test(command)) {
                cancelAt = later -> false;
                post(random.nextLong(50_000_000), new Event.CancelRequested());
            }
            carryOut(command);
        }
    }

    private void carryOut(Command command) {
        if (command instanceof Command.StoreCommand write) {
            writerFreeAt = Math.max(writerFreeAt, now) + random.nextLong(20_000_000);
            posted.add(new Posted(writerFreeAt, order++, hands.write(write)));
        } else if (command instanceof Command.Tell tell) {
            told.addAll(tell.outcomes());
            progress.add(tell.progress());
        } else if (command instanceof Command.ScanPage) {
            post(random.nextLong(10_000_000), hands.scanPage());
        } else if (command instanceof Command.Read read) {
            post(random.nextLong(10_000_000), hands.read(read.claims()));
        } else if (command instanceof Command.Embed embed) {
            post(1_000_000 + random.nextLong(400_000_000), hands.embed(embed.batch()));
        } else if (command instanceof Command.Rewrite rewrite) {
            post(1_000_000 + random.nextLong(900_000_000), hands.rewrite(rewrite.call()));
        } else if (command instanceof Command.Probe probe) {
            post(1_000_000 + random.nextLong(200_000_000), hands.probe(probe.capability(), probe.signal()));
        }
        // Cut: the answers of this simulation always come.
    }

    private void post(long delay, Event event) {
        posted.add(new Posted(now + delay, order++, event));
    }

    static long sum(BuildMachine.Ending ending, Reason.Kind kind) {
        return ending.books().sum(kind);
    }
}
