package dev.evervec.benchmarks.contest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * The process of one contender. For each line that it reads, a number of texts, it lets the contender run and prints what that
 * took; it ends with its input.
 */
public final class Contest {
    private Contest() {}

    /** Arguments: the contender's class, and the task's. */
    public static void main(String[] args) throws Exception {
        List<String> arguments = Arrays.asList(args);
        Task task = Task.ofArguments(arguments.subList(1, arguments.size()));
        Consumption consumption = new Consumption();
        try (Contender contender = contender(args[0], task)) {
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                int texts = Integer.parseInt(line);
                contender.prepare(texts);
                System.out.println(Round.of(texts, consumption.measure(() -> contender.run(texts)))
                        .line());
            }
        }
        System.exit(0);
    }

    /** The contender of this class. */
    static Contender contender(String className, Task task) throws IOException {
        try {
            return Class.forName(className)
                    .asSubclass(Contender.class)
                    .getConstructor(Task.class)
                    .newInstance(task);
        } catch (ReflectiveOperationException e) {
            throw new IOException("no contender " + className, e);
        }
    }
}
