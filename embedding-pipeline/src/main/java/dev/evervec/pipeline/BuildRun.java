package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running or ended job. Thread-safe.
 *
 * <p>Inside, one thread drives the state machine: it takes events from an inbox and hands commands to the threads that carry
 * them out, which post what came of it. No thread waits for another.
 */
public final class BuildRun {
    private static final Logger log = LoggerFactory.getLogger(BuildRun.class);
    private static final Duration RENEWAL = Duration.ofSeconds(15);
    private static final Duration PATIENCE_AT_END = Duration.ofMinutes(1);
    private static final int PREPARERS = 2;

    private final String jobId;
    private final BuildMachine machine; // owned by the mind's thread
    private final Hands hands;
    private final @Nullable JobFiles files; // owned by the writer's thread
    private final ListenerThread listeners;
    private final EmbeddingStore store;
    private final BlockingQueue<Event> inbox = new LinkedBlockingQueue<>();
    private final CompletableFuture<BuildReport> report = new CompletableFuture<>();
    private final ExecutorService mind = pool("mind", 1);
    private final ExecutorService scanner = pool("scan", 1);
    private final ExecutorService preparers = pool("prepare", PREPARERS);
    private final ExecutorService writer = pool("writer", 1);
    private final @Nullable ExecutorService ownCallers;
    private final Executor callers;
    private final ScheduledExecutorService lease = Executors.newSingleThreadScheduledExecutor(Threads.named("lease"));
    private volatile BuildProgress progress;

    BuildRun(
            String jobId,
            BuildMachine machine,
            Hands hands,
            @Nullable JobFiles files,
            ListenerThread listeners,
            EmbeddingStore store,
            @Nullable Executor callExecutor) {
        this.jobId = jobId;
        this.machine = machine;
        this.hands = hands;
        this.files = files;
        this.listeners = listeners;
        this.store = store;
        ExecutorService own = callExecutor == null ? Executors.newCachedThreadPool(Threads.named("call")) : null;
        this.ownCallers = own;
        this.callers = own == null ? Objects.requireNonNull(callExecutor) : own;
        this.progress = machine.progress();
    }

    private static ExecutorService pool(String stage, int size) {
        return Executors.newFixedThreadPool(size, Threads.named(stage));
    }

    /** The job's id. */
    public String jobId() {
        return jobId;
    }

    /** How far the job is; after its end, how far it came. Never blocks. */
    public BuildProgress progress() {
        return progress;
    }

    /**
     * Asks the job to stop: no new request is sent, those in flight get ten seconds to end, what was paid for is stored, and
     * the rest stays pending. Returns at once; {@link #result()} waits for the end. Harmless when the job has ended.
     */
    public void cancel() {
        inbox.add(new Event.CancelRequested());
    }

    /** Whether the job has ended. */
    public boolean isDone() {
        return report.isDone();
    }

