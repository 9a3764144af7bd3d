package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.evervec.config.BuildSettings;
import dev.evervec.pipeline.BuildRequest.Retry;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobScope;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.provider.TokenPrice;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What others see and want of a job: its log, a wish to stop it, what it was asked. */
@Timeout(60)
class WatchedJobTest {
    private final MemoryStore store = new MemoryStore(Clock.systemUTC());

    private static ScriptedProvider.Builder provider() {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(16))
                .price(TokenPrice.ofInput(new BigDecimal("0.02")))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 4));
    }

    private BuildPipeline.Builder pipeline(ScriptedProvider provider, int records) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(IntStream.range(0, records)
                        .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                        .toList()))
                .embedder(provider)
                .store(store);
    }

    // ---- the log ----

    @Test
    void theLogInMemoryIsThatInTheFile(@TempDir Path logs) throws Exception {
        ScriptedProvider provider = provider()
                .faults(FaultScript.badTexts(text -> text.endsWith("3")))
                .build();

        BuildRun run = pipeline(provider, 20)
                .logs(logs)
                .build()
                .start(BuildRequest.all().jobId("watched").filter("1").budgetUsd(BigDecimal.TEN));
        run.result();

        assertThat(run.log().truncated()).isFalse();
        assertThat(run.log().text()).isEqualTo(Files.readString(logs.resolve("watched.log")));
        assertThat(run.log().text().lines().map(line -> line.substring(line.indexOf(' ') + 1)))
                .startsWith("begin build of all sources, ids with 1, for at most 10 USD, generation "
                        + pipeline(provider, 1).build().fingerprint().generation())
                .anyMatch(line -> line.startsWith("failed default/id-13 embed_permanent: "))
                .anyMatch(line -> line.startsWith("failed: 11 of 11 records done"))
                .last()
                .satisfies(line -> assertThat(line).startsWith("end {"));
    }

    @Test
    void withoutAFolderTheLogIsInMemory() {
        BuildRun run = pipeline(provider().build(), 20).build().start(BuildRequest.all());
        run.result();

        assertThat(run.log().text()).contains(" begin build of all sources, ", " completed: 20 of 20", " end {");
    }

    // ---- a wish to stop ----

    @Test
    void aWishToCancelThatIsNotedInTheStoreIsHeard() {
        Gate gate = new Gate();
        BuildRun run = pipeline(provider().gate(gate).build(), 500).build().start(BuildRequest.all());
        gate.awaitWaiting(4, Duration.ofSeconds(30));

        assertThat(store.requestCancel("another")).isFalse();
        assertThat(store.requestCancel(run.jobId())).isTrue();
        assertThat(store.job(run.jobId())).get().matches(JobInfo::cancelRequested);
        BuildReport report = run.result();
        gate.open();

        assertThat(report.state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(store.requestCancel(run.jobId())).isFalse();
        assertThat(store.job(run.jobId())).get().matches(job -> !job.cancelRequested());
    }

    // ---- what it was asked ----

    @Test
    void theBatchSizeOfAJobLowersTheProvidersAndNeverRaisesIt() {
        ScriptedProvider provider = provider().build();
        BuildPipeline pipeline = pipeline(provider, 40).build();

        pipeline.run(BuildRequest.all().batchSize(5));
        assertThat(provider.requests()).hasSize(8).allMatch(texts -> texts.size() <= 5);

        pipeline.run(BuildRequest.all().rebuild().batchSize(1_000));
        assertThat(provider.requests()).hasSizeGreaterThan(8).allMatch(texts -> texts.size() <= 16);
        assertThat(pipeline.estimate(BuildRequest.all().rebuild().batchSize(4))
                        .total()
                        .embedding()
                        .requests())
                .isEqualTo(10);
        assertThatThrownBy(() -> BuildRequest.all().batchSize(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the batch size must be at least 1, not 0");
    }

    private static Stream<BuildRequest> resumable() {
        return Stream.of(
                BuildRequest.all(),
                BuildRequest.all().rebuild().source("books"),
                BuildRequest.all().filter("a").batchSize(7).budgetUsd(new BigDecimal("0.5")),
                BuildRequest.retryFailed(Retry.ALL).source("films").batchSize(3));
    }

    @ParameterizedTest
    @MethodSource("resumable")
    void whatIsCarriedOnHasTheLimitsOfWhatWasInterrupted(BuildRequest request) {
        JobScope asked = request.jobScope(BuildSettings.DEFAULT);

        BuildRequest resumed = BuildRequest.resume(interrupted(asked));

        JobScope.Task task = asked.task() == JobScope.Task.RETRY_FAILED ? JobScope.Task.BUILD : asked.task();
        assertThat(resumed.jobScope(BuildSettings.DEFAULT))
                .isEqualTo(new JobScope(task, asked.source(), asked.filter(), asked.batchSize(), asked.budgetUsd()));
        assertThat(resumed.resumes()).isEqualTo("interrupted");
    }

    @Test
    void whatIsNotKeptCannotBeCarriedOn() {
        JobScope ids = BuildRequest.all().ids(Set.of("id-1")).jobScope(BuildSettings.DEFAULT);
        JobScope live = BuildRequest.changes(Set.of(new RecordKey("default", "id-1")), Set.of())
                .jobScope(BuildSettings.DEFAULT);

        assertThatThrownBy(() -> BuildRequest.resume(interrupted(ids)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("run a build with them again");
        assertThat(live).isEqualTo(JobScope.LIVE);
        assertThatThrownBy(() -> BuildRequest.resume(interrupted(live))).isInstanceOf(IllegalArgumentException.class);
    }

    private static JobInfo interrupted(JobScope scope) {
        return new JobInfo(
                "interrupted",
                scope,
                "7d33b963",
                JobState.INTERRUPTED,
                Instant.EPOCH,
                null,
                0,
                Map.of(),
                0,
                0,
                0,
                null,
                0,
                null,
                false,
                null);
    }

    @Test
    void anEstimateTellsHowManyRecordsItHasRead() {
        List<Long> told = new ArrayList<>();

        pipeline(provider().build(), 2_500).build().estimate(BuildRequest.all(), told::add);

        assertThat(told).isSorted().last().isEqualTo(2_500L);
    }
}
