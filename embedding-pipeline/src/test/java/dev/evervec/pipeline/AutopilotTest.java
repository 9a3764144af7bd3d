package dev.evervec.pipeline;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AutopilotTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int MOST = 64;

    @ParameterizedTest
    @CsvSource({
        "1, 0.2, 0",
        "2, 0.2, 0",
        "3, 0.2, 0",
        "4, 0.2, 0",
        "7, 0.2, 0",
        "24, 0.2, 0",
        "32, 0.2, 0",
        "100, 0.2, 0",
        "1, 0.2, 0.3",
        "4, 0.2, 0.3",
        "32, 0.2, 0.3",
        "1, 2, 0.1",
        "4, 2, 0.1",
        "4, 0.02, 0.3",
        "100, 0.5, 0.5"
    })
    void saturatesAServerWithoutQueueingAtIt(int slots, double seconds, double spread) {
        long seed = System.nanoTime();
        System.out.println("autopilot seed: " + seed);
        double best = 0;
        for (int limit : new int[] {1, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 36, 48, 64}) {
            int fixed = limit;
            Server server = new Server(slots, lasting(seconds, spread, seed));
            Client client = new Client(server, () -> fixed, null);
            best = Math.max(best, client.rate(2_000, 4_000));
        }
        Server server = new Server(slots, lasting(seconds, spread, seed));
        Autopilot autopilot = new Autopilot(MOST);
        Client client = new Client(server, autopilot::limit, autopilot);
        double found = client.rate(2_000, 4_000);

        assertThat(found).isGreaterThan(0.9 * best);
        assertThat(client.meanUnderWay).isLessThanOrEqualTo(Math.min(MOST, 1.4 * slots + 1));
    }

    @Test
    void fillsAQuotaWithoutKeepingMoreCallsInLineThanThatTakes() {
        Server server = new Server(1_000, () -> 0.2);
        server.mostPerSecond = 10;
        Autopilot autopilot = new Autopilot(MOST);
        Client client = new Client(server, autopilot::limit, autopilot);

        assertThat(client.rate(500, 2_000)).isGreaterThan(9.8);
        assertThat(client.meanUnderWay).isLessThan(6);
    }

    @ParameterizedTest
    @CsvSource({"4, 16", "32, 4", "1, 8"})
    void followsAServerThatChanges(int before, int after) {
        Server server = new Server(before, () -> 0.2);
        Autopilot autopilot = new Autopilot(MOST);
        Client client = new Client(server, autopilot::limit, autopilot);
        client.run(2_000);

        server.slots = after;

        assertThat(client.rate(3_000, 1_000)).isGreaterThan(0.9 * after / 0.2);
        assertThat(client.meanUnderWay).isLessThan(1.4 * after + 1);
    }

    @Test
    void keepsItsLimitWhileThereIsNotEnoughToSend() {
        Server server = new Server(16, () -> 0.2);
        Autopilot autopilot = new Autopilot(MOST);
        Client client = new Client(server, autopilot::limit, autopilot);
        client.run(2_000);

        client.limit = () -> 2;
        client.run(500);

        assertThat(autopilot.limit()).isBetween(15, 20);
    }

    @Test
    void beginsWithHalfAsManyOnceNothingIsAnsweredAnyMore() {
        Autopilot autopilot = new Autopilot(MOST);
        Client client = new Client(new Server(32, () -> 0.2), autopilot::limit, autopilot);
        client.run(2_000);
        int found = autopilot.limit();

        autopilot.collapsed(client.now);

        assertThat(autopilot.limit()).isEqualTo(found / 2);
    }

    @Test
    void neverGoesBeyondTheMost() {
        Autopilot autopilot = new Autopilot(3);
        Client client = new Client(new Server(100, () -> 0.2), autopilot::limit, autopilot);

        client.run(2_000);

        assertThat(client.highest).isEqualTo(3);
    }

    @Test
    void aPauseIsNoMeasurement() {
        Autopilot autopilot = new Autopilot(MOST);
        Client client = new Client(new Server(8, () -> 0.2), autopilot::limit, autopilot);
        client.run(2_000);

        for (int i = 0; i < 50; i++) {
            client.now += 60 * SECOND;
            autopilot.disturbed(client.now);
            client.run(10);
        }

        assertThat(autopilot.limit()).isBetween(8, 10);
    }

    private static DoubleSupplier lasting(double seconds, double spread, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        return () -> seconds * Math.exp(spread * random.nextGaussian());
    }

    /** Works on so many calls at once, and begins so many a second. */
    private static final class Server {
        int slots;
        double mostPerSecond = Double.POSITIVE_INFINITY;
        long next;
        final DoubleSupplier seconds;
        final Deque<Long> waiting = new ArrayDeque<>();
        final PriorityQueue<long[]> working = new PriorityQueue<>(Comparator.comparingLong((long[] call) -> call[0]));

        Server(int slots, DoubleSupplier seconds) {
            this.slots = slots;
            this.seconds = seconds;
        }

        void send(long now) {
            waiting.addLast(now);
            work(now);
        }

        /** When it answers next, and when that call was sent. */
        long[] answer() {
            long[] done = working.remove();
            work(done[0]);
            return done;
        }

        private void work(long now) {
            while (working.size() < slots && !waiting.isEmpty()) {
                long begin = Math.max(now, next);
                next = begin + (long) (SECOND / mostPerSecond);
                working.add(new long[] {begin + (long) (seconds.getAsDouble() * SECOND), waiting.removeFirst()});
            }
        }
    }

    private static final class Client {
        final Server server;
        IntSupplier limit;
        final Autopilot autopilot;
        double meanUnderWay;
        int highest;
        int underWay;
        long now;

        Client(Server server, IntSupplier limit, Autopilot autopilot) {
            this.server = server;
            this.limit = limit;
            this.autopilot = autopilot;
        }

        /** Answers per second, after the first ones. */
        double rate(int first, int measured) {
            run(first);
            long from = now;
            double sum = 0;
            for (int i = 0; i < measured; i++) {
                run(1);
                sum += underWay;
            }
            meanUnderWay = sum / measured;
            return measured / ((now - from) / (double) SECOND);
        }

        void run(int answers) {
            for (int i = 0; i < answers; i++) {
                fill();
                long[] answer = server.answer();
                now = Math.max(now, answer[0]);
                underWay--;
                if (autopilot != null) {
                    autopilot.underWay(underWay, now);
                    autopilot.answered(answer[1], now);
                }
            }
            fill();
        }

        private void fill() {
            while (underWay < limit.getAsInt()) {
                server.send(now);
                underWay++;
                highest = Math.max(highest, underWay);
                if (autopilot != null) {
                    autopilot.underWay(underWay, now);
                }
            }
        }
    }
}
