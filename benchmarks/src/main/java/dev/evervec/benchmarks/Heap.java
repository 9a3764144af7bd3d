package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.ContestProcess;
import dev.evervec.benchmarks.contest.GeneratedPipeline;
import dev.evervec.benchmarks.contest.Round;
import dev.evervec.benchmarks.contest.ScanAndResume;
import dev.evervec.benchmarks.contest.Task;
import dev.evervec.benchmarks.contest.WeighedPipeline;
import dev.evervec.benchmarks.stub.StubProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The fourth goal: the heap does not grow with the records, and a small one is no slower. */
final class Heap {
    private static final String GOAL = "4 heap";
    private static final String SMALL = "-Xmx256m";
    private static final String LARGE = "-Xmx4g";
    private static final int CHARACTERS = 500;

    private Heap() {}

    static Findings measure(Effort effort) throws Exception {
        int few = effort.of(100, 10_000, 10_000);
        int many = effort.of(300, 30_000, 1_000_000);
        int dimension = effort.of(8, 1_536, 1_536);
        Map<String, String> service = Map.of("dimension", Integer.toString(dimension), "latency", "100");
        try (StubProcess stub = StubProcess.start(service)) {
            Task task = new Task(stub.openAiUrl(), dimension, 256, 8, CHARACTERS, 0);
            // As often as the many are looked at, because the most that is seen grows with every look.
            Round weighedFew = run(effort, WeighedPipeline.class.getName(), SMALL, task, few, many / few);
            Round weighedMany = run(effort, WeighedPipeline.class.getName(), SMALL, task, many);
            Round small = run(effort, GeneratedPipeline.class.getName(), SMALL, task, many);
            Round large = run(effort, GeneratedPipeline.class.getName(), LARGE, task, many);
            List<Verdict> verdicts = new ArrayList<>();
            verdicts.add(Verdict.atMost(
                    GOAL,
                    String.format(Locale.ROOT, "peak after GC, %,d records / %,d in 256 MB", many, few),
                    weighedMany.liveMegabytes() / weighedFew.liveMegabytes(),
                    1.1));
            verdicts.add(Verdict.atLeast(
                    GOAL, "speed in 256 MB / in 4 GB", small.vectorsPerSecond() / large.vectorsPerSecond(), 0.9));
            String table =
                    "| records | heap | vectors/s | used after a full GC, at most, MB | after any GC |\n|---|---|---|---|---|\n"
                            + row("256 MB, collected all the time", weighedFew)
                            + row("256 MB, collected all the time", weighedMany)
                            + row("256 MB", small)
                            + row("4 GB", large);
            return new Findings(
                    verdicts, table + (effort.size() == Effort.Size.QUICK ? "" : resumed(effort, verdicts)));
        }
    }

    /** Embeds hardly anything meanwhile, so that all records are still pending when the first build is cancelled. */
    private static String resumed(Effort effort, List<Verdict> verdicts) throws Exception {
        int records = effort.of(20_000, 0, 10_000_000);
        try (StubProcess stub = StubProcess.start(Map.of("dimension", "8", "latency", "100"))) {
            Task task = new Task(stub.openAiUrl(), 8, 16, 1, CHARACTERS, 0);
            Round round = run(effort, ScanAndResume.class.getName(), SMALL, task, records);
            verdicts.add(new Verdict(
                    GOAL,
                    String.format(Locale.ROOT, "%,d records read, cancelled, read again in 256 MB", records),
                    String.format(Locale.ROOT, "%.0f s", round.seconds()),
                    "no failure",
                    true));
            return row("256 MB, read, cancelled and read again", round);
        }
    }

    private static Round run(Effort effort, String contender, String heap, Task task, int texts) throws Exception {
        return run(effort, contender, heap, task, texts, 1);
    }

    /** The run that left most on the heap. */
    private static Round run(Effort effort, String contender, String heap, Task task, int texts, int runs)
            throws Exception {
        String recording = "heap" + heap + "-" + texts + contender.substring(contender.lastIndexOf('.'));
        try (ContestProcess process = ContestProcess.start(
                effort.jvm(heap, recording), System.getProperty("java.class.path"), contender, task)) {
            Round most = process.run(texts);
            for (int i = 1; i < runs; i++) {
                Round round = process.run(texts);
                most = round.liveMegabytes() > most.liveMegabytes() ? round : most;
            }
            return most;
        }
    }

    private static String row(String heap, Round round) {
        return String.format(
                Locale.ROOT,
                "| %,d | %s | %,.0f | %.1f | %.1f |%n",
                round.texts(),
                heap,
                round.vectorsPerSecond(),
                round.liveMegabytes(),
                round.peakMegabytes());
    }
}
