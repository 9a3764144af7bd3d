package dev.evervec.examples.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RecentReadsTest {
    private static final int POLLERS = 50;

    private final AtomicLong now = new AtomicLong();
    private final AtomicInteger asked = new AtomicInteger();
    private final RecentReads reads = new RecentReads(now::get);

    private String ask(String question) {
        return reads.get(question, () -> question + " " + asked.incrementAndGet());
    }

    @Test
    void anAnswerIsGoodForASecond() {
        assertThat(ask("stats")).isEqualTo("stats 1");
        now.addAndGet(Duration.ofSeconds(1).toNanos() - 1);
        assertThat(ask("stats")).isEqualTo("stats 1");
        now.addAndGet(1);
        assertThat(ask("stats")).isEqualTo("stats 2");
    }

    @Test
    void questionsAreAnsweredApart() {
        assertThat(ask("stats")).isEqualTo("stats 1");
        assertThat(ask("health")).isEqualTo("health 2");
        assertThat(ask("stats")).isEqualTo("stats 1");
    }

    @Test
    void anOutageIsNotAskedAboutByEveryPoller() {
        for (int i = 0; i < POLLERS; i++) {
            assertThatThrownBy(() -> reads.get("stats", () -> {
                        asked.incrementAndGet();
                        throw new IllegalStateException("no store");
                    }))
                    .hasMessage("no store");
        }
        assertThat(asked).hasValue(1);

        now.addAndGet(Duration.ofSeconds(1).toNanos());

        assertThat(ask("stats")).isEqualTo("stats 2");
    }

    @Test
    void whoComesWhileTheStoreIsAskedGetsTheSameAnswer() throws Exception {
        CountDownLatch asking = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        ExecutorService pollers = Executors.newFixedThreadPool(POLLERS);
        try {
            List<Future<String>> answers = new ArrayList<>();
            answers.add(pollers.submit(() -> reads.get("stats", () -> {
                asking.countDown();
                await(answer);
                return "stats " + asked.incrementAndGet();
            })));
            await(asking);
            for (int i = 1; i < POLLERS; i++) {
                answers.add(pollers.submit(() -> ask("stats")));
            }
            answer.countDown();

            for (Future<String> one : answers) {
                assertThat(one.get(30, TimeUnit.SECONDS)).isEqualTo("stats 1");
            }
        } finally {
            pollers.shutdownNow();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void theNumberOfAnswersKeptIsBounded() {
        for (int i = 0; i < 1_000; i++) {
            assertThat(ask("costs " + i)).isEqualTo("costs " + i + " " + (i + 1));
        }
        assertThat(ask("costs 0")).isEqualTo("costs 0 1001");
    }
}
