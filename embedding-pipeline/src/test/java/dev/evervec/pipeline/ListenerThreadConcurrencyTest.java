package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.progress.BuildListener;
import dev.evervec.pipeline.progress.BuildProgress;
import dev.evervec.pipeline.report.BuildReport;
import dev.evervec.pipeline.report.Reason;
import dev.evervec.pipeline.report.RecordOutcome;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.provider.TokenUsage;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Those who tell and the thread that calls listeners, many times at once. */
class ListenerThreadConcurrencyTest {
    private static final int ROUNDS = 500;
    private static final BuildProgress EARLY = progress(1);
    private static final BuildProgress LATE = progress(2);
    private static final BuildReport REPORT = new BuildReport(
            "job",
            BuildReport.State.COMPLETED,
            0,
            0,
            Map.of(),
            Map.of(),
            Duration.ZERO,
            0,
            TokenUsage.NONE,
            null,
            List.of(),
            null,
            Set.of(),
            Set.of(),
            (reason, consumer) -> {});

    private static RecordOutcome outcome(String id) {
        return new RecordOutcome(new RecordKey("source", id), Reason.EMPTY_CONTENT, "");
    }

    private static BuildProgress progress(long requests) {
        return new BuildProgress(
                "job",
                BuildProgress.Phase.EMBEDDING,
                BuildProgress.Stage.NONE,
                BuildProgress.Stage.NONE,
                Instant.EPOCH,
                Instant.EPOCH,
                null,
                null,
                requests,
                0,
                null,
                null,
                0,
                Map.of());
    }

    /** Remembers what it is told, in order. */
    private static final class Heard implements BuildListener {
        final List<Object> told = new ArrayList<>();
        final CountDownLatch end = new CountDownLatch(1);

        @Override
        public void onStart(String jobId) {
            told.add(jobId);
        }

        @Override
        public void onProgress(BuildProgress progress) {
            told.add(progress);
        }

        @Override
        public void onRecordNotEmbedded(RecordOutcome outcome) {
            told.add(outcome);
        }

        @Override
        public void onEnd(BuildReport report) {
            told.add(report);
            end.countDown();
        }
    }

    /** Two tell, as the writer and, when that is stuck, the mind do. */
    @Test
    @Timeout(60)
    void whoeverTellsEveryOutcomeIsHeardOnceBeforeTheEndAndTheNewestProgressLast() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            Heard heard = new Heard();
            ListenerThread thread = new ListenerThread(List.of(heard), "job");
            CyclicBarrier together = new CyclicBarrier(2);
            Thread other = new Thread(() -> {
                await(together);
                thread.tell(new News.Untold(EARLY, List.of(outcome("other")), List.of()));
            });
            other.start();
            thread.start();
            await(together);
            for (int i = 0; i < 10; i++) {
                thread.tell(new News.Untold(EARLY, List.of(outcome("own-" + i)), List.of()));
            }
            other.join();
            thread.tell(new News.Untold(LATE, List.of(), List.of()));
            thread.tellEnd(REPORT);
            heard.end.await();

            List<Object> told = heard.told;
            assertThat(told).startsWith("job").endsWith(LATE, REPORT);
            assertThat(told.stream().filter(RecordOutcome.class::isInstance))
                    .hasSize(11)
                    .doesNotHaveDuplicates()
                    .containsSubsequence(IntStream.range(0, 10)
                            .mapToObj(i -> outcome("own-" + i))
                            .toArray());
        }
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException(e);
        }
    }
}
