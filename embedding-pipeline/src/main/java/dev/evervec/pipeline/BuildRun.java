package dev.evervec.pipeline;

import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.progress.JobLog;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.PermanentProviderException;
import dev.evervec.provider.ProviderException;
import dev.evervec.provider.TokenUsage;
import dev.evervec.provider.TransientProviderException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running or ended job. Thread-safe.
 *
 * <p>Inside, one thread drives the state machine: it takes events from an inbox and hands commands to the threads that carry
 * them out, which post what came of it. No thread waits for another, and none of the library's runs code of the host or of a
 * vendor but those made for it: whoever blocks there holds up nothing else.
 */
public final class BuildRun {
    private static final Logger log = LoggerFactory.getLogger(BuildRun.class);
    /** How often the store is asked whether another process wants the job to stop. */
    private static final Duration LOOK = Duration.ofSeconds(2);

    private static final int PREPARERS = 2;

    private final String jobId;
    private final @Nullable String resumes;
    private final JobTicket.Role role;
    private final BuildMachine machine; // owned by the mind's thread
    private final Hands hands;
    private final JobFiles files; // owned by the writer's thread
    private final ListenerThread listeners;
    private final EmbeddingStore store;
    private final StopPatience patience;
    private final BlockingQueue<Event> inbox = new LinkedBlockingQueue<>();
    private final CompletableFuture<BuildReport> report = new CompletableFuture<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicBoolean cancelled = new AtomicBoolean();

    private final Threads threads = new Threads();
    private final Thread mind = Threads.named("mind").newThread(this::live);
    private final ExecutorService scanner = pool("scan", 1);
    private final ExecutorService preparers = pool("prepare", PREPARERS);
    private final ExecutorService writer = pool("writer", 1);
    private final ExecutorService cutter = pool("cut", 1);
    private final ExecutorService callers; // hands calls to the host's executor if there is one
    private final @Nullable Executor callExecutor;
    private final ScheduledExecutorService lease =
            Executors.newSingleThreadScheduledExecutor(threads.remembered("lease"));
    // Not on the thread of the leases, which nothing may delay.
    private final ScheduledExecutorService watch =
            Executors.newSingleThreadScheduledExecutor(threads.remembered("watch"));

    private volatile BuildProgress progress;
    private volatile boolean stopping; // calls that have not begun must not begin any more
    private final News news;
    private boolean heldUp; // as told; owned by the writer's thread
    private @Nullable Phase phase; // as told; owned by the writer's thread

    BuildRun(
            String jobId,
            @Nullable String resumes,
            JobTicket.Role role,
            BuildMachine machine,
            Hands hands,
            JobFiles files,
            ListenerThread listeners,
            EmbeddingStore store,
            @Nullable Executor callExecutor,
            StopPatience patience) {
        this.jobId = jobId;
        this.resumes = resumes;
        this.role = role;
        this.machine = machine;
        this.hands = hands;
        this.files = files;
        this.listeners = listeners;
        this.store = store;
        this.callExecutor = callExecutor;
        this.patience = patience;
        this.callers =
                callExecutor == null ? Executors.newCachedThreadPool(threads.remembered("call")) : pool("submit", 1);
        this.progress = machine.progress();
        this.news = new News(progress);
    }

    private ExecutorService pool(String stage, int size) {
        return Executors.newFixedThreadPool(size, threads.remembered(stage));
    }

    /** The job's id. */
    public String jobId() {
        return jobId;
    }

    /** Id of the interrupted job that it carries on, by request or because it comes to its records; or null. */
    public @Nullable String resumes() {
        return resumes;
    }

    /** What this run is to the job: its report and progress are of what it has taken itself. */
    public JobTicket.Role role() {
        return role;
    }

    /** How far the job is; after its end, how far it came. Never blocks. */
    public BuildProgress progress() {
        return progress;
    }

    /**
     * Asks this run to stop; other workers of the job go on, see {@link EmbeddingStore#requestCancel}. No new request is sent, those in flight get ten seconds to end and are then cut, what was paid
     * for is stored, and the rest stays pending. A provider call or a record source that has not come back five seconds after
     * that is no longer waited for, nor is a store that takes more than a minute for one write. Returns at once;
     * {@link #result()} waits for the end. May be called from any thread, a listener's too. Harmless when the job has ended.
     */
    public void cancel() {
        if (cancelled.compareAndSet(false, true)) {
            inbox.add(new Event.CancelRequested());
        }
    }

    /** The file of this run's log, or null if the pipeline writes none. */
    public @Nullable Path logFile() {
        return files.logFile();
    }

    /** The last lines of the job's log; after its end too. */
    public JobLog log() {
        return files.log();
    }

