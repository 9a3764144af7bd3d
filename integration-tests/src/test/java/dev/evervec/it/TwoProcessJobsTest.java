package dev.evervec.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import dev.evervec.LLMProviders;
import dev.evervec.it.KilledBuild.Mode;
import dev.evervec.pipeline.BuildPipeline;
import dev.evervec.pipeline.jobs.EmbeddingJobs;
import dev.evervec.pipeline.jobs.EmbeddingJobs.Cancellation;
import dev.evervec.pipeline.jobs.JobRequest;
import dev.evervec.pipeline.jobs.JobStatus;
import dev.evervec.pipeline.jobs.TriggerRefusedException;
import dev.evervec.pipeline.jobs.TriggerRefusedException.Refusal;
import dev.evervec.pipeline.progress.BuildProgress.Phase;
import dev.evervec.pipeline.source.JsonLinesSource;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.JobState;
import dev.evervec.provider.Capability;
import dev.evervec.provider.LLMProvider;
import dev.evervec.store.jdbc.JdbcStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An admin page in this process, a build in another one. */
final class TwoProcessJobsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(50);
    private static final JobRequest DRY = new JobRequest(null, false, true, null, null, null);

    @TempDir
    private Path folder;

    /** The page's process. */
    private final class Page implements AutoCloseable {
        final LoopbackServer server = LoopbackServer.start(Traffic.answered());
        final LLMProvider embedder =
                LLMProviders.create(KilledBuild.config(server.url(), Mode.PLAIN), Capability.EMBEDDING);
        final EmbeddingStore store = JdbcStore.openSqlite(folder.resolve(KilledBuild.DATABASE));
        final BuildPipeline pipeline = BuildPipeline.builder()
                .records(JsonLinesSource.of(folder.resolve(KilledBuild.RECORDS)))
                .embedder(embedder)
                .store(store)
                .logs(folder.resolve(KilledBuild.LOGS))
                .build();
        final EmbeddingJobs jobs = EmbeddingJobs.builder(pipeline).build();

        JobStatus status() {
            return jobs.status().orElseThrow();
        }

        @Override
        public void close() {
            jobs.close();
            store.close();
            embedder.close();
            server.close();
        }
    }

    private static Refusal refusal(Runnable asking) {
        return catchThrowableOfType(TriggerRefusedException.class, asking::run).refusal();
    }

    @Test
    void aJobOfAnotherProcessIsSeenKeepsOthersOutAndIsCancelled() throws Exception {
        KillSite site = new KillSite(folder, Mode.PLAIN);
        try (BuildProcess build = site.start(Traffic.heldFrom(3), List.of()).go();
                Page page = new Page()) {
            assertThat(build.traffic().awaitEmbeddings(3)).isTrue();
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(page.status().phase()).isEqualTo(Phase.EMBEDDING));

            JobStatus running = page.status();
            assertThat(running.info().jobId()).isEqualTo(build.jobId());
            assertThat(running).matches(JobStatus::isRunning).matches(job -> !job.here() && !job.resumable());
            assertThat(running.progress().embed().total()).isPositive();
            assertThat(page.jobs.output(build.jobId()).orElseThrow().log()).contains(" begin build of all sources");
            assertThat(refusal(() -> page.jobs.trigger(JobRequest.ALL))).isEqualTo(Refusal.ALREADY_RUNNING);
            assertThat(refusal(() -> page.jobs.trigger(DRY))).isEqualTo(Refusal.ALREADY_RUNNING);
            assertThat(refusal(() -> page.jobs.resume(build.jobId()))).isEqualTo(Refusal.ALREADY_RUNNING);

            assertThat(page.jobs.cancel(build.jobId())).isEqualTo(Cancellation.REQUESTED);
            assertThat(page.status().toJson()).contains("\"cancelling\":true");

            assertThat(build.exitCode()).isEqualTo(1);
            JobStatus ended = page.status();
            assertThat(ended.info().state()).isEqualTo(JobState.CANCELLED);
            assertThat(ended.info().embedded()
                            + ended.info().notEmbedded().values().stream()
                                    .mapToLong(Long::longValue)
                                    .sum())
                    .isEqualTo(KillSite.RECORDS);
            assertThat(page.jobs.cancel(build.jobId())).isEqualTo(Cancellation.NOT_RUNNING);
        }
    }

    @Test
    void aJobWhoseProcessWasKilledIsShownAsInterruptedAndCarriedOn() throws Exception {
        KillSite site = new KillSite(folder, Mode.PLAIN);
        try (BuildProcess build = site.start(Traffic.heldFrom(5), List.of()).go();
                Page page = new Page()) {
            assertThat(build.traffic().awaitEmbeddings(5)).isTrue();
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(page.status().phase()).isEqualTo(Phase.EMBEDDING));
            assertThat(site.kill(build)).isTrue();

            JobStatus interrupted = page.status();
            assertThat(interrupted.info().state()).isEqualTo(JobState.INTERRUPTED);
            assertThat(interrupted.phase()).isEqualTo(Phase.EMBEDDING);
            assertThat(interrupted).matches(JobStatus::resumable).matches(job -> !job.here());

            String id = page.jobs.resume(build.jobId());
            await().atMost(PATIENCE)
                    .until(() -> !page.jobs.status(id).orElseThrow().isRunning());

            JobStatus ended = page.status();
            assertThat(ended.info().jobId()).isEqualTo(id);
            assertThat(ended.info().state()).isEqualTo(JobState.COMPLETED);
            assertThat(ended.info().resumes()).isEqualTo(build.jobId());
            assertThat(page.store.stats(page.pipeline.fingerprint()))
                    .singleElement()
                    .satisfies(stats -> {
                        assertThat(stats.pending()).isZero();
                        assertThat(stats.embedded()).isEqualTo(stats.withContent() - stats.skipped());
                    });
            assertThat(page.jobs.history(5))
                    .extracting(job -> job.info().state())
                    .containsExactly(JobState.COMPLETED, JobState.INTERRUPTED);
            assertThat(refusal(() -> page.jobs.resume(build.jobId()))).isEqualTo(Refusal.NOT_RESUMABLE);
        }
    }
}
