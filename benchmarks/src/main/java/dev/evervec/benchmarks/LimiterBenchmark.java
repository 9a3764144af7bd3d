package dev.evervec.benchmarks;

import dev.evervec.provider.CallContext;
import dev.evervec.provider.CancelSignal;
import dev.evervec.provider.Capability;
import dev.evervec.provider.EmbedRequest;
import dev.evervec.provider.EmbedResponse;
import dev.evervec.provider.InputKind;
import dev.evervec.provider.LLMProvider;
import dev.evervec.provider.LLMProviderFactory.QuotaUnit;
import dev.evervec.provider.ProviderSettings;
import dev.evervec.resilience.Resilience;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;

/** What pacing and retries cost a call that needs neither to wait nor to be tried again, with 8 callers. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class LimiterBenchmark {
    private static final EmbedRequest REQUEST =
            new EmbedRequest(List.of("text"), InputKind.DOCUMENT, CallContext.build(new CancelSignal()));

    /** Requests and tokens a minute; 0 for no quota. */
    @Param({"0", "2000000000"})
    public int perMinute;

    private final LLMProvider bare = new SteadyProvider(Duration.ZERO, 1);
    private LLMProvider limited = bare;

    /** Puts it under its limits. */
    @Setup
    public void begin() {
        OptionalInt limit = perMinute == 0 ? OptionalInt.empty() : OptionalInt.of(perMinute);
        limited = Resilience.decorate(
                bare,
                ProviderSettings.builder(Capability.EMBEDDING, "steady", "steady")
                        .dimension(1)
                        .requestsPerMinute(limit)
                        .tokensPerMinute(limit)
                        .build(),
                QuotaUnit.REQUESTS);
    }

    /** A call through all of it. */
    @Benchmark
    @Threads(8)
    public EmbedResponse limited() {
        return limited.embed(REQUEST);
    }

    /** The same call without. */
    @Benchmark
    @Threads(8)
    public EmbedResponse unlimited() {
        return bare.embed(REQUEST);
    }
}
