package dev.evervec.micrometer;

import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.ProviderCall;
import dev.evervec.pipeline.store.HealthStats;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * Tells a Micrometer registry what builds do and how the ledger stands.
 *
 * <pre>{@code
 * EvervecMetrics metrics = EvervecMetrics.on(registry);
 * BuildPipeline pipeline = BuildPipeline.builder()
 *         .records(source)
 *         .embedder(provider)
 *         .store(store)
 *         .listener(metrics)
 *         .build();
 * metrics.watch(pipeline::health);
 * }</pre>
 *
 * <p>Of each call to a provider, with the names of OpenTelemetry's conventions for generative AI: the timer
 * {@code gen_ai.client.operation.duration} and the summary {@code gen_ai.client.token.usage}, both with the buckets of the
 * conventions, by operation, provider and model, of failed calls also by {@code error.type}. Tokens that a provider did not
 * report are our estimates. {@code evervec.cost} adds up US dollars where the price is known, {@code evervec.unpriced.tokens}
 * the tokens where it is not.
 *
 * <p>Of jobs: {@code evervec.splits}, and {@code evervec.waits} in seconds by cause. Of the ledger: see {@link #watch}.
 *
 * <p>Thread-safe; one instance serves any number of pipelines and jobs. The listener's part runs on the jobs' listener
 * threads, so that no registry can slow a build down.
 */
public final class EvervecMetrics implements BuildListener {
    /** How long an answer of the store serves the gauges. */
    private static final Duration KEPT_FOR = Duration.ofSeconds(5);

    private final MeterRegistry registry;
    private final Tags tags;
    private final CallMeters calls;
    private final JobMeters jobs;

    private EvervecMetrics(MeterRegistry registry, Tags tags) {
        this.registry = registry;
        this.tags = tags;
        this.calls = new CallMeters(registry, tags);
        this.jobs = new JobMeters(registry, tags);
    }

    /** Metrics without further tags. */
    public static EvervecMetrics on(MeterRegistry registry) {
        return on(registry, List.of());
    }

    /**
     * Metrics that all have these tags: with two stores or two models in one process, something has to tell their gauges
     * apart.
     */
    public static EvervecMetrics on(MeterRegistry registry, Iterable<Tag> tags) {
        return new EvervecMetrics(Objects.requireNonNull(registry, "registry"), Tags.of(tags));
    }

    /**
     * Adds gauges over the ledger: {@code evervec.records} by source and state, {@code evervec.records.stale} and
     * {@code evervec.pending.oldest.age} (seconds) by source, and {@code evervec.circuit.open}. To be called once for a store
     * and model.
     *
     * <p>The store is asked by the thread that reads the gauges, at most once in five seconds and by one thread at a time; a
     * build goes on meanwhile. When the store fails, the gauges have no value (NaN) and nothing is thrown.
     *
     * @param health asks the store, such as {@code pipeline::health}
     */
    public void watch(Supplier<HealthStats> health) {
        new LedgerGauges(registry, tags, Objects.requireNonNull(health, "health"), KEPT_FOR).register();
    }

    @Override
    public void onStart(String jobId) {
        jobs.begin(jobId);
    }

    @Override
    public void onCall(ProviderCall call) {
        calls.count(call);
    }

    @Override
    public void onProgress(BuildProgress progress) {
        jobs.count(progress);
    }

    @Override
    public void onEnd(BuildReport report) {
        jobs.end(report.jobId());
    }
}
