package dev.evervec.pipeline;

import dev.evervec.config.BuildSettings;
import dev.evervec.config.BuildSettings.TooLong;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.report.BuildEstimate;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceException;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.FailedSelection;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.HealthStats;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.SharedQuota;
import dev.evervec.resilience.Backoff;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Embeds the records of a host: reads what is there, finds what is new or changed, gets vectors for it and stores them.
 *
 * <pre>{@code
 * BuildPipeline pipeline = BuildPipeline.builder()
 *         .records(source)
 *         .embedder(provider)
 *         .store(store)
 *         .build();
 * BuildReport report = pipeline.run(BuildRequest.all());
 * }</pre>
 *
 * <p>A pipeline is immutable and thread-safe and may run any number of jobs, one after the other: a store runs one job at a
 * time. It closes none of the providers and stores that it was given. Threads are started for a job and end with it; they are
 * daemons named {@code evervec-*}.
 */
public final class BuildPipeline {
    private static final Logger log = LoggerFactory.getLogger(BuildPipeline.class);
    private static final DateTimeFormatter JOB_ID =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);
    /** They are held on the heap. */
    private static final int MOST_VERIFIED = 10_000;

    private final RecordSource records;
    private final LLMProvider embedder;
    private final @Nullable LLMProvider rewriter;
    private final @Nullable PromptTemplate prompt;
    private final EmbeddingStore store;
    private final List<BuildListener> listeners;
    private final BuildSettings settings;
    private final @Nullable Path logsDir;
    private final @Nullable Executor callExecutor;
    private final StopPatience stopPatience;
    private final Duration lease;
    private final Duration storePatience;

    private BuildPipeline(Builder builder) {
        this.records = Objects.requireNonNull(builder.records, "records: give the pipeline a RecordSource");
        this.embedder = Objects.requireNonNull(builder.embedder, "embedder: give the pipeline an LLMProvider");
        this.store = Objects.requireNonNull(builder.store, "store: give the pipeline an EmbeddingStore");
        this.rewriter = builder.rewriter;
        this.prompt = builder.prompt;
        this.listeners = List.copyOf(builder.listeners);
        this.settings = builder.settings;
        this.logsDir = builder.logsDir;
        this.callExecutor = builder.callExecutor;
        this.stopPatience = builder.stopPatience;
        this.lease = builder.lease;
        this.storePatience = builder.storePatience;
        fingerprint();
        shareQuota();
    }

    /** Providers of all processes that work on one store draw on one quota. */
    private void shareQuota() {
        SharedQuota quota = store.sharedQuota();
        if (quota != null) {
            embedder.shareQuota(quota);
        }
        if (quota != null && rewriter != null) {
            rewriter.shareQuota(quota);
        }
    }

    /** Starts the description of a pipeline. */
    public static Builder builder() {
        return new Builder();
    }

    /** What the vectors of this pipeline are. */
    public Fingerprint fingerprint() {
        return new Fingerprint(embedder.model(), rewriteFingerprint());
    }

    /** Where the records come from. */
    public RecordSource records() {
        return records;
    }

    /** Where ledger, vectors and jobs are kept. */
    public EmbeddingStore store() {
        return store;
    }

    /** Where jobs write their logs and progress files, or null if they write none. */
    public @Nullable Path logs() {
        return logsDir;
    }

    /**
     * How the vectors of this pipeline stand now, beside whatever is running.
     *
     * @throws StoreException if the store cannot be read
     */
    public HealthStats health() {
        return HealthStats.of(store, fingerprint(), Clock.systemUTC());
    }

    /**
     * Whether {@link #retryFailed} would find anything to do now.
     *
     * @throws StoreException if the store cannot be read
     */
    public boolean anyFailedDue() {
        return store.anyFailed(fingerprint(), new FailedSelection(null, settings.maxAttempts(), Instant.now()));
    }

    /**
     * Makes this live embedder the one that works on the store, as {@link EmbeddingStore#leadLive} does.
     *
     * @throws StoreException if the store cannot be used
     */
    public boolean leadLive(String embedder, Duration lease) {
        return store.leadLive(embedder, lease);
    }

    /**
     * Lets another live embedder work on the store.
     *
     * @throws StoreException if the store cannot be used
     */
    public void leaveLive(String embedder) {
        store.leaveLive(embedder);
    }

    private String rewriteFingerprint() {
        return rewriter == null || prompt == null ? "" : Fingerprint.ofRewrite(rewriter.model(), prompt.template());
    }

    /**
     * Runs a job to its end. If this thread is interrupted, the job is cancelled and its report returned all the same.
     *
     * @throws SourceException if the records cannot be read at all; no job has begun then
     * @throws StoreException if the store cannot be used; no job has begun then
     * @throws JobRefusedException if another job is running on the store, or the job id was used before
     * @throws IllegalArgumentException if the job id is none
     */
    public BuildReport run(BuildRequest request) {
        return start(request).result();
    }

    /**
     * Starts a job and returns at once; throws what {@link #run} throws, for troubles found before the job begins.
     */
    public BuildRun start(BuildRequest request) {
        requirePricesFor(request);
        Instant startedAt = Instant.now();
        JobStart start = jobStart(request, startedAt);
        RecordReader scan = reader(request);
        try {
            JobTicket job = store.beginJob(start);
            return start(request, job, job.role() == JobTicket.Role.JOINED ? later(scan, request) : scan, startedAt);
        } catch (RuntimeException | Error e) {
            afterwards(e, scan::close);
            throw e;
        }
    }

    private JobStart jobStart(BuildRequest request, Instant startedAt) {
        boolean live = request.isLive();
        String jobId = request.jobId() == null ? live ? JobStart.LIVE_ID : newJobId(startedAt) : request.jobId();
        return new JobStart(
                jobId,
                fingerprint(),
                settings.maxAttempts(),
                reconsidered(),
                live ? JobStart.Kind.LIVE : JobStart.Kind.BUILD,
                request.jobScope(settings),
                request.resumes(),
                request.whileRunning());
    }

    /** A worker that joins a job scans only if the one that does so dies; until then it keeps nothing open at the source. */
    private RecordReader later(RecordReader opened, BuildRequest request) {
        opened.close();
        return new LaterReader(() -> reader(request));
    }

    private RecordReader reader(BuildRequest request) {
        return request.intake() instanceof BuildRequest.Intake.Changes changes
                ? new ChangesReader(records, changes)
                : new ScanReader(
                        records.scan(request.source()),
                        request,
                        store.rowsPerWrite(),
                        embedder.limits().maxTextsPerRequest());
    }

    private BuildRun start(BuildRequest request, JobTicket job, RecordReader scan, Instant startedAt) {
        String jobId = job.start().jobId();
        JobFiles files = JobFiles.none();
        try {
            if (logsDir != null && !request.isLive()) {
                files = JobFiles.open(logsDir, fileName(job));
            }
            files.line((job.role() == JobTicket.Role.JOINED ? "join " : "begin ") + describe(job));
            BuildPlan plan = plan(request, job, startedAt);
            BuildMachine machine = new BuildMachine(plan, Backoff.DEFAULT, new SplittableRandom(), System.nanoTime());
            Hands hands = new Hands(store, job, scan, request, preparer(plan), embedder, rewriting(), lease);
            BuildRun run = new BuildRun(
                    jobId,
                    job.resumed() == null ? null : job.resumed().jobId(),
                    job.role(),
                    machine,
                    hands,
                    files,
                    new ListenerThread(listeners, jobId),
                    store,
                    callExecutor,
                    stopPatience);
            log.info(
                    job.role() == JobTicket.Role.JOINED
                            ? "joins job {} on generation {}"
                            : "job {} begins on generation {}",
                    jobId,
                    job.start().fingerprint().generation());
            run.start();
            return run;
        } catch (IOException e) {
            IllegalArgumentException mistake = new IllegalArgumentException(
                    "the job's log cannot be written in " + logsDir + " ("
                            + e.getClass().getSimpleName() + "): check logs.dir and whether a log of job " + jobId
                            + " is there already",
                    e);
            afterwards(mistake, () -> store.endJob(job, JobState.FAILED, Reason.ABORTED));
            throw mistake;
        } catch (RuntimeException | Error e) {
            afterwards(e, () -> store.endJob(job, JobState.FAILED, Reason.ABORTED));
            files.close();
            throw e;
        }
    }

    /** Workers of one job may write to one folder. */
    private static String fileName(JobTicket job) {
        String jobId = job.start().jobId();
        return job.role() == JobTicket.Role.JOINED ? jobId + "." + job.owner() : jobId;
    }

    private static String describe(JobTicket job) {
        JobScope scope = job.start().scope();
        StringBuilder text = new StringBuilder(scope.task().code())
                .append(" of ")
                .append(scope.source() == null ? "all sources" : "source " + scope.source());
        if (scope.filter() != null) {
            text.append(", ids with ").append(scope.filter());
        }
        if (scope.budgetUsd() != null) {
            text.append(", for at most ")
                    .append(scope.budgetUsd().toPlainString())
                    .append(" USD");
        }
        if (job.resumed() != null) {
            text.append(", carries on ").append(job.resumed().jobId());
        }
        return text.append(", generation ")
                .append(job.start().fingerprint().generation())
                .toString();
    }

    // ---- before a job ----

    /**
     * What the store keeps of a job for this request, with the configured limits where it sets none. Also checks of it what
     * needs neither store nor source, as {@link #start} and {@link #estimate} do before anything else.
     *
     * @throws IllegalArgumentException if there is a budget and a price is not known
     */
    public JobScope scope(BuildRequest request) {
        requirePricesFor(request);
        return request.jobScope(settings);
    }

    private void requirePricesFor(BuildRequest request) {
        if (request.budgetUsd(settings) != null) {
            requirePrices();
        }
    }

    /**
     * Tells what {@link #run} would do and cost, without any call to a provider and without writing anything. All records are
     * read once; the heap needed does not grow with their number.
     *
     * <p>Different texts are told apart exactly up to about a million; beyond that their number is estimated. The tokens of
     * every text are counted up to 1 GiB of text; of more, those of 50,000 texts or more, chosen by their hash, are. The
     * same records give the same estimate, and what it rests on is said in it.
     *
     * @throws SourceException if the records cannot be read to their end
     * @throws StoreException if the store cannot be asked
     * @throws java.util.concurrent.CancellationException if this thread is interrupted; its flag is set
     * @throws IllegalArgumentException if the job id is none, a budget is set and a price is not known, or the request is not
     *     for a scan
     */
    public BuildEstimate estimate(BuildRequest request) {
        return estimate(request, recordsRead -> {});
    }

    /**
     * The same, and tells every now and then, on the calling thread, how many records have been read.
     *
     * @param recordsRead gets ascending numbers; what it throws ends the estimate
     */
    public BuildEstimate estimate(BuildRequest request, LongConsumer recordsRead) {
        if (!(request.intake() instanceof BuildRequest.Intake.Scan)) {
            throw new IllegalArgumentException("only a request for a scan can be estimated");
        }
        requirePricesFor(request);
        BigDecimal budget = request.budgetUsd(settings);
        JobStart start = jobStart(request, Instant.now());
        HeapShare heap = HeapShare.ofBuild();
        ProviderLimits limits = request.atMostBatchSize(heap.oneRequest(embedder));
        Remarks remarks = new Remarks(settings.maxAttempts());
        EstimateTally tally = new EstimateTally(EstimateTally.Bounds.DEFAULT, sizer(budget), limits, remarks);
        PageAppraiser appraiser =
                new PageAppraiser(store, start, request.mode(), embedder, rewriting(), settings.onTooLong());
        new Estimator(appraiser, tally, remarks, heap.textBytes(), recordsRead)
                .read(records.scan(request.source()), request);
        Quote quote = new Quote(
                service(embedder, heap.requestsAtATime(embedder, limits)),
                rewriter == null ? null : service(rewriter, rewriter.callPolicy()),
                tally);
        return quote.estimate(start.fingerprint().generation(), budget, remarks.all());
    }

    private Quote.Service service(LLMProvider provider, CallPolicy policy) {
        return new Quote.Service(provider, policy, store.latestLatency(provider.model()));
    }

    // ---- after a job ----

    /**
     * Takes so many stored vectors at random and reads their records, to compare them with vectors computed anew. Makes no
     * call yet: {@link Verification#estimate} tells what {@link Verification#run} will cost.
     *
     * @param count how many, from 1 to 10,000; all of them if there are fewer
     * @throws IllegalArgumentException if the count is not in this range
     * @throws SourceException if the records cannot be read
     * @throws StoreException if the store cannot be asked
     */
    public Verification verification(int count) {
        if (count < 1 || count > MOST_VERIFIED) {
            throw new IllegalArgumentException("a sample has from 1 to " + MOST_VERIFIED + " vectors, not " + count);
        }
        Fingerprint fingerprint = fingerprint();
        return new Verification(store, fingerprint, embedder, settings.onTooLong())
                .read(
                        records,
                        store.sample(
                                fingerprint, count, ThreadLocalRandom.current().nextLong()));
    }

    // ---- a job ----

    /** Texts that an earlier configuration skipped for their length are truncated now. */
    private Set<Reason> reconsidered() {
        return settings.onTooLong() == TooLong.TRUNCATE ? Set.of(Reason.INPUT_TOO_LONG) : Set.of();
    }

    /** Cleans up without hiding what went wrong before. */
    private static void afterwards(Throwable trouble, Runnable cleaning) {
        try {
            cleaning.run();
        } catch (RuntimeException e) {
            trouble.addSuppressed(e);
        }
    }

    /**
     * Tries failed records again that are due and have tries left: a short form of {@link #run} with
     * {@link BuildRequest#retryFailed}; throws what that throws.
     *
     * @param maxRetries only records that failed in fewer jobs than this
     */
    public BuildReport retryFailed(int maxRetries) {
        return run(BuildRequest.retryFailed(BuildRequest.Retry.DUE).maxRetries(maxRetries));
    }

    /** A budget can only be kept where prices are known. */
    private void requirePrices() {
        requirePrice(embedder);
        if (rewriter != null) {
            requirePrice(rewriter);
        }
    }

    private static void requirePrice(LLMProvider provider) {
        if (provider.price() == null) {
            throw new IllegalArgumentException("a budget is set, but the price of model "
                    + provider.model().model() + " at " + provider.model().provider()
                    + " is not known: set usd_per_million_tokens for it, or leave the budget out");
        }
    }

    private static String newJobId(Instant startedAt) {
        return JOB_ID.format(startedAt)
                + String.format("-%04x", ThreadLocalRandom.current().nextInt(1 << 16));
    }

    private Preparer preparer(BuildPlan plan) {
        return new Preparer(records, store, sizer(plan.budgetUsd()), settings.onTooLong(), fingerprint());
    }

    private TextSizer sizer(@Nullable BigDecimal budgetUsd) {
        boolean exactCounts = budgetUsd != null && embedder.countsTokensExactly();
        return exactCounts ? TextSizer.counting(embedder) : new TextSizer(embedder);
    }

    private Hands.@Nullable Rewriting rewriting() {
        return rewriter == null || prompt == null ? null : new Hands.Rewriting(rewriter, prompt, rewriteFingerprint());
    }

    private BuildPlan plan(BuildRequest request, JobTicket job, Instant startedAt) {
        HeapShare heap = request.isLive() ? HeapShare.ofLive() : HeapShare.ofBuild();
        ProviderLimits limits = request.atMostBatchSize(heap.oneRequest(embedder));
        return new BuildPlan(
                job.start().jobId(),
                startedAt,
                request,
                job.role(),
                job.resumed(),
                settings,
                PricedModel.of(embedder),
                limits,
                heap.requestsAtATime(embedder, limits),
                rewriter == null || prompt == null ? null : BuildPlan.Rewriting.of(rewriter, prompt),
                heap.textBytes(),
                store.rowsPerWrite(),
                storePatience,
                stopPatience);
    }

    /** Describes a pipeline. Not thread-safe. */
    public static final class Builder {
        private @Nullable RecordSource records;
        private @Nullable LLMProvider embedder;
        private @Nullable LLMProvider rewriter;
        private @Nullable PromptTemplate prompt;
        private @Nullable EmbeddingStore store;
        private final List<BuildListener> listeners = new ArrayList<>();
        private BuildSettings settings = BuildSettings.DEFAULT;
        private @Nullable Path logsDir;
        private @Nullable Executor callExecutor;
        private StopPatience stopPatience = StopPatience.DEFAULT;
        private Duration lease = Hands.LEASE;
        private Duration storePatience = StoreQueue.PATIENCE;

        private Builder() {}

        /** Where the records come from. Required. */
        public Builder records(RecordSource source) {
            records = source;
            return this;
        }

        /** Who embeds. Required. */
        public Builder embedder(LLMProvider provider) {
            embedder = provider;
            return this;
        }

        /**
         * Who rewrites each text before it is embedded, and what it is asked. Without it texts are embedded as they are.
         *
         * @param promptTemplate has {@code {text}} once, which is replaced by the prepared text, and may have
         *     {@code {title}}; other braces are literal
         * @throws IllegalArgumentException if the template has no {@code {text}}, or more than one
         */
        public Builder rewriter(LLMProvider provider, String promptTemplate) {
            rewriter = Objects.requireNonNull(provider, "provider");
            prompt = new PromptTemplate(promptTemplate);
            return this;
        }

        /** Where ledger and vectors are kept. Required. */
        public Builder store(EmbeddingStore embeddingStore) {
            store = embeddingStore;
            return this;
        }

        /** Who hears of the job; may be called several times. */
        public Builder listener(BuildListener listener) {
            listeners.add(Objects.requireNonNull(listener, "listener"));
            return this;
        }

        /** How patient and strict builds are; {@link BuildSettings#DEFAULT} otherwise. */
        public Builder settings(BuildSettings buildSettings) {
            settings = Objects.requireNonNull(buildSettings, "buildSettings");
            return this;
        }

        /** Folder for progress file and job log, made if it is not there. Without it neither is written. */
        public Builder logs(Path directory) {
            logsDir = directory;
            return this;
        }

        /**
         * Runs provider calls on the host's threads, such as virtual ones, instead of the job's own. The executor must be able
         * to run as many calls at a time as the providers' {@link CallPolicy#maxInFlight()} allow, and is not shut down. It may
         * run them in the thread that hands them over, which costs concurrency; if it refuses one, the job stops. A call
         * that it still keeps waiting when the job is to stop is not made any more.
         */
        public Builder callExecutor(Executor executor) {
            callExecutor = executor;
            return this;
        }

        /** For tests, which cannot wait so long. */
        Builder stopPatience(StopPatience patience) {
            stopPatience = patience;
            return this;
        }

        /** For tests of stores that go on failing. */
        Builder storePatience(Duration most) {
            storePatience = most;
            return this;
        }

        /** For tests that wait for the end of a dead worker's lease. */
        Builder lease(Duration length) {
            lease = length;
            return this;
        }

        /**
         * The pipeline.
         *
         * @throws NullPointerException if records, embedder or store is missing
         * @throws IllegalArgumentException if the embedder does not embed, or a setting cannot be honoured
         */
        public BuildPipeline build() {
            return new BuildPipeline(this);
        }
    }
}
