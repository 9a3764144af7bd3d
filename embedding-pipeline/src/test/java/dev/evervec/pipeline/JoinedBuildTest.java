package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.TriggerRefusedException;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.source.InMemorySource;
import dev.evervec.pipeline.source.SourceRecord;
import dev.evervec.pipeline.store.JobInfo;
import dev.evervec.pipeline.store.JobRefusedException;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.pipeline.store.JobTicket;
import dev.evervec.pipeline.store.MemoryStore;
import dev.evervec.provider.CallPolicy;
import dev.evervec.provider.ProviderLimits;
import dev.evervec.testkit.Fault;
import dev.evervec.testkit.FaultScript;
import dev.evervec.testkit.Gate;
import dev.evervec.testkit.ScriptedProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Builds that become workers of a running job, on a store that knows several. */
@Timeout(60)
class JoinedBuildTest {
    private static final int RECORDS = 400;

    private final MemoryStore store = MemoryStore.shared(Clock.systemUTC());
    private final Gate gate = new Gate();
    private final ScriptedProvider first = provider(FaultScript.none());
    private final ScriptedProvider second = provider(FaultScript.none());

    private ScriptedProvider provider(FaultScript faults) {
        return provider(faults, gate);
    }

    private static ScriptedProvider provider(FaultScript faults, Gate gate) {
        return ScriptedProvider.builder()
                .dimension(8)
                .limits(ProviderLimits.ofTexts(10))
                .callPolicy(new CallPolicy(1, Duration.ofSeconds(60), 2))
                .gate(gate)
                .faults(faults)
                .build();
    }

    private BuildPipeline.Builder pipeline(ScriptedProvider provider) {
        return BuildPipeline.builder()
                .records(InMemorySource.of(IntStream.range(0, RECORDS)
                        .mapToObj(i -> SourceRecord.of("id-" + i, "text number " + i))
                        .toList()))
                .embedder(provider)
                .store(store);
    }

    /** Runs until its calls are out. */
    private BuildRun begun(BuildRequest request) {
        BuildRun run = pipeline(first).build().start(request);
        gate.awaitWaiting(2, Duration.ofSeconds(30));
        return run;
    }

    @AfterEach
    void letGo() {
        gate.open();
    }

    @Test
    void anEqualBuildJoinsAndTheTwoShareTheRecords(@TempDir Path logs) throws Exception {
        BuildRun begun = begun(BuildRequest.all());
        BuildRun joined =
                pipeline(second).logs(logs).build().start(BuildRequest.all().batchSize(5));
        gate.awaitWaiting(4, Duration.ofSeconds(30));
        gate.open();
        BuildReport one = begun.result();
        BuildReport other = joined.result();

        assertThat(begun.role()).isEqualTo(JobTicket.Role.FIRST);
        assertThat(joined.role()).isEqualTo(JobTicket.Role.JOINED);
        assertThat(joined.jobId()).isEqualTo(begun.jobId());
        assertThat(one.succeeded()).isPositive();
        assertThat(other.succeeded()).isPositive();
        assertThat(one.succeeded() + other.succeeded()).isEqualTo(RECORDS);
        assertThat(one.totalPending()).isEqualTo(one.succeeded());
        assertThat(other.totalPending()).isEqualTo(other.succeeded());
        assertThat(one.notes())
                .contains(other.succeeded()
                        + " records of the job were left to others; this is the part that this worker took");
        assertThat(other.notes()).contains("joined the running job; this is the part that this worker took");
        assertThat(store.jobs(10)).singleElement().satisfies(job -> {
            assertThat(job.state()).isEqualTo(JobState.COMPLETED);
            assertThat(job.embedded()).isEqualTo(RECORDS);
            assertThat(job.requests()).isEqualTo(one.requests() + other.requests());
        });
        try (Stream<Path> files = Files.list(logs)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .hasSize(2)
                    .allMatch(name -> name.startsWith(begun.jobId() + ".memory-"));
        }
    }

    @Test
    void aBuildThatAsksForSomethingElseIsRefusedWithTheIdOfTheRunningOne() {
        BuildRun begun = begun(BuildRequest.all());
        BuildPipeline pipeline = pipeline(second).build();

        for (BuildRequest other : List.of(
                BuildRequest.all().alone(),
                BuildRequest.all().jobId("another"),
                BuildRequest.all().filter("7"),
                BuildRequest.all().rebuild(),
                BuildRequest.all().ids(List.of("id-1")),
                BuildRequest.retryFailed(BuildRequest.Retry.ALL))) {
            assertThatThrownBy(() -> pipeline.start(other))
                    .isInstanceOf(JobRefusedException.class)
                    .hasMessageContaining(begun.jobId());
        }
        gate.open();
        assertThat(begun.result().succeeded()).isEqualTo(RECORDS);
    }

    @Test
    void workersThatGiveTheJobTheSameIdAreWorkersOfOneJob() {
        BuildRun begun = begun(BuildRequest.all().jobId("nightly"));
        BuildRun joined = pipeline(second).build().start(BuildRequest.all().jobId("nightly"));

        assertThat(joined.role()).isEqualTo(JobTicket.Role.JOINED);
        gate.open();
        assertThat(begun.result().succeeded() + joined.result().succeeded()).isEqualTo(RECORDS);
    }

