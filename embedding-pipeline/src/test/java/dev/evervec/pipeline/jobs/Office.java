package dev.evervec.pipeline.jobs;

import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordSource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobStart;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.pipeline.store.StoreException;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A host whose jobs a test looks at: a hundred records of two sources, one store, and a gate where calls may be held. */
final class Office implements AutoCloseable {
    static final Duration LIMIT = Duration.ofSeconds(30);

    final MemoryStore store = new MemoryStore(Clock.systemUTC());
    final Gate gate = new Gate();
    volatile boolean storeIsDown;
    private final List<EmbeddingJobs> opened = new ArrayList<>();

    static ScriptedProvider.Builder provider() {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(16))
                .price(TokenPrice.ofInput(new BigDecimal("0.02")))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4));
    }

    static RecordSource records() {
        return InMemorySource.of(IntStream.range(0, 100)
                .mapToObj(i -> SourceRecord.of(i % 2 == 0 ? "books" : "films", "id-" + i, null, "text number " + i))
                .toList());
    }

    BuildPipeline.Builder pipeline(ScriptedProvider provider) {
        return BuildPipeline.builder().records(records()).embedder(provider).store(storeThatMayBeDown());
    }

    EmbeddingJobs jobs(BuildPipeline pipeline) {
        EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline).build();
        opened.add(jobs);
        return jobs;
    }

    EmbeddingJobs jobs() {
        return jobs(pipeline(provider().build()).build());
    }

    /** Jobs whose calls wait at the gate. */
    EmbeddingJobs heldJobs() {
        return jobs(pipeline(provider().gate(gate).build()).build());
    }

    /** What a worker of another process does. */
    JobTicket beginElsewhere(String jobId, JobScope scope) {
        return store.beginJob(new JobStart(
                jobId,
                pipeline(provider().build()).build().fingerprint(),
                3,
                Set.of(),
                JobStart.Kind.BUILD,
                scope,
                null));
    }

    static JobStatus awaitEnd(EmbeddingJobs jobs, String id) {
        return await(jobs, id, status -> !status.isRunning());
    }

    static JobStatus await(EmbeddingJobs jobs, String id, Predicate<JobStatus> wanted) {
        AtomicReference<JobStatus> last = new AtomicReference<>();
        awaitThat(() -> {
            last.set(jobs.status(id).orElseThrow());
            return wanted.test(last.get());
        });
        return last.get();
    }

    static void awaitThat(BooleanSupplier wanted) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!wanted.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("it has not come within " + LIMIT);
            }
            Thread.onSpinWait();
        }
    }

    private EmbeddingStore storeThatMayBeDown() {
        return (EmbeddingStore) Proxy.newProxyInstance(
                Office.class.getClassLoader(), new Class<?>[] {EmbeddingStore.class}, (proxy, method, arguments) -> {
                    if (storeIsDown) {
                        throw new StoreException(StoreException.Kind.PERMANENT, "the store is down", null);
                    }
                    return call(() -> method.invoke(store, arguments));
                });
    }

    private interface Invocation {
        @Nullable
        Object invoke() throws IllegalAccessException, InvocationTargetException;
    }

    private static @Nullable Object call(Invocation invocation) throws Throwable {
        try {
            return invocation.invoke();
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    @Override
    public void close() {
        storeIsDown = false;
        gate.open();
        opened.forEach(EmbeddingJobs::close);
    }
}