    /**
     * Waits for the end of the job. A thread that is interrupted while it waits cancels the job, still waits for its books,
     * and returns with its interrupt flag set.
     */
    public BuildReport result() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return report.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                    cancel();
                } catch (ExecutionException e) {
                    throw new IllegalStateException("job " + jobId + " ended without a report", e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    void start() {
        listeners.start();
        // Never cancelled by itself: the executor is shut down at the end of the run.
        var unused = lease.scheduleAtFixedRate(
                this::renewLeases, RENEWAL.toSeconds(), RENEWAL.toSeconds(), TimeUnit.SECONDS);
        mind.execute(this::live);
    }

    private void renewLeases() {
        try {
            hands.renewLeases();
        } catch (StoreException e) {
            log.warn("job {}: the leases could not be renewed: {}", jobId, e.getMessage());
        } catch (RuntimeException | Error e) {
            // Caught, because an executor that sees it would never renew again.
            log.warn("job {}: {}", jobId, Faults.unexpected("renewing the leases", e));
        }
    }

    // ---- the mind ----

    private void live() {
        try {
            inbox.add(new Event.Begin());
            while (!machine.isOver()) {
                Event event = nextEvent();
                for (Command command : machine.handle(event, System.nanoTime())) {
                    carryOut(command);
                }
            }
        } catch (RuntimeException | Error e) {
            log.error("job {}: the run broke; whatever is not committed stays pending", jobId, e);
            machine.abandon(Faults.unexpected("running job " + jobId, e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            machine.abandon("the thread of job " + jobId + " was interrupted");
        }
        end();
    }

    private Event nextEvent() throws InterruptedException {
        long wake = machine.nextWake();
        if (wake == Long.MAX_VALUE) {
            return inbox.take();
        }
        Event event = inbox.poll(Math.max(0, wake - System.nanoTime()), TimeUnit.NANOSECONDS);
        return event == null ? new Event.Tick() : event;
    }

    private void carryOut(Command command) {
        if (command instanceof Command.StoreCommand store) {
            carryOut(writer, () -> hands.write(store));
        } else if (command instanceof Command.Tell tell) {
            progress = tell.progress();
            writer.execute(() -> tell(tell));
        } else if (command instanceof Command.ScanPage) {
            carryOut(scanner, hands::scanPage);
        } else if (command instanceof Command.Read read) {
            carryOut(preparers, () -> hands.read(read.claims(), read.maxBytes()));
        } else if (command instanceof Command.Embed embed) {
            call(() -> hands.embed(embed.batch()), refusal -> new Event.EmbedFailed(embed.batch(), refusal));
        } else if (command instanceof Command.Rewrite rewrite) {
            call(() -> hands.rewrite(rewrite.call()), refusal -> new Event.RewriteFailed(rewrite.call(), refusal));
        } else if (command instanceof Command.Probe probe) {
            call(
                    () -> hands.probe(probe.capability(), probe.signal()),
                    refusal -> new Event.ProbeFailed(probe.capability(), refusal));
        } else if (command instanceof Command.Cut cut) {
            cut.signal().cancel();
        }
    }

    /** Whatever happens, an event comes of it: the machine waits for one. */
    private void carryOut(Executor executor, Supplier<Event> hand) {
        executor.execute(() -> {
            try {
                inbox.add(hand.get());
            } catch (RuntimeException | Error e) {
                inbox.add(new Event.HandBroke(Faults.unexpected("running job " + jobId, e)));
            }
        });
    }

    private void call(Supplier<Event> hand, Function<ProviderException, Event> refused) {
        try {
            carryOut(callers, hand);
        } catch (RejectedExecutionException e) {
            inbox.add(refused.apply(PermanentProviderException.configuration(
                    "the executor given for calls refuses them: give one that runs as many at a time as max_in_flight"
                            + " and workers allow, and keep it running",
                    0,
                    null)));
        }
    }

    private void tell(Command.Tell tell) {
        if (files != null) {
            files.progress(tell.progress());
            files.outcomes(tell.outcomes());
        }
        listeners.tell(tell.progress(), tell.outcomes());
    }

    // ---- the end ----

    private void end() {
        try {
            progress = machine.progress();
            BuildReport result = reportOf(machine.ending());
            closeJobIfAbandoned();
            writer.execute(() -> closeFiles(result));
            endHands();
            log.info(
                    "job {} {}: {} pending, {} succeeded, {} skipped, {} failed, {} requests",
                    jobId,
                    result.state().name().toLowerCase(Locale.ROOT),
                    result.totalPending(),
                    result.succeeded(),
                    result.totalSkipped(),
                    result.totalFailed(),
                    result.requests());
            listeners.tellEnd(result);
            // So that listeners have heard the end when the caller goes on, unless one of them is stuck.
            listeners.close();
            report.complete(result);
        } catch (RuntimeException | Error e) {
            endHands();
            report.completeExceptionally(e);
        } finally {
            mind.shutdown();
            listeners.close();
        }
    }

    /** A machine that ended by itself has closed the job in the store; one that broke has not. */
    private void closeJobIfAbandoned() {
        if (!machine.wasAbandoned()) {
            return;
        }
        writer.execute(() -> {
            if (hands.write(new Command.CloseJob(JobState.FAILED, Reason.ABORTED))
                    instanceof Event.StoreFailed failed) {
                log.warn(
                        "job {}: its end could not be stored: {}",
                        jobId,
                        failed.failure().getMessage());
            }
        });
    }

    private void endHands() {
        if (writer.isShutdown()) {
            return;
        }
        lease.shutdown();
        scanner.execute(hands::close);
        scanner.shutdown();
        preparers.shutdown();
        if (ownCallers != null) {
            ownCallers.shutdown();
        }
        writer.shutdown();
        await(scanner, "record source");
        await(writer, "writer");
    }

    private void closeFiles(BuildReport result) {
        if (files == null) {
            return;
        }
        files.progress(progress);
        result.notes().forEach(note -> files.line("note " + note));
        if (result.stoppedBy() != null) {
            files.line("stopped " + result.stoppedBy());
        }
        files.line("end " + result.toJson());
        files.close();
    }

    private void await(ExecutorService executor, String what) {
        try {
            if (!executor.awaitTermination(PATIENCE_AT_END.toSeconds(), TimeUnit.SECONDS)) {
                log.warn("job {}: the {} has not ended within a minute", jobId, what);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private BuildReport reportOf(BuildMachine.Ending ending) {
        BuildReport.State state = switch (ending.state()) {
            case CANCELLED -> BuildReport.State.CANCELLED;
            case FAILED -> BuildReport.State.FAILED;
            case RUNNING, COMPLETED -> BuildReport.State.COMPLETED;
        };
        return new BuildReport(
                jobId,
                state,
                ending.totalPending(),
                ending.books().succeededCount(),
                ending.books().of(Reason.Kind.SKIPPED),
                ending.books().of(Reason.Kind.FAILED),
                ending.duration(),
                ending.calls().requests(),
                ending.calls().usage(),
                ending.costUsd(),
                ending.notes(),
                ending.stopCause(),
                (reason, consumer) -> store.forEachOutcome(jobId, reason, consumer));
    }
}
