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

/** Measures goals by their names, all of them if none is named, and writes a table of what is met and what is not. */
public final class Suite {
    private static final String ENQUEUE = "enqueue";
    private static final Path TARGET = Path.of("benchmarks", "target");
    private static final Map<String, Measurement> GOALS = goals();

    private Suite() {}

    private static Map<String, Measurement> goals() {
        Map<String, Measurement> goals = new LinkedHashMap<>();
        goals.put("throughput", Throughput::measure);
        goals.put("bound", CallBound::measure);
        goals.put("quota", QuotaUse::measure);
        goals.put("autopilot", Autopilot::measure);
        goals.put("heap", Heap::measure);
        goals.put("nothing-to-do", NothingToDo::measure);
        goals.put("store", StoreRatio::measure);
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
        Path file = TARGET.resolve("results.md");
        String results = measured(names.isEmpty() ? List.copyOf(GOALS.keySet()) : names, effort);
        Files.createDirectories(TARGET);
        Files.writeString(file, results);
        System.out.println(results + "\nwritten to " + file);
        System.exit(0);
    }

    private static Path profiles() throws IOException {
        return Files.createDirectories(TARGET.resolve("profiles"));
    }

    static String measured(List<String> names, Effort effort) throws Exception {
        List<Verdict> verdicts = new ArrayList<>();
        StringBuilder details = new StringBuilder();
        for (Map.Entry<String, Measurement> goal : GOALS.entrySet()) {
            if (names.contains(goal.getKey())) {
                long began = System.nanoTime();
                System.err.println(goal.getKey() + " ...");
                Findings findings = goal.getValue().measure(effort);
                verdicts.addAll(findings.verdicts());
                details.append(String.format(
                        Locale.ROOT,
                        "%n## %s%n%nMeasured in %d s.%n%n%s",
                        goal.getKey(),
                        (System.nanoTime() - began) / 1_000_000_000L,
                        findings.details()));
            }
        }
        StringBuilder table = new StringBuilder("# Goals\n\n" + environment() + "\n\n"
                + "| goal | what | measured | limit | |\n|---|---|---|---|---|\n");
        verdicts.forEach(verdict -> table.append(verdict.row()));
        return table.append(details).toString();
    }

    private static String environment() {
        return "Java " + Runtime.version().feature() + ", "
                + Runtime.getRuntime().availableProcessors() + " processors, " + System.getProperty("os.name") + " "
                + System.getProperty("os.arch");
    }
}
