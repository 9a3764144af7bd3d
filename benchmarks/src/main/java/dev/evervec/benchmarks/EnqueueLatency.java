package dev.evervec.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import org.openjdk.jmh.util.Statistics;

/** Runs {@link EnqueueBenchmark} and writes a table of what came out. */
public final class EnqueueLatency {
    private static final String USAGE =
            "usage: [--quick] [FILE], the table's file; benchmarks/target/enqueue-latency.md otherwise";
    private static final double GOAL_ALONE_MILLIS = 1;
    private static final double GOAL_BESIDE_A_BUILD_MILLIS = 10;

    private EnqueueLatency() {}

    /**
     * How long to measure.
     *
     * @param forks JVMs of their own; 0 measures in this one
     * @param warmUp before each measurement
     * @param iteration of a measurement
     * @param iterations in each JVM
     * @param verbosity how much is told meanwhile
     */
    record Effort(int forks, TimeValue warmUp, TimeValue iteration, int iterations, VerboseMode verbosity) {
        /** About 13 minutes. */
        static final Effort FULL = new Effort(1, TimeValue.seconds(5), TimeValue.seconds(10), 3, VerboseMode.NORMAL);
        /** About a minute. */
        static final Effort QUICK =
                new Effort(0, TimeValue.milliseconds(500), TimeValue.seconds(3), 1, VerboseMode.NORMAL);
    }

    /** Measures. */
    public static void main(String[] args) throws RunnerException, IOException {
        List<String> arguments = List.of(args);
        boolean quick = arguments.contains("--quick");
        List<String> files = arguments.stream()
                .filter(argument -> !argument.equals("--quick"))
                .toList();
        if (files.size() > 1 || files.stream().anyMatch(file -> file.startsWith("-"))) {
            System.err.println(USAGE);
            System.exit(2);
        }
        Path file = Path.of(files.isEmpty() ? "benchmarks/target/enqueue-latency.md" : files.get(0));
        String table = table(measure(quick ? Effort.QUICK : Effort.FULL, ".*"));
        write(file, table);
        System.out.println(table + "\nwritten to " + file);
    }

    /** Measures the methods whose names match. */
    static Collection<RunResult> measure(Effort effort, String methods) throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include(EnqueueBenchmark.class.getName() + "\\." + methods + "$")
                .verbosity(effort.verbosity())
                .forks(effort.forks())
                .warmupIterations(1)
                .warmupTime(effort.warmUp())
                .measurementIterations(effort.iterations())
                .measurementTime(effort.iteration());
        return new Runner(options.build()).run();
    }

    static String table(Collection<RunResult> results) {
        StringBuilder table = new StringBuilder("# Latency of noting a change, in milliseconds\n\n"
                + "SQLite in WAL mode, synchronous = NORMAL; " + environment() + "\n\n"
                + "| what | host's file | build | calls | p50 | p99 | p99.9 | max | goal for p99 |\n"
                + "|---|---|---|---|---|---|---|---|---|\n");
        results.forEach(result -> table.append(row(result)));
        return table.toString();
    }

    private static String environment() {
        return "Java " + Runtime.version().feature() + ", "
                + Runtime.getRuntime().availableProcessors() + " processors";
    }

    private static String row(RunResult result) {
        Statistics micros = result.getPrimaryResult().getStatistics();
        boolean building = result.getParams().getParam("build").equals("RUNNING");
        double goal = building ? GOAL_BESIDE_A_BUILD_MILLIS : GOAL_ALONE_MILLIS;
        double p99 = micros.getPercentile(99) / 1_000;
        return String.format(
                Locale.ROOT,
                "| %s | %s | %s | %d | %.3f | %.3f | %.3f | %.3f | %s |%n",
                result.getPrimaryResult().getLabel(),
                result.getParams().getParam("file").toLowerCase(Locale.ROOT),
                result.getParams().getParam("build").toLowerCase(Locale.ROOT),
                micros.getN(),
                micros.getPercentile(50) / 1_000,
                p99,
                micros.getPercentile(99.9) / 1_000,
                micros.getMax() / 1_000,
                (p99 < goal ? "met: < " : "MISSED: < ") + goal);
    }

    private static void write(Path file, String table) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        Files.writeString(file, table);
    }
}
