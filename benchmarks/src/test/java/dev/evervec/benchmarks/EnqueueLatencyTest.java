package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.evervec.benchmarks.EnqueueLatency.Effort;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

class EnqueueLatencyTest {
    /** Says nothing about time: only that what is measured runs, beside a build too. */
    @Test
    void everyPlaceOfTheTableIsMeasured() throws RunnerException {
        Effort tiny = new Effort(0, TimeValue.milliseconds(1), TimeValue.milliseconds(40), 1, VerboseMode.SILENT);

        Collection<RunResult> results = EnqueueLatency.measure(tiny, "(wholeTransaction|onItsOwnConnection)");

        assertThat(results)
                .extracting(result -> result.getPrimaryResult().getLabel() + " "
                        + result.getParams().getParam("file") + " "
                        + result.getParams().getParam("build"))
                .containsExactlyInAnyOrder(
                        "wholeTransaction OWN NONE",
                        "wholeTransaction OWN RUNNING",
                        "wholeTransaction SHARED NONE",
                        "wholeTransaction SHARED RUNNING",
                        "onItsOwnConnection OWN NONE",
                        "onItsOwnConnection OWN RUNNING",
                        "onItsOwnConnection SHARED NONE",
                        "onItsOwnConnection SHARED RUNNING");
        assertThat(results)
                .allSatisfy(result -> assertThat(
                                result.getPrimaryResult().getStatistics().getN())
                        .isPositive());
        assertThat(EnqueueLatency.table(results)).contains("| wholeTransaction | shared | running |");
    }
}