    @Test
    void whoeverIsToldToStopLeavesItsRecordsToTheOthers() {
        BuildRun begun = begun(BuildRequest.all());
        BuildRun joined = pipeline(second).build().start(BuildRequest.all());
        gate.awaitWaiting(4, Duration.ofSeconds(30));

        begun.cancel();
        gate.open();
        BuildReport stopped = begun.result();
        BuildReport other = joined.result();

        assertThat(stopped.state()).isEqualTo(BuildReport.State.CANCELLED);
        assertThat(stopped.succeeded() + other.succeeded()).isEqualTo(RECORDS);
        assertThat(store.jobs(1)).singleElement().satisfies(job -> {
            assertThat(job.state()).isEqualTo(JobState.COMPLETED);
            assertThat(job.notEmbedded()).isEmpty();
        });
    }

    @Test
    void aBadKeyStopsItsWorkerAndNotTheOthers() {
        BuildRun begun = begun(BuildRequest.all());
        BuildRun joined = pipeline(provider(FaultScript.always(Fault.keyRefused())))
                .build()
                .start(BuildRequest.all());
        gate.awaitWaiting(4, Duration.ofSeconds(30));
        gate.open();
        BuildReport refused = joined.result();

        assertThat(refused.state()).isEqualTo(BuildReport.State.FAILED);
        assertThat(refused.failed()).containsOnlyKeys(Reason.ABORTED);
        assertThat(begun.result().succeeded()).isEqualTo(RECORDS);
        assertThat(store.jobs(1)).singleElement().extracting(JobInfo::state).isEqualTo(JobState.COMPLETED);
    }

    @Test
    void aTriggerNeverJoinsAndItsCancelReachesEveryWorker() {
        try (EmbeddingJobs here = EmbeddingJobs.builder(pipeline(first).build()).build()) {
            String jobId = here.trigger(JobRequest.ALL);
            gate.awaitWaiting(2, Duration.ofSeconds(30));
            try (EmbeddingJobs there =
                    EmbeddingJobs.builder(pipeline(second).build()).build()) {
                assertThatThrownBy(() -> there.trigger(JobRequest.ALL))
                        .isInstanceOf(TriggerRefusedException.class)
                        .hasMessageContaining(jobId);
            }
            BuildRun joined = pipeline(second).build().start(BuildRequest.all());
            gate.awaitWaiting(4, Duration.ofSeconds(30));

            here.cancel(jobId);
            assertThat(joined.result().state()).isEqualTo(BuildReport.State.CANCELLED);
        }
        assertThat(store.jobs(1)).singleElement().extracting(JobInfo::state).isEqualTo(JobState.CANCELLED);
    }

    @Test
    void whoeverBeganAJobTellsHowFarAllItsWorkersAre() throws Exception {
        try (EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline(first).build()).build()) {
            String jobId = jobs.trigger(JobRequest.ALL);
            gate.awaitWaiting(2, Duration.ofSeconds(30));
            BuildRun joined = pipeline(inARush()).build().start(BuildRequest.all());

            JsonNode shared = await(jobs, job -> job.at("/embed_progress/done").asLong() > RECORDS / 2);
            assertThat(shared.get("workers").asInt()).isEqualTo(2);
            assertThat(shared.get("here").asBoolean()).isTrue();
            assertThat(shared.get("requests").asInt()).isGreaterThan(RECORDS / 2 / 10);
            assertThat(shared.get("eta_secs").isNull()).isTrue();
            assertThat(joined.isDone()).isFalse();

            gate.open();
            JsonNode ended = await(jobs, job -> !job.get("state").asText().equals("running"));
            assertThat(ended.get("job_id").asText()).isEqualTo(jobId);
            assertThat(ended.get("workers").asInt()).isZero();
            assertThat(ended.at("/summary/succeeded").asInt()).isEqualTo(RECORDS);
        }
    }

    @Test
    void whoeverLeavesAJobToOthersTellsThatItGoesOn() throws Exception {
        Gate others = new Gate();
        EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline(first).build()).build();
        jobs.trigger(JobRequest.ALL);
        gate.awaitWaiting(2, Duration.ofSeconds(30));
        BuildRun joined = pipeline(provider(FaultScript.none(), others)).build().start(BuildRequest.all());
        others.awaitWaiting(2, Duration.ofSeconds(30));

        jobs.close();

        JsonNode left = json(jobs);
        assertThat(left.get("state").asText()).isEqualTo("running");
        assertThat(left.get("here").asBoolean()).isFalse();
        assertThat(left.get("workers").asInt()).isEqualTo(1);
        others.open();
        assertThat(joined.result().succeeded()).isEqualTo(RECORDS);
        assertThat(json(jobs).get("state").asText()).isEqualTo("completed");
    }

    private static ScriptedProvider inARush() {
        Gate open = new Gate();
        open.open();
        return provider(FaultScript.none(), open);
    }

    private static JsonNode await(EmbeddingJobs jobs, Predicate<JsonNode> wanted) throws Exception {
        JsonNode last = json(jobs);
        while (!wanted.test(last)) {
            Thread.onSpinWait();
            last = json(jobs);
        }
        return last;
    }

    private static JsonNode json(EmbeddingJobs jobs) throws Exception {
        return new ObjectMapper().readTree(jobs.status().orElseThrow().toJson());
    }
}
