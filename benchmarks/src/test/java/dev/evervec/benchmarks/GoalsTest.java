package dev.evervec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Says nothing about time: only that each goal is measured. */
@Timeout(300)
class GoalsTest {
    @Test
    void throughputOfThePipelineIsComparedWithOthers() throws Exception {
        Findings findings = Throughput.measure(Effort.TINY);

        assertThat(findings.details()).contains("| bare socket |", "| whole pipeline |");
        assertThat(findings.verdicts()).hasSize(5);
    }

    @Test
    void wallTimeIsComparedWithTheBoundOfTheCalls() throws Exception {
        Findings findings = CallBound.measure(Effort.TINY);

        assertThat(findings.verdicts())
                .extracting(Verdict::what)
                .containsExactly("10 ms, K = 2: wall / bound", "10 ms, K = 2, W = 2: wall / bound");
    }

    @Test
    void useOfAQuotaIsCountedByTheService() throws Exception {
        Findings findings = QuotaUse.measure(Effort.TINY);

        assertThat(findings.verdicts()).hasSize(4);
        assertThat(findings.details()).contains("three pipelines", "changed to 300 a minute");
    }

    @Test
    void concurrencyThatIsFoundIsComparedWithFixedOnes() throws Exception {
        Findings findings = Autopilot.measure(Effort.TINY);

        assertThat(findings.details()).contains("| 4 | 2 |", "| 4 | auto |");
        assertThat(findings.verdicts()).hasSize(2);
    }

    @Test
    void heapIsComparedForFewAndManyRecords() throws Exception {
        Findings findings = Heap.measure(Effort.TINY);

        assertThat(findings.details()).contains("| 100 | 256 MB", "| 300 | 4 GB", "| 20,000 | 256 MB, read, cancelled");
        assertThat(findings.verdicts()).hasSize(3);
    }

    @Test
    void jobWithNothingToDoIsTimedByRecord() throws Exception {
        assertThat(NothingToDo.measure(Effort.TINY).verdicts()).hasSize(2);
    }

    @Test
    void startIsTimedInANewProcess() throws Exception {
        Findings findings = StartUp.measure(Effort.TINY);

        assertThat(findings.details()).contains("build on an empty table", "provider alone");
        assertThat(findings.verdicts()).hasSize(1);
    }

    @Test
    void storesAreMeasuredAgainstABareUpsert() throws Exception {
        Findings findings = StoreThroughput.measure(Effort.TINY);

        assertThat(findings.details())
                .containsPattern("\\| SQLite \\| 256 \\| [\\d,]+ \\| [\\d,]+ \\| \\d+\\.\\d\\d \\|")
                .contains("| PostgreSQL from a URL | 256 |", "| PostgreSQL with a host's connections | 256 |");
        assertThat(findings.verdicts()).hasSize(3);
    }

    @Test
    void hotClassesAreMeasuredOneByOne() throws Exception {
        assertThat(HotClasses.measure(Effort.TINY).details())
                .contains(
                        "| AnswerBenchmark.embed BASE64 |", "| TextBenchmark.hash |", "| LimiterBenchmark.limited 0 |");
    }

    @Test
    void goalsAreChosenByNameAndShownInOneTable() throws Exception {
        String results = Suite.words(List.of(Suite.measured("nothing-to-do", Effort.TINY)));

        assertThat(results).contains("| 5 nothing to do | ms a record of 300 |", "## nothing-to-do");
        assertThat(results).doesNotContain("## heap");
    }

    @Test
    void verdictSaysWhetherAGoalIsMet() {
        assertThat(Verdict.atLeast("1", "speed", 0.66, 0.65).row())
                .isEqualTo("| 1 | speed | 0.660 | ≥ 0.650 | met |\n");
        assertThat(Verdict.atMost("2", "time", 1.06, 1.05).row()).endsWith("| **MISSED** |\n");
        assertThat(Verdict.median(3, 1, 2)).isEqualTo(2);
    }
}
