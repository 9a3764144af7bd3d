package dev.evervec.benchmarks;

import dev.evervec.benchmarks.contest.BareLoop;
import dev.evervec.benchmarks.contest.BareSocket;
import dev.evervec.benchmarks.contest.ContestProcess;
import dev.evervec.benchmarks.contest.OwnProvider;
import dev.evervec.benchmarks.contest.RawSdk;
import dev.evervec.benchmarks.contest.Round;
import dev.evervec.benchmarks.contest.Task;
import dev.evervec.benchmarks.contest.WholePipeline;
import dev.evervec.benchmarks.stub.StubProcess;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The first goal: vectors a second, processor time and memory of the whole pipeline, compared with a bare socket and with other
 * libraries, each in a process of its own against one service with large answers.
 */
final class Throughput {
    private static final String GOAL = "1 throughput";
    private static final int DIMENSION = 1_536;
    private static final int TEXTS_PER_REQUEST = 2_048;
    private static final int IN_FLIGHT = 8;
    private static final int CHARACTERS = 500;
    private static final int LATENCY_MILLIS = 200;

    private static final Entrant BARE = new Entrant("bare socket", BareSocket.class.getName(), Home.OWN, 64);
    private static final Entrant PROVIDER = new Entrant("provider alone", OwnProvider.class.getName(), Home.OWN, 64);
    private static final Entrant PIPELINE = new Entrant("whole pipeline", WholePipeline.class.getName(), Home.OWN, 64);
    private static final Entrant SPRING = new Entrant("Spring AI, pooled", Rivals.SPRING_AI, Home.RIVALS, 32);
    private static final Entrant DEFAULTS =
            new Entrant("LangChain4j defaults, pooled", Rivals.LANGCHAIN4J, Home.RIVALS, 8);
    private static final List<Entrant> ENTRANTS = List.of(
            BARE,
            // What is left of the bare socket where the vectors are also stored.
            new Entrant("bare loop into SQLite", BareLoop.class.getName(), Home.OWN, 64),
            PROVIDER,
            PIPELINE,
            new Entrant("openai-java as documented, pooled", RawSdk.class.getName(), Home.OWN, 32),
            SPRING,
            new Entrant("LangChain4j base64, pooled", Rivals.LANGCHAIN4J_BASE64, Home.RIVALS, 16),
            DEFAULTS,
            new Entrant("LangChain4j defaults, one at a time", Rivals.LANGCHAIN4J_ALONE, Home.RIVALS, 2));

    private Throughput() {}

    /** Whose libraries a contender needs. */
    private enum Home {
        OWN,
        RIVALS
    }

    /**
     * One who takes part.
     *
     * @param requests of one round, so that it takes some seconds
     */
    private record Entrant(String name, String contender, Home home, int requests) {}

    static Findings measure(Effort effort) throws Exception {
        Map<String, String> service =
                Map.of("dimension", Integer.toString(DIMENSION), "latency", Integer.toString(LATENCY_MILLIS));
        Map<Entrant, ContestProcess> processes = new LinkedHashMap<>();
        try (StubProcess stub = StubProcess.start(service)) {
            Task task = new Task(stub.openAiUrl(), DIMENSION, TEXTS_PER_REQUEST, IN_FLIGHT, CHARACTERS, 0);
            for (Entrant entrant : ENTRANTS) {
                String classPath = classPath(entrant.home());
                if (classPath != null && (effort.size() != Effort.Size.TINY || entrant.home() == Home.OWN)) {
                    processes.put(
                            entrant,
                            ContestProcess.start(
                                    effort.jvm(
                                            "-Xmx4g",
                                            "throughput-" + entrant.name().replaceAll("[ ,]+", "-")),
                                    classPath,
                                    entrant.contender(),
                                    task));
                }
            }
            return findings(rounds(effort, processes));
        } finally {
            for (ContestProcess process : processes.values()) {
                process.close();
            }
        }
    }

