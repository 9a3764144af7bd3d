package dev.evervec.benchmarks;

import dev.evervec.pipeline.TextBenchmark;
import dev.evervec.provider.openai.AnswerBenchmark;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** The classes through which everything goes, one by one. They have no goal of their own: a change is seen by comparing. */
final class HotClasses {
    private HotClasses() {}

    static Findings measure(Effort effort) throws RunnerException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .verbosity(VerboseMode.SILENT)
                .forks(effort.of(0, 1, 2))
                .warmupIterations(effort.of(1, 2, 2))
                .warmupTime(TimeValue.milliseconds(effort.of(10, 250, 1_000)))
                .measurementIterations(effort.of(1, 2, 5))
                .measurementTime(TimeValue.milliseconds(effort.of(10, 250, 1_000)));
        Stream.of(AnswerBenchmark.class, TextBenchmark.class, LimiterBenchmark.class)
                .forEach(each -> options.include(each.getName()));
        return new Findings(List.of(), table(new Runner(options.build()).run()));
    }

    private static String table(Collection<RunResult> results) {
        StringBuilder table = new StringBuilder("| what | µs | ± |\n|---|---|---|\n");
        for (RunResult result : results) {
            String parameters = result.getParams().getParamsKeys().stream()
                    .map(key -> " " + result.getParams().getParam(key))
                    .collect(Collectors.joining());
            String[] name = result.getParams().getBenchmark().split("\\.", -1);
            table.append(String.format(
                    Locale.ROOT,
                    "| %s.%s%s | %.3f | %.3f |%n",
                    name[name.length - 2],
                    name[name.length - 1],
                    parameters,
                    result.getPrimaryResult().getScore(),
                    result.getPrimaryResult().getScoreError()));
        }
        return table.toString();
    }
}
