package dev.evervec.it;

import static org.awaitility.Awaitility.await;

import dev.evervec.it.GeneratedRecords.Kind;
import dev.evervec.it.SharedSite.End;
import dev.evervec.it.TcpProxy.Link;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Four processes share the work on one PostgreSQL while they are killed and paused, and their connections and the server come
 * to grief: nothing is lost, nothing is wrong, and no more is paid for twice than was in flight.
 *
 * <p>{@code -Devervec.chaos.records=N} builds over so many records instead of {@value #RECORDS},
 * {@code -Devervec.chaos.seed=S} repeats a run as far as moments can be repeated.
 */
final class ManyWorkersTest {
    private static final int RECORDS = 10_000;
    private static final int WORKERS = 4;
    private static final Duration LATENCY = Duration.ofMillis(100);
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    @TempDir
    Path folder;

    private SharedSite site;
    private Random random;
    private final Map<BuildProcess, Long> paused = new HashMap<>();

    /** What befalls the workers. */
    private enum Trouble {
        /** A worker is killed. */
        KILL(8),
        /** All connections are ended by an administrator. */
        TERMINATE(2),
        /** A connection is cut. */
        CUT(4),
        /** The network swallows what a connection carries. */
        SWALLOW(2),
        /** A worker stands still for longer than its lease. */
        PAUSE(1),
        /** The server is restarted. */
        RESTART(1),
        /** The server crashes. */
        CRASH(1);

        private final int times;

        Trouble(int times) {
            this.times = times;
        }
    }

    @Test
    @Timeout(1_800)
    void nothingIsLostWhateverHappensToWorkersConnectionsAndTheServer() throws Exception {
        int records = Integer.getInteger("evervec.chaos.records", RECORDS);
        long seed = Long.getLong("evervec.chaos.seed", new Random().nextLong());
        System.out.println("chaos: -Devervec.chaos.records=" + records + " -Devervec.chaos.seed=" + seed);
        random = new Random(seed);
        List<Trouble> troubles = troubles();
        long toEmbed = GeneratedRecords.sound(records).count(Kind.EMBEDDED);
        try (SharedSite opened = new SharedSite(folder, records)) {
            site = opened;
            for (int i = 0; i < troubles.size(); i++) {
                workUntilSent((i + random.nextDouble()) * toEmbed / (troubles.size() + 1));
                cause(troubles.get(i));
            }
            await().atMost(PATIENCE).until(() -> {
                wakeAndBury();
                return site.working().isEmpty();
            });
            site.finish();

            site.assertNothingIsLostAndNothingIsWrong();
            System.out.println(site);
        }
    }

    private List<Trouble> troubles() {
        List<Trouble> troubles = new ArrayList<>();
        for (Trouble trouble : Trouble.values()) {
            troubles.addAll(Collections.nCopies(trouble.times, trouble));
        }
        Collections.shuffle(troubles, random);
        return troubles;
    }

    /** With new workers in the place of those that have ended. */
    private void workUntilSent(double texts) {
        await().atMost(PATIENCE).until(() -> {
            wakeAndBury();
            while (site.working().size() < WORKERS) {
                site.hire(Traffic.answeredAfter(LATENCY));
            }
            return site.sent() >= texts;
        });
    }

    /** Those that have stood still for long enough go on, and those that have ended are looked at. */
    private void wakeAndBury() throws IOException, InterruptedException {
        for (BuildProcess worker : site.working()) {
            Long until = paused.get(worker);
            if (until != null && System.nanoTime() > until) {
                worker.signal("CONT");
                paused.remove(worker);
            }
            if (worker.onExit().isDone()) {
                end(worker);
            }
        }
    }

    /** A worker that has ended by itself meanwhile cannot be paused: it is looked at with all that have ended. */
    private void pause(BuildProcess worker) throws Exception {
        try {
            worker.signal("STOP");
        } catch (IOException noSuchProcess) {
            worker.onExit().get(10, TimeUnit.SECONDS);
            return;
        }
        paused.put(worker, System.nanoTime() + SharedSite.LEASE.multipliedBy(2).toNanos());
    }

    private BuildProcess someWorker() {
        return oneOf(site.working()).orElseThrow();
    }

    private Optional<Link> someLink() throws SQLException {
        return oneOf(site.links(someWorker()));
    }

    private <T> Optional<T> oneOf(List<T> list) {
        return list.isEmpty() ? Optional.empty() : Optional.of(list.get(random.nextInt(list.size())));
    }

    private void end(BuildProcess worker) throws IOException, InterruptedException {
        End end = site.end(worker);
        if (end.stopped()) {
            System.out.println(worker.jobId() + ": " + end.output());
        }
    }

    private void cause(Trouble trouble) throws Exception {
        switch (trouble) {
            case KILL -> site.kill(someWorker());
            case TERMINATE -> site.server().terminate("worker-%");
            case CUT -> someLink().ifPresent(Link::cut);
            case SWALLOW -> someLink().ifPresent(Link::swallow);
            case PAUSE -> pause(someWorker());
            case RESTART -> site.server().restart();
            case CRASH -> site.server().crash();
        }
    }
}