    private static @Nullable String classPath(Home home) throws Exception {
        return home == Home.OWN ? System.getProperty("java.class.path") : Rivals.classPath();
    }

    private static Map<Entrant, List<Round>> rounds(Effort effort, Map<Entrant, ContestProcess> processes)
            throws Exception {
        Map<Entrant, List<Round>> rounds = new LinkedHashMap<>();
        for (var process : processes.entrySet()) {
            process.getValue().run(texts(effort, process.getKey()) / effort.of(1, 2, 1));
            rounds.put(process.getKey(), new ArrayList<>());
        }
        for (int i = 0; i < effort.of(1, 1, 5); i++) {
            for (var process : processes.entrySet()) {
                of(rounds, process.getKey()).add(process.getValue().run(texts(effort, process.getKey())));
            }
        }
        return rounds;
    }

    private static int texts(Effort effort, Entrant entrant) {
        return effort.of(100, entrant.requests() / 2, entrant.requests() * 2)
                * effort.of(1, TEXTS_PER_REQUEST, TEXTS_PER_REQUEST);
    }

    private static Findings findings(Map<Entrant, List<Round>> rounds) {
        StringBuilder table = new StringBuilder(String.format(
                Locale.ROOT,
                "%,d components, %d ms a request, %,d texts of %d characters a request, %d at a time; medians of %d rounds%n%n"
                        + "| who | vectors/s | CPU s per 1,000 | KB allocated per vector | heap after GC, MB |%n|---|---|---|---|---|%n",
                DIMENSION,
                LATENCY_MILLIS,
                TEXTS_PER_REQUEST,
                CHARACTERS,
                IN_FLIGHT,
                of(rounds, BARE).size()));
        rounds.forEach((entrant, list) -> table.append(String.format(
                Locale.ROOT,
                "| %s | %,.0f | %.4f | %.0f | %,.0f |%n",
                entrant.name(),
                median(list, Round::vectorsPerSecond),
                median(list, Round::cpuSecondsPerThousand),
                median(list, Round::kilobytesPerVector),
                median(list, Round::peakMegabytes))));
        return new Findings(verdicts(rounds), table.toString());
    }

    private static List<Verdict> verdicts(Map<Entrant, List<Round>> rounds) {
        double speed = median(of(rounds, PIPELINE), Round::vectorsPerSecond);
        double bareCpu = median(of(rounds, BARE), Round::cpuSecondsPerThousand);
        List<Verdict> verdicts = new ArrayList<>();
        verdicts.add(Verdict.atLeast(
                GOAL,
                "pipeline / bare socket, vectors/s",
                speed / median(of(rounds, BARE), Round::vectorsPerSecond),
                0.65));
        verdicts.add(times(rounds, speed, DEFAULTS, 8));
        verdicts.add(times(rounds, speed, SPRING, 2));
        verdicts.add(Verdict.atMost(
                GOAL,
                "pipeline / bare socket, CPU",
                median(of(rounds, PIPELINE), Round::cpuSecondsPerThousand) / bareCpu,
                4));
        verdicts.add(Verdict.atMost(
                GOAL,
                "provider / bare socket, CPU",
                median(of(rounds, PROVIDER), Round::cpuSecondsPerThousand) / bareCpu,
                1.7));
        return verdicts;
    }

    private static Verdict times(Map<Entrant, List<Round>> rounds, double speed, Entrant rival, double limit) {
        String what = "pipeline / " + rival.name() + ", vectors/s";
        List<Round> list = rounds.get(rival);
        return list == null
                ? Verdict.missing(GOAL, what, "benchmarks-rivals is not built")
                : Verdict.atLeast(GOAL, what, speed / median(list, Round::vectorsPerSecond), limit);
    }

    private static List<Round> of(Map<Entrant, List<Round>> rounds, Entrant entrant) {
        return Objects.requireNonNull(rounds.get(entrant), entrant.name());
    }

    private static double median(List<Round> rounds, ToDoubleFunction<Round> figure) {
        return Verdict.median(rounds.stream().mapToDouble(figure).toArray());
    }
}
