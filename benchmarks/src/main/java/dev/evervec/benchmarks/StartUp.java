package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.ContestProcess;
import dev.evervec.benchmarks.contest.FirstCall;
import dev.evervec.benchmarks.contest.OwnProvider;
import dev.evervec.benchmarks.contest.Task;
import dev.evervec.benchmarks.stub.StubProcess;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The seventh goal: how long a new process needs for a build on an empty table, and until its first call is answered, compared with a
 * provider that is called without a pipeline. Each is done twice in the process: the second time its classes are there.
 */
final class StartUp {
    private static final String GOAL = "7 start";

    private StartUp() {}

    /** The first and the second time, in seconds. */
    private record Times(double first, double second) {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.3f | %.3f", first, second);
        }
    }

    static Findings measure(Effort effort) throws Exception {
        int many = effort.of(1_000, 1_000_000, 1_000_000);
        try (StubProcess stub = StubProcess.start(Map.of())) {
            Task task = new Task(stub.openAiUrl(), 1_536, 100, 8, 500, 0);
            Times empty = median(effort, FirstCall.class.getName(), task, 0);
            return new Findings(
                    List.of(Verdict.atMost(GOAL, "build on an empty table in a new process, s", empty.first(), 1)),
                    "| what | first in a process, s | second |\n|---|---|---|\n| build on an empty table | " + empty
                            + " |\n| first call answered, provider alone | "
                            + median(effort, OwnProvider.class.getName(), task, 1)
                            + " |\n| first call answered and job ended, one record | "
                            + median(effort, FirstCall.class.getName(), task, 1)
                            + " |\n| first call answered and job cancelled, of very many records | "
                            + median(effort, FirstCall.class.getName(), task, many) + " |\n");
        }
    }

    private static Times median(Effort effort, String contender, Task task, int texts) throws Exception {
        int runs = effort.of(1, 2, 7);
        double[] first = new double[runs];
        double[] second = new double[runs];
        for (int i = 0; i < runs; i++) {
            String recording = "start" + contender.substring(contender.lastIndexOf('.')) + "-" + texts;
            try (ContestProcess process = ContestProcess.start(
                    effort.jvm("-Xmx1g", recording), System.getProperty("java.class.path"), contender, task)) {
                first[i] = process.run(texts).seconds();
                second[i] = process.run(texts).seconds();
            }
        }
        return new Times(Verdict.median(first), Verdict.median(second));
    }
}
