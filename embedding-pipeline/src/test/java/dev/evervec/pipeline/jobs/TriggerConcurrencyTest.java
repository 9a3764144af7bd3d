package dev.evervec.pipeline.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.pipeline.jobs.TriggerRefusedException.Refusal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several people click at the same moment. */
@Timeout(120)
class TriggerConcurrencyTest {
    private static final int ROUNDS = 150;
    private static final int PEOPLE = 6;

    private static JobRequest request(boolean dryRun) {
        return new JobRequest(null, true, dryRun, null, null, null);
    }

    /** The id of the job that was begun, or nothing if one was running. */
    private static Optional<String> click(EmbeddingJobs jobs, JobRequest request, CyclicBarrier together)
            throws Exception {
        together.await(30, TimeUnit.SECONDS);
        try {
            return Optional.of(jobs.trigger(request));
        } catch (TriggerRefusedException e) {
            assertThat(e.refusal()).isEqualTo(Refusal.ALREADY_RUNNING);
            return Optional.empty();
        }
    }

    private static List<String> clickTogether(
            ExecutorService people, List<EmbeddingJobs> managers, List<JobRequest> requests) throws Exception {
        CyclicBarrier together = new CyclicBarrier(requests.size());
        List<Future<Optional<String>>> clicks = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            EmbeddingJobs jobs = managers.get(i % managers.size());
            JobRequest request = requests.get(i);
            clicks.add(people.submit(() -> click(jobs, request, together)));
        }
        List<String> begun = new ArrayList<>();
        for (Future<Optional<String>> click : clicks) {
            click.get(30, TimeUnit.SECONDS).ifPresent(begun::add);
        }
        return begun;
    }

    @Test
    void ofSeveralThatTriggerAtOnceExactlyOneWins() throws Exception {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        ExecutorService people = Executors.newFixedThreadPool(PEOPLE);
        for (int round = 0; round < ROUNDS; round++) {
            try (Office office = new Office()) {
                // Whoever wins holds the place until all have been answered.
                HeldSource records = new HeldSource(Office.records());
                EmbeddingJobs jobs =
                        office.jobs(office.pipeline(Office.provider().build())
                                .records(records)
                                .build());
                List<JobRequest> requests = IntStream.range(0, PEOPLE)
                        .mapToObj(any -> request(random.nextInt(3) == 0))
                        .toList();

                List<String> begun = clickTogether(people, List.of(jobs), requests);

                assertThat(begun).as("round %d, seed %d", round, seed).hasSize(1);
                assertThat(jobs.status().orElseThrow().info().jobId()).isEqualTo(begun.get(0));
                records.letGo();
            }
        }
        people.shutdown();
    }

    @Test
    void ofSeveralManagersOfOneStoreExactlyOneWins() throws Exception {
        ExecutorService people = Executors.newFixedThreadPool(PEOPLE);
        for (int round = 0; round < ROUNDS; round++) {
            try (Office office = new Office()) {
                List<EmbeddingJobs> managers = List.of(office.heldJobs(), office.heldJobs(), office.heldJobs());
                List<JobRequest> requests = Collections.nCopies(PEOPLE, request(false));

                List<String> begun = clickTogether(people, managers, requests);

                assertThat(begun).as("round %d", round).hasSize(1);
                assertThat(managers)
                        .allMatch(jobs ->
                                jobs.status().orElseThrow().info().jobId().equals(begun.get(0)));
            }
        }
        people.shutdown();
    }

    @Test
    void whoeverClosesWhileOthersTriggerLeavesNothingRunning() throws Exception {
        ExecutorService people = Executors.newFixedThreadPool(PEOPLE);
        for (int round = 0; round < ROUNDS; round++) {
            try (Office office = new Office()) {
                EmbeddingJobs jobs = office.jobs();
                CyclicBarrier together = new CyclicBarrier(3);
                Future<?> closing = people.submit(() -> {
                    together.await(30, TimeUnit.SECONDS);
                    jobs.close();
                    return null;
                });
                List<Future<?>> clicks = IntStream.range(0, 2)
                        .<Future<?>>mapToObj(
                                i -> people.submit(() -> triggerOrBeRefused(jobs, request(i == 0), together)))
                        .toList();
                closing.get(30, TimeUnit.SECONDS);
                for (Future<?> click : clicks) {
                    click.get(30, TimeUnit.SECONDS);
                }

                assertThat(office.store.runningJob()).as("round %d", round).isNull();
                assertThat(jobs.history(5)).noneMatch(JobStatus::isRunning);
            }
        }
        people.shutdown();
    }

    private static Object triggerOrBeRefused(EmbeddingJobs jobs, JobRequest request, CyclicBarrier together)
            throws Exception {
        together.await(30, TimeUnit.SECONDS);
        try {
            return jobs.trigger(request);
        } catch (TriggerRefusedException e) {
            return e.refusal();
        }
    }
}
