package dev.evervec.benchmarks;

import dev.evervec.config.StoreSettings;
import dev.evervec.store.jdbc.JdbcStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * How much of a quota several workers use together, compared with one: processes that draw on one quota through one
 * PostgreSQL, and send to a service in this process that counts. All of them always have something to send.
 */
public final class SharedQuotaUse {
    private static final double GOAL = 0.05;
    private static final Duration WARM_UP = Duration.ofSeconds(3);

    private SharedQuotaUse() {}

    /**
     * How much to measure.
     *
     * @param workers processes that are compared with one
     * @param pairs of runs, one with one worker and one with all
     * @param seconds that each run is counted
     */
    record Effort(int workers, int pairs, int seconds) {}

    /** A quota: of requests, of tokens, or both. */
    record Limits(String name, int requestsPerMinute, int tokensPerMinute) {}

    /** What came of a run: the share of the scarcer quota that was used, and how far it was passed at most, in its seconds. */
    private record Use(double share, double secondsAhead) {}

    /** Arguments: workers (4 if left out), pairs (5) and seconds of each run (20). */
    public static void main(String[] args) throws Exception {
        int workers = args.length > 0 ? Integer.parseInt(args[0]) : 4;
        int pairs = args.length > 1 ? Integer.parseInt(args[1]) : 5;
        int seconds = args.length > 2 ? Integer.parseInt(args[2]) : 20;
        System.out.println(measured(new Effort(workers, pairs, seconds)));
    }

    static String measured(Effort effort) throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.start()) {
            StoreSettings store = new StoreSettings(
                    "jdbc:postgresql://127.0.0.1:" + server.getPort() + "/postgres", "postgres", null, null);
            JdbcStore.open(store).close();
            String table = String.format(
                    Locale.ROOT,
                    "%d workers against one, %d s each; used: of the quota; ahead: what was sent before its time at most, in seconds of"
                            + " the quota%n| quota | pair | one | ahead | %d workers | ahead | ratio |%n|---|---|---|---|---|---|---|%n",
                    effort.workers(),
                    effort.seconds(),
                    effort.workers());
            return table
                    + pairs(effort, store, new Limits("1,200 requests", 1_200, 0))
                    + pairs(effort, store, new Limits("600,000 tokens", 0, 600_000));
        }
    }

    private static String pairs(Effort effort, StoreSettings store, Limits limits) throws Exception {
        StringBuilder rows = new StringBuilder();
        double[] ratios = new double[effort.pairs()];
        for (int i = 0; i < effort.pairs(); i++) {
            boolean oneFirst = i % 2 == 0;
            Use first = run(oneFirst ? 1 : effort.workers(), effort, store, limits);
            Use second = run(oneFirst ? effort.workers() : 1, effort, store, limits);
            Use one = oneFirst ? first : second;
            Use all = oneFirst ? second : first;
            ratios[i] = all.share() / one.share();
            rows.append(String.format(
                    Locale.ROOT,
                    "| %s | %d | %.3f | %.2f | %.3f | %.2f | %.3f |%n",
                    limits.name(),
                    i + 1,
                    one.share(),
                    one.secondsAhead(),
                    all.share(),
                    all.secondsAhead(),
                    ratios[i]));
        }
        Arrays.sort(ratios);
        double median = ratios[ratios.length / 2];
        rows.append(String.format(
                Locale.ROOT,
                "median of the ratios: %.3f (goal: within %.2f of 1: %s)%n",
                median,
                GOAL,
                Math.abs(median - 1) <= GOAL ? "met" : "missed"));
        return rows.toString();
    }

    private static Use run(int workers, Effort effort, StoreSettings store, Limits limits) throws Exception {
        List<Process> processes = new ArrayList<>();
        try (CountingService service = CountingService.start()) {
            for (int i = 0; i < workers; i++) {
                processes.add(worker(service.port(), store, limits, effort.seconds() + 60));
            }
            service.awaitWorkers(workers);
            long from = System.nanoTime() + WARM_UP.toNanos();
            TimeUnit.NANOSECONDS.sleep(WARM_UP.toNanos() + TimeUnit.SECONDS.toNanos(effort.seconds()));
            return use(service.callsBetween(from, System.nanoTime()), effort.seconds(), limits);
        } finally {
            processes.forEach(Process::destroyForcibly);
            for (Process process : processes) {
                process.waitFor();
            }
        }
    }

    private static Use use(List<CountingService.Call> calls, int seconds, Limits limits) {
        boolean tokens = limits.tokensPerMinute() > 0;
        double perSecond = (tokens ? limits.tokensPerMinute() : limits.requestsPerMinute()) / 60.0;
        double sum = 0;
        double least = Double.POSITIVE_INFINITY;
        double ahead = 0;
        for (CountingService.Call call : calls) {
            double allowed = call.nanos() / 1e9 * perSecond;
            least = Math.min(least, sum - allowed);
            sum += tokens ? call.tokens() : 1;
            ahead = Math.max(ahead, sum - allowed - least);
        }
        return new Use(sum / (perSecond * seconds), ahead / perSecond);
    }

    private static Process worker(int port, StoreSettings store, Limits limits, int mostSeconds) throws IOException {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-cp",
                System.getProperty("java.class.path"),
                QuotaWorker.class.getName(),
                store.url(),
                Integer.toString(port),
                Integer.toString(limits.requestsPerMinute()),
                Integer.toString(limits.tokensPerMinute()),
                Integer.toString(mostSeconds));
        return new ProcessBuilder(command).inheritIO().start();
    }
}
