package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Whole builds in virtual time with all sorts of trouble, thousands of them; see {@link Story}. A build that goes wrong is
 * named by its seed:
 *
 * <pre>
 *   -Devervec.seed=S    that story only
 *   -Devervec.seeds=N   so many stories instead of 10,000
 * </pre>
 */
class BuildStoriesTest {
    static final int DEFAULT_SEEDS = 10_000;
    private static final String FAILED_BEFORE = "failed-seeds.txt";
    private static final int SHOWN_FAILURES = 5;

    @Test
    void seedsThatOnceFailedNoLongerDo() throws IOException {
        for (long seed : failedBefore()) {
            Story.play(seed);
        }
    }

    @Test
    void whateverHappensNoRecordIsLostNoVectorIsWrongAndNothingIsPaidTwice() throws InterruptedException {
        Long only = Long.getLong("evervec.seed");
        if (only != null) {
            Story.play(only);
            return;
        }
        int seeds = Integer.getInteger("evervec.seeds", DEFAULT_SEEDS);
        Tally tally = new Tally();

        long begin = System.nanoTime();
        AtomicLong processorTime = new AtomicLong();
        Queue<AssertionError> failures = playAll(seeds, tally, processorTime);

        System.out.printf(
                "%d stories in %.1f s, %.1f s of processor time; met:%n%s",
                seeds, (System.nanoTime() - begin) / 1e9, processorTime.get() / 1e9, tally);
        if (!failures.isEmpty()) {
            throw first(failures);
        }
        if (seeds >= DEFAULT_SEEDS) {
            assertThat(Story.everything())
                    .allSatisfy(name -> assertThat(tally.of(name)).as(name).isPositive());
        }
    }

    /** Each processor takes the next seed until one has failed a few times. */
    private static Queue<AssertionError> playAll(int seeds, Tally tally, AtomicLong processorTime)
            throws InterruptedException {
        int players = Runtime.getRuntime().availableProcessors();
        AtomicLong next = new AtomicLong();
        Queue<AssertionError> failures = new ConcurrentLinkedQueue<>();
        CountDownLatch done = new CountDownLatch(players);
        for (int i = 0; i < players; i++) {
            Thread player = new Thread(
                    () -> {
                        try {
                            playOn(next, seeds, tally, failures);
                        } finally {
                            processorTime.addAndGet(
                                    ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime());
                            done.countDown();
                        }
                    },
                    "stories-" + i);
            player.setDaemon(true);
            player.start();
        }
        done.await();
        return failures;
    }

    private static void playOn(AtomicLong next, long seeds, Tally tally, Queue<AssertionError> failures) {
        for (long seed = next.incrementAndGet();
                seed <= seeds && failures.size() < SHOWN_FAILURES;
                seed = next.incrementAndGet()) {
            try {
                Story.play(seed, tally);
            } catch (AssertionError e) {
                failures.add(e);
            }
        }
    }

    private static AssertionError first(Queue<AssertionError> failures) {
        StringBuilder message = new StringBuilder(
                "stories went wrong; repeat one with -Devervec.seed=S, then add its seed to " + FAILED_BEFORE);
        failures.forEach(failure -> message.append('\n').append(failure.getMessage()));
        return new AssertionError(message.toString(), failures.peek());
    }

    private static List<Long> failedBefore() throws IOException {
        try (InputStream file = Objects.requireNonNull(BuildStoriesTest.class.getResourceAsStream(FAILED_BEFORE));
                BufferedReader lines = new BufferedReader(new InputStreamReader(file, StandardCharsets.UTF_8))) {
            return lines.lines()
                    .map(line -> line.replaceFirst("#.*", "").strip())
                    .filter(line -> !line.isEmpty())
                    .map(Long::valueOf)
                    .toList();
        }
    }
}
