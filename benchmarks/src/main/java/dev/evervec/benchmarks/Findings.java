package dev.evervec.benchmarks;

import java.util.List;

/**
 * What came of measuring one goal.
 *
 * @param details what was measured, as Markdown
 */
record Findings(List<Verdict> verdicts, String details) {
    /** Measures one goal. */
    @FunctionalInterface
    interface Measurement {
        Findings measure(Effort effort) throws Exception;
    }

    Findings {
        verdicts = List.copyOf(verdicts);
    }
}
