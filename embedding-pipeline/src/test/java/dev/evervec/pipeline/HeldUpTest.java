package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TransientProviderException;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.ManualClock;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An operator sees why nothing moves while it does not, and not only at the end. */
class HeldUpTest {
    private static final int RECORDS = 40;

    private static List<SourceRecord> records() {
        return IntStream.range(0, RECORDS)
                .mapToObj(i -> SourceRecord.of("id-" + i, "text " + i))
                .toList();
    }

    private static ScriptedProvider.Builder provider(int retries) {
        return ScriptedProvider.builder()
                .limits(ProviderLimits.ofTexts(4))
                .callPolicy(new CallPolicy(retries, Duration.ofSeconds(60), 2));
    }

    private static List<@Nullable String> heldUpBy(int retries, FaultScript faults) {
        ManualClock clock = new ManualClock();
        Simulation simulation = new Simulation(
                1,
                clock,
                "job",
                BuildRequest.all(),
                InMemorySource.of(records()),
                new MemoryStore(clock),
                provider(retries).faults(faults).build(),
                null,
                BuildSettings.DEFAULT);
        BuildMachine.Ending ending = simulation.run();
        assertThat(ending).isNotNull();
        assertThat(ending.books().succeededCount()).isEqualTo(RECORDS);
        List<@Nullable String> seen =
                simulation.progress.stream().map(BuildProgress::heldUpBy).toList();
        assertThat(seen.get(0)).isNull();
        assertThat(seen.get(seen.size() - 1)).isNull();
        return seen.stream().distinct().toList();
    }

    @Test
    void anOutageIsToldWithItsLastFailureUntilItIsOver() {
        List<@Nullable String> seen = heldUpBy(0, FaultScript.nextCalls(5, Fault.serverError()));

        assertThat(seen).hasSize(2).element(1).asString().startsWith("nothing succeeds, the last failure was: ");
    }

    @Test
    void aFewFailuresAreNoOutage() {
        assertThat(heldUpBy(2, FaultScript.nextCalls(2, Fault.serverError()))).hasSize(1);
    }

    @Test
    void aLongWaitForTheQuotaIsTold() {
        List<@Nullable String> seen = heldUpBy(2, FaultScript.nextCalls(1, Fault.rateLimited(Duration.ofMinutes(10))));

        assertThat(seen).hasSize(2).element(1).asString().startsWith("the quota is used up for 600 s: ");
    }

    @Test
    void aShortWaitForTheQuotaIsNot() {
        assertThat(heldUpBy(2, FaultScript.nextCalls(1, Fault.rateLimited(Duration.ofSeconds(20)))))
                .hasSize(1);
    }

    /** The outage lasts until a listener has heard of it. */
    @Test
    @Timeout(60)
    void theJobsLogHasTheBeginningAndTheEndOfAnOutage(@TempDir Path logs) throws Exception {
        Standstill untilHeard = new Standstill();
        BuildListener operator = new BuildListener() {
            @Override
            public void onProgress(BuildProgress progress) {
                if (progress.heldUpBy() != null) {
                    untilHeard.release();
                }
            }
        };
        AtomicBoolean heard = new AtomicBoolean();
        Fault down = Fault.serverError();
        Fault downAsIsHeard = Fault.failing("down as is heard", () -> {
            untilHeard.stay();
            heard.set(true);
            return TransientProviderException.serverError("HTTP 503", 503, null, null);
        });
        FaultScript outage = (call, texts) -> {
            boolean probe = texts.equals(List.of("hello"));
            return heard.get() ? null : probe ? downAsIsHeard : down;
        };
        BuildReport report = BuildPipeline.builder()
                .records(InMemorySource.of(records()))
                .embedder(provider(0).faults(outage).build())
                .store(new MemoryStore(Clock.systemUTC()))
                .listener(operator)
                .logs(logs)
                .build()
                .run(BuildRequest.all().jobId("job"));

        assertThat(report.succeeded()).isEqualTo(RECORDS);
        assertThat(Files.readString(logs.resolve("job.log")))
                .containsSubsequence("held up: nothing succeeds", "goes on");
    }
}
