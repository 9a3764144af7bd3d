package dev.evervec.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Threads of one process at one lock, in many rounds. */
@Timeout(60)
class LockFileConcurrencyTest {
    private static final int ROUNDS = 300;

    @TempDir
    private Path folder;

    private final ExecutorService threads = Executors.newFixedThreadPool(3);

    @AfterEach
    void endThreads() throws Exception {
        threads.shutdownNow();
        assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }

    private LockFile lockFile() {
        return new LockFile(folder.resolve("lock"));
    }

    private static Optional<JobLock> takeAsSoonAsItIsFree(LockFile file) {
        Optional<JobLock> lock = file.tryLock();
        while (lock.isEmpty()) {
            Thread.onSpinWait();
            lock = file.tryLock();
        }
        return lock;
    }

    @Test
    void ofManyWhoTryAtOnceOneGetsTheLock() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            CyclicBarrier together = new CyclicBarrier(3);
            Callable<Optional<JobLock>> attempt = () -> {
                together.await();
                return lockFile().tryLock();
            };
            List<JobLock> held = new ArrayList<>();
            for (Future<Optional<JobLock>> tried : threads.invokeAll(List.of(attempt, attempt, attempt))) {
                tried.get().ifPresent(held::add);
            }

            assertThat(held).hasSize(1);
            held.get(0).release();
        }
        assertThat(lockFile().heldHere()).isFalse();
    }

    @Test
    void whoLooksSeesWhatIsSoAndDisturbsNobody() throws Exception {
        AtomicInteger step = new AtomicInteger(); // free, being taken, held, being released, free again
        AtomicBoolean over = new AtomicBoolean();
        Callable<Integer> look = () -> {
            int certain = 0;
            while (!over.get() || certain == 0) {
                int before = step.get();
                boolean held = lockFile().isHeld();
                if (before % 2 == 0 && step.get() == before) {
                    assertThat(held).isEqualTo(before % 4 == 2);
                    certain++;
                }
            }
            return certain;
        };
        List<Future<Integer>> looking = List.of(threads.submit(look), threads.submit(look));
        try {
            for (int round = 0; round < 10 * ROUNDS; round++) {
                step.incrementAndGet();
                JobLock lock = lockFile().tryLock().orElseThrow();
                step.incrementAndGet();
                Thread.yield();
                step.incrementAndGet();
                lock.release();
                step.incrementAndGet();
                Thread.yield();
            }
        } finally {
            over.set(true);
        }
        for (Future<Integer> looked : looking) {
            assertThat(looked.get()).isPositive();
        }
    }

    @Test
    void whereThereIsNoFileNobodyHoldsItsLock() {
        assertThat(lockFile().isHeld()).isFalse();
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void givingALockBackTwiceAtOnceTakesItFromNobodyElse() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            JobLock first = lockFile().tryLock().orElseThrow();
            CyclicBarrier together = new CyclicBarrier(3);
            Callable<Optional<JobLock>> release = () -> {
                together.await();
                first.release();
                return Optional.empty();
            };
            Callable<Optional<JobLock>> take = () -> {
                together.await();
                return takeAsSoonAsItIsFree(lockFile());
            };
            Optional<JobLock> second =
                    threads.invokeAll(List.of(release, release, take)).get(2).get();

            assertThat(lockFile().heldHere()).isTrue();
            assertThat(lockFile().tryLock()).isEmpty();
            second.orElseThrow().release();
        }
    }
}
