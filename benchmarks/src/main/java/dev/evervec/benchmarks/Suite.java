package dev.evervec.benchmarks;

import dev.evervec.benchmarks.Effort.Size;
import dev.evervec.benchmarks.Findings.Measurement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** Measures goals by their names, all of them if none is named, and writes a table of what is met and what is not. */
public final class Suite {
    private static final String ENQUEUE = "enqueue";
    private static final Path TARGET = Path.of("benchmarks", "target");
    private static final Map<String, Measurement> GOALS = goals();

    private Suite() {}

    /** A goal, what came of it, and how long that took. */
    record Measured(String name, long seconds, Findings findings) {}

    private static Map<String, Measurement> goals() {
        Map<String, Measurement> goals = new LinkedHashMap<>();
        goals.put("throughput", Throughput::measure);
        goals.put("bound", CallBound::measure);
        goals.put("quota", QuotaUse::measure);
        goals.put("autopilot", Autopilot::measure);
        goals.put("heap", Heap::measure);
        goals.put("nothing-to-do", NothingToDo::measure);
        goals.put("store", StoreThroughput::measure);
        goals.put("start-up", StartUp::measure);
        goals.put("hot-classes", HotClasses::measure);
        return goals;
    }

    /** Arguments: names of goals, {@code --quick}, and {@code --profile} for flight recordings. */
    public static void main(String[] args) throws Exception {
        List<String> arguments = Arrays.asList(args);
        if (arguments.contains(ENQUEUE)) {
            EnqueueLatency.main(arguments.stream()
                    .filter(argument -> !argument.equals(ENQUEUE))
                    .toArray(String[]::new));
            return;
        }
        List<String> names = arguments.stream()
                .filter(argument -> !argument.startsWith("--"))
                .toList();
        List<String> options =
                arguments.stream().filter(argument -> argument.startsWith("--")).toList();
        if (!GOALS.keySet().containsAll(names)
                || !List.of("--quick", "--profile").containsAll(options)) {
            System.err.println("usage: [--quick] [--profile] [GOAL ...], of " + GOALS.keySet() + "\n       " + ENQUEUE
                    + " [--quick] [FILE]");
            System.exit(2);
        }
        boolean profile = options.contains("--profile");
        Effort effort =
                new Effort(options.contains("--quick") ? Size.QUICK : Size.FULL, profile ? profiles() : Path.of(""));
        Path file = Files.createDirectories(TARGET).resolve("results.md");
        Files.deleteIfExists(file);
        List<Measured> measured = new ArrayList<>();
        for (String name : GOALS.keySet()) {
            if (names.isEmpty() || names.contains(name)) {
                System.err.print(name + " ... ");
                Measured latest = measured(name, effort);
                System.err.println(latest.seconds() + " s");
                measured.add(latest);
                // After each one: what took half an hour to measure is not lost with what comes after it.
                Files.writeString(file, words(measured));
            }
        }
        System.out.println(words(measured) + "\nwritten to " + file);
        System.exit(0);
    }

    private static Path profiles() throws IOException {
        return Files.createDirectories(TARGET.resolve("profiles"));
    }

    static Measured measured(String name, Effort effort) throws Exception {
        long began = System.nanoTime();
        Findings findings = Objects.requireNonNull(GOALS.get(name), name).measure(effort);
        return new Measured(name, (System.nanoTime() - began) / 1_000_000_000L, findings);
    }

    static String words(List<Measured> measured) {
        StringBuilder words = new StringBuilder("# Goals\n\n" + environment() + "\n\n"
                + "| goal | what | measured | limit | |\n|---|---|---|---|---|\n");
        measured.stream()
                .flatMap(each -> each.findings().verdicts().stream())
                .forEach(verdict -> words.append(verdict.row()));
        measured.forEach(each -> words.append(String.format(
                Locale.ROOT,
                "%n## %s%n%nMeasured in %d s.%n%n%s",
                each.name(),
                each.seconds(),
                each.findings().details())));
        return words.toString();
    }

    private static String environment() {
        return "Java " + Runtime.version().feature() + ", "
                + Runtime.getRuntime().availableProcessors() + " processors, " + System.getProperty("os.name") + " "
                + System.getProperty("os.arch");
    }
}
