package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.BareLoop;
import dev.evervec.benchmarks.contest.ContestProcess;
import dev.evervec.benchmarks.contest.Task;
import dev.evervec.benchmarks.contest.WholePipeline;
import dev.evervec.benchmarks.stub.StubProcess;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The second goal: how close the whole pipeline comes to the time that its calls alone must take, when each carries few texts. A
 * bare loop of read, embed and store runs beside it, turn by turn.
 */
final class CallBound {
    private static final String GOAL = "2 wall time";
    private static final int DIMENSION = 1_536;
    private static final int CHARACTERS = 500;
    private static final int TEXTS_PER_REQUEST = 100;
    private static final List<Case> CASES = List.of(
            new Case(200, 8, 0, 1.05),
            new Case(200, 16, 0, 1.05),
            new Case(50, 8, 0, 1.08),
            new Case(50, 16, 0, 1.08),
            new Case(200, 8, 32, 1.05));
    private static final List<Case> TINY = List.of(new Case(10, 2, 0, 1.05), new Case(10, 2, 2, 1.05));

    private CallBound() {}

    /** One place of the table. */
    private record Case(int latencyMillis, int inFlight, int rewrites, double limit) {
        private static final int REWRITES_TO_CALLS = 5;

        /** A second for a call of 200 ms. */
        int rewriteMillis() {
            return latencyMillis * REWRITES_TO_CALLS;
        }

        String name() {
            return latencyMillis + " ms, K = " + inFlight + (rewrites > 0 ? ", W = " + rewrites : "");
        }

        /** So many texts that their calls take about so long. */
        int texts(double seconds) {
            return rewrites > 0
                    ? (int) Math.round(seconds * 1_000 / rewriteMillis()) * rewrites
                    : (int) Math.round(seconds * 1_000 / latencyMillis) * inFlight * TEXTS_PER_REQUEST;
        }

        /** At least 80 calls one after the other, of which the first and the last do not weigh much. */
        int longSeconds() {
            return Math.max(8, 80 * latencyMillis / 1_000);
        }

        /** The time of the slower stage's calls. */
        double bound(int texts) {
            double embedding = Math.ceil(texts / (double) TEXTS_PER_REQUEST) / inFlight * latencyMillis / 1_000;
            double rewriting = rewrites > 0 ? texts / (double) rewrites * rewriteMillis() / 1_000 : 0;
            return Math.max(embedding, rewriting);
        }
    }

    static Findings measure(Effort effort) throws Exception {
        List<Verdict> verdicts = new ArrayList<>();
        StringBuilder table = new StringBuilder("""
                Wall time / bound, medians of paired runs

                | calls | texts | bound, s | pipeline | from | to | bare loop | from | to |
                |---|---|---|---|---|---|---|---|---|
                """);
        for (Case each : effort.size() == Effort.Size.TINY ? TINY : CASES) {
            measure(effort, each, verdicts, table);
        }
        return new Findings(verdicts, table.toString());
    }

    private static void measure(Effort effort, Case each, List<Verdict> verdicts, StringBuilder table)
            throws Exception {
        boolean rewriting = each.rewrites() > 0;
        int texts = effort.size() == Effort.Size.TINY
                ? TEXTS_PER_REQUEST
                : each.texts(rewriting ? effort.of(1, 5, 40) : effort.of(1, 2, each.longSeconds()));
        int runs = effort.of(1, 1, 5);
        double[] pipelines = new double[runs];
        double[] loops = new double[runs];
        Map<String, String> service = Map.of(
                "dimension",
                Integer.toString(DIMENSION),
                "latency",
                Integer.toString(each.latencyMillis()),
                "rewrite-latency",
                Integer.toString(each.rewriteMillis()));
        String classPath = System.getProperty("java.class.path");
        try (StubProcess stub = StubProcess.start(service)) {
            Task task = new Task(
                    stub.openAiUrl(), DIMENSION, TEXTS_PER_REQUEST, each.inFlight(), CHARACTERS, each.rewrites());
            String recording =
                    "bound-" + each.latencyMillis() + "-" + each.inFlight() + (rewriting ? "-rewriting" : "");
            try (ContestProcess pipeline = ContestProcess.start(
                            effort.jvm("-Xmx4g", recording), classPath, WholePipeline.class.getName(), task);
                    ContestProcess loop =
                            ContestProcess.start(List.of("-Xmx4g"), classPath, BareLoop.class.getName(), task)) {
                pipeline.run(rewriting ? each.rewrites() : texts / 2);
                loop.run(rewriting ? each.rewrites() : texts / 2);
                for (int i = 0; i < runs; i++) {
                    pipelines[i] = pipeline.run(texts).seconds() / each.bound(texts);
                    loops[i] = rewriting ? Double.NaN : loop.run(texts).seconds() / each.bound(texts);
                }
            }
        }
        verdicts.add(Verdict.atMost(GOAL, each.name() + ": wall / bound", Verdict.median(pipelines), each.limit()));
        table.append(String.format(
                Locale.ROOT,
                "| %s | %,d | %.2f | %.3f | %.3f | %.3f | %s |%n",
                each.name(),
                texts,
                each.bound(texts),
                Verdict.median(pipelines),
                least(pipelines),
                most(pipelines),
                rewriting
                        ? "| |"
                        : String.format(
                                Locale.ROOT, "%.3f | %.3f | %.3f", Verdict.median(loops), least(loops), most(loops))));
    }

    private static double least(double... numbers) {
        return Arrays.stream(numbers).min().orElseThrow();
    }

    private static double most(double... numbers) {
        return Arrays.stream(numbers).max().orElseThrow();
    }
}