    /** Whether the job has ended. */
    public boolean isDone() {
        return report.isDone();
    }

    /**
     * Waits for the end of the job, and up to two seconds more until the listeners have heard everything. A thread that is
     * interrupted while it waits cancels the job, still waits for its books, and returns with its interrupt flag set. A
     * listener may wait here too: the job does not wait for it.
     *
     * @throws IllegalStateException if the job broke in a way that left it without balanced books
     */
    public BuildReport result() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    BuildReport result = report.get();
                    if (!listeners.isCurrentThread()) {
                        ended.await();
                    }
                    return result;
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
        long renewal = hands.renewal().toMillis();
        // Never cancelled by itself: the executor is shut down at the end of the run.
        var unused = lease.scheduleAtFixedRate(this::renewLeases, renewal, renewal, TimeUnit.MILLISECONDS);
        unused =
                watch.scheduleWithFixedDelay(this::lookForCancel, LOOK.toSeconds(), LOOK.toSeconds(), TimeUnit.SECONDS);
        mind.start();
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

    private void lookForCancel() {
        try {
            if (hands.cancelRequested()) {
                cancel();
            }
        } catch (StoreException e) {
            // Whoever asked sees that the job goes on; a store that is in trouble is told of where it matters.
            log.debug("job {}: cannot see whether it is to be cancelled: {}", jobId, e.getMessage());
        } catch (RuntimeException | Error e) {
            // Caught, because an executor that sees it would never look again.
            log.warn("job {}: {}", jobId, Faults.unexpected("looking for a wish to cancel", e));
        }
    }

    // ---- the mind ----

