package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.ScanScope;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.resilience.Backoff;
import dev.evervec.testkit.ManualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Runs a whole job on one thread in virtual time: the real state machine, the real hands, a store and providers without
 * network. How long each command takes, and so in which order answers come, follows from the seed. After every event the
 * bounds of what may be on its way are checked.
 */
final class Simulation {
    private static final long STEP_LIMIT = 2_000_000;
    /** How long records are shows when they are read; short ones are read many at a time. */
    private static final long SHORT_TEXTS = 64 << 10;

    private record Posted(long at, long order, Event event) {}

    final ManualClock clock;
    final List<RecordOutcome> told = new ArrayList<>();
    final List<BuildProgress> progress = new ArrayList<>();
    int mostRequests;
    private final SplittableRandom random;
    private final PriorityQueue<Posted> posted =
            new PriorityQueue<>(Comparator.comparingLong(Posted::at).thenComparingLong(Posted::order));
    private final Map<CancelSignal, Posted> answers = new IdentityHashMap<>();
    private final BuildPlan plan;
    private final BuildMachine machine;
    private final Hands hands;
    private final JobTicket job;
    private final String jobId;
    private long now;
    private long order;
    private long writerFreeAt;
    private final int mostMillisOfAWrite;
    private int inFlight;
    private boolean storeHasFailed;
    private final Map<RecordKey, RequestBatch<Work>> uncommitted = new HashMap<>();
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
        this.clock = clock;
        this.jobId = jobId;
        PromptTemplate prompt = new PromptTemplate("Rewrite: {text}");
        String rewriteFingerprint = rewriter == null ? "" : Fingerprint.ofRewrite(rewriter.model(), prompt.template());
        Fingerprint fingerprint = new Fingerprint(embedder.model(), rewriteFingerprint);
        this.job = store.beginJob(new JobStart(jobId, fingerprint, settings.maxAttempts()));
        ScanScope scope = request.isSelection() ? new ScanScope.Partial() : new ScanScope.Complete(request.source());
        this.plan = new BuildPlan(
                jobId,
                clock.instant(),
                settings,
                embedder.model().dimension(),
                embedder.limits(),
                embedder.callPolicy(),
                rewriter == null ? null : rewriter.callPolicy(),
                scope,
                maxTextBytes,
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
        countRequests(event);
        for (Command command : machine.handle(event, now)) {
            if (cancelAt.test(command)) {
                cancelAt = later -> false;
                post(random.nextLong(50_000_000), new Event.CancelRequested());
            }
            carryOut(command);
        }
        checkBounds();
    }

    /** Counted beside the machine: a batch is open while it is under way or one of its vectors is not committed. */
    private void countRequests(Event event) {
        if (event instanceof Event.EmbedAnswered answer) {
            inFlight--;
            for (int i = 0; i < answer.batch().size(); i++) {
                if (answer.response().embedding(i) != null) {
                    uncommitted.put(answer.batch().items.get(i).claim().key(), answer.batch());
                }
            }
        } else if (event instanceof Event.EmbedFailed) {
            inFlight--;
        } else if (event instanceof Event.Committed committed) {
            committed
                    .results()
                    .forEach(result -> uncommitted.remove(result.claim().key()));
        } else if (event instanceof Event.StoreFailed) {
            storeHasFailed = true;
        }
    }

    private void checkBounds() {
        // What a lost store did not take is not sent again in this job.
        int waiting = storeHasFailed ? 0 : new HashSet<>(uncommitted.values()).size();
        int requests = inFlight + waiting;
        mostRequests = Math.max(mostRequests, requests);
        if (requests > plan.embedding().maxInFlight() + 2
                || machine.recordsOnTheWay() > plan.maxRecords()
                || machine.bytesOnTheWay() > plan.maxTextBytes() + SHORT_TEXTS
                || machine.bytesOnTheWay() < 0) {
            throw new AssertionError("out of bounds: " + requests + " request batches, " + machine.recordsOnTheWay()
                    + " records, " + machine.bytesOnTheWay() + " bytes");
        }
    }

    private void carryOut(Command command) {
        if (command instanceof Command.StoreCommand write) {
            writerFreeAt = Math.max(writerFreeAt, now) + random.nextLong(mostMillisOfAWrite * 1_000_000L);
            posted.add(new Posted(writerFreeAt, order++, hands.write(write)));
        } else if (command instanceof Command.Tell tell) {
            told.addAll(tell.outcomes());
            progress.add(tell.progress());
        } else if (command instanceof Command.ScanPage) {
            post(random.nextLong(10_000_000), hands.scanPage());
        } else if (command instanceof Command.Read read) {
            post(random.nextLong(10_000_000), hands.read(read.claims(), read.maxBytes()));
        } else if (command instanceof Command.Embed embed) {
            inFlight++;
            answer(embed.batch().cancelSignal(), 400, hands.embed(embed.batch()));
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

    /** Most answers come soon, some take longer than a cancelled job waits. */
    private void answer(CancelSignal signal, int mostMillis, Event event) {
        long millis = random.nextInt(50) == 0 ? 10_000 + random.nextInt(20_000) : 1 + random.nextInt(mostMillis);
        Posted answer = new Posted(now + millis * 1_000_000 + random.nextInt(1_000_000), order++, event);
        answers.put(signal, answer);
        posted.add(answer);
    }

    /** Some services notice and some answer all the same. */
    private void cut(CancelSignal signal) {
        signal.cancel();
        Posted answer = answers.get(signal);
        if (answer != null && random.nextBoolean() && posted.remove(answer)) {
            post(random.nextLong(1_000_000), cutShort(answer.event()));
        }
    }

    private static Event cutShort(Event answer) {
        ProviderException cut = TransientProviderException.cancelled();
        if (answer instanceof Event.EmbedAnswered embedded) {
            return new Event.EmbedFailed(embedded.batch(), cut);
        } else if (answer instanceof Event.EmbedFailed failed) {
            return new Event.EmbedFailed(failed.batch(), cut);
        } else if (answer instanceof Event.RewriteAnswered rewritten) {
            return new Event.RewriteFailed(rewritten.call(), cut);
        } else if (answer instanceof Event.RewriteNotAsked) {
            return answer;
        } else if (answer instanceof Event.RewriteFailed failed) {
            return new Event.RewriteFailed(failed.call(), cut);
        } else if (answer instanceof Event.ProbeAnswered probed) {
            return new Event.ProbeFailed(probed.capability(), cut);
        } else if (answer instanceof Event.ProbeFailed failed) {
            return new Event.ProbeFailed(failed.capability(), cut);
        }
        throw new AssertionError("no answer to a call: " + answer.getClass());
    }

    private void post(long delay, Event event) {
        posted.add(new Posted(now + delay, order++, event));
    }
}