    private void live() {
        try {
            inbox.add(new Event.Begin());
            while (!machine.isOver()) {
                Event event = nextEvent();
                List<Command> commands = machine.handle(event, System.nanoTime());
                if (!stopping && machine.isStopping()) {
                    stopping = true;
                    cutter.execute(this::recallCalls);
                }
                commands.forEach(this::carryOut);
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
            tell(tell);
        } else if (command instanceof Command.ScanPage) {
            carryOut(scanner, hands::scanPage);
        } else if (command instanceof Command.Read read) {
            carryOut(preparers, () -> hands.read(read.claims(), read.maxBytes()));
        } else if (command instanceof Command.Embed embed) {
            RequestBatch<Work> batch = embed.batch();
            call(
                    batch.cancelSignal(),
                    () -> hands.embed(batch),
                    refusal -> new Event.EmbedFailed(batch, refusal, TokenUsage.NONE));
        } else if (command instanceof Command.Rewrite rewrite) {
            RewriteCall<Work> call = rewrite.call();
            call(
                    call.cancelSignal(),
                    () -> hands.rewrite(call),
                    refusal -> new Event.RewriteFailed(call, refusal, TokenUsage.NONE));
        } else if (command instanceof Command.Probe probe) {
            call(
                    probe.signal(),
                    () -> hands.probe(probe.capability(), probe.signal()),
                    refusal -> new Event.ProbeFailed(probe.capability(), refusal));
        } else if (command instanceof Command.Cut cut) {
            cutter.execute(() -> cut(cut.signal()));
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

    private void call(CancelSignal signal, Supplier<Event> hand, Function<ProviderException, Event> refused) {
        AtomicBoolean begun = new AtomicBoolean();
        Runnable call = () -> {
            if (begun.compareAndSet(false, true)) {
                inbox.add(unlessStopping(signal, hand, refused));
            }
        };
        callers.execute(() -> {
            try {
                handOver(call);
            } catch (RuntimeException | Error e) {
                if (begun.compareAndSet(false, true)) {
                    inbox.add(refused.apply(notAccepted(e)));
                }
            }
        });
    }

    /** The host's executor may run it right here, make it wait, or refuse it. */
    private void handOver(Runnable call) {
        if (callExecutor == null) {
            call.run();
        } else {
            callExecutor.execute(call);
        }
    }

    /** A call may have waited for a thread while the job was told to stop. */
    private Event unlessStopping(
            CancelSignal signal, Supplier<Event> hand, Function<ProviderException, Event> refused) {
        if (stopping) {
            signal.cancel();
            return refused.apply(TransientProviderException.cancelled());
        }
        try {
            return hand.get();
        } catch (RuntimeException | Error e) {
            return new Event.HandBroke(Faults.unexpected("running job " + jobId, e));
        }
    }

    private static ProviderException notAccepted(Throwable thrown) {
        return PermanentProviderException.configuration(
                "the executor given for calls refuses them ("
                        + thrown.getClass().getSimpleName()
                        + "): give one that runs as many at a time as max_in_flight and workers allow, and keep it running",
                0,
                null);
    }

    /** Runs what a provider has registered, so it may throw and block. */
    private void recallCalls() {
        try {
            hands.recallCalls();
        } catch (RuntimeException | Error e) {
            log.warn("job {}: {}", jobId, Faults.unexpected("taking calls back", e));
        }
    }

    private void cut(CancelSignal signal) {
        try {
            signal.cancel();
        } catch (RuntimeException | Error e) {
            log.warn("job {}: {}", jobId, Faults.unexpected("cutting a provider call", e));
        }
    }

    // ---- telling ----

    private void tell(Command.Tell tell) {
        progress = tell.progress();
        if (news.add(tell)) {
            writer.execute(this::tellNews);
        }
    }

    private void tellNews() {
        News.Untold untold = news.take();
        tellWhetherHeldUp(untold.progress().heldUpBy());
        files.progress(untold.progress());
        files.outcomes(untold.outcomes());
        tellPhase(untold.progress());
        files.flush();
        listeners.tell(untold);
    }

    private void tellPhase(BuildProgress now) {
        if (now.phase() == phase) {
            return;
        }
        phase = now.phase();
        files.line(
                phase.code() + ": " + now.embed().done() + " of " + now.embed().total() + " records done");
    }

    private void tellWhetherHeldUp(@Nullable String cause) {
        if (heldUp == (cause != null)) {
            return;
        }
        heldUp = !heldUp;
        if (cause != null) {
            log.warn("job {} is held up: {}", jobId, cause);
        } else {
            log.info("job {} goes on", jobId);
        }
        files.line(cause == null ? "goes on" : "held up: " + cause);
    }

    // ---- the end ----

    private void end() {
        BuildReport result = null;
        try {
            stopping = true;
            progress = machine.progress();
            result = closeBooks();
            logEnd(result);
            report.complete(result);
        } catch (RuntimeException | Error e) {
            report.completeExceptionally(e);
        } finally {
            // So that listeners have heard the end when the caller goes on, unless one of them is stuck.
            listeners.tellEnd(result);
            listeners.awaitHeard(patience.listeners());
            ended.countDown();
        }
    }

    private BuildReport closeBooks() {
        try {
            BuildReport result = reportOf(machine.ending());
            writer.execute(() -> closeFiles(result));
            return result;
        } finally {
            endHands();
        }
    }

    private void endHands() {
        Command.CloseJob unclosed = machine.unclosed();
        if (unclosed != null) {
            writer.execute(() -> closeInStore(unclosed));
        }
        writer.shutdown();
        scanner.execute(hands::close);
        scanner.shutdown();
        preparers.shutdown();
        lease.shutdown();
        watch.shutdown();
        cutter.shutdown();
        callers.shutdownNow(); // a call that is still there has ignored being cut
        Duration forOthers = patience.afterCut();
        if (!threads.haveEnded("writer", machine.storeHangs() ? forOthers : patience.store())) {
            News.Untold untold = news.take(); // what the writer had no time for
            listeners.tell(new News.Untold(progress, untold.outcomes(), untold.calls()));
        }
        threads.haveEnded("", forOthers);
        threads.alive("")
                .forEach(thread -> log.warn("job {} leaves a thread behind: {}", jobId, Threads.whereabouts(thread)));
    }

    /** A machine that ended by itself has closed the job in the store; one that broke has not, nor could one whose store hangs. */
    private void closeInStore(Command.CloseJob close) {
        if (hands.write(close) instanceof Event.StoreFailed failed) {
            log.warn(
                    "job {}: its end could not be stored: {}",
                    jobId,
                    failed.failure().getMessage());
        }
    }

    private void closeFiles(BuildReport result) {
        files.progress(progress);
        result.notes().forEach(note -> files.line("note " + note));
        if (result.stoppedBy() != null) {
            files.line("stopped " + result.stoppedBy());
        }
        files.line("end " + result.toJson());
        files.close();
    }

    private void logEnd(BuildReport result) {
        log.info(
                "job {} {}: {} pending, {} succeeded, {} skipped, {} failed, {} requests",
                jobId,
                result.state().code(),
                result.totalPending(),
                result.succeeded(),
                result.totalSkipped(),
                result.totalFailed(),
                result.requests());
    }

    private BuildReport reportOf(BuildMachine.Ending ending) {
        BuildReport.State state = switch (ending.state()) {
            case CANCELLED -> BuildReport.State.CANCELLED;
            case FAILED -> BuildReport.State.FAILED;
            case RUNNING, COMPLETED, INTERRUPTED -> BuildReport.State.COMPLETED;
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
                ending.missing(),
                ending.busy(),
                (reason, consumer) -> store.forEachOutcome(jobId, reason, consumer));
    }
}
