package dev.evervec.benchmarks.contest;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A contender in a process of its own, which ends when this is closed, or with this process. */
public final class ContestProcess implements AutoCloseable {
    private final Process process;
    private final BufferedReader out;
    private final Writer in;

    private ContestProcess(Process process) {
        this.process = process;
        this.out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        this.in = process.outputWriter(StandardCharsets.US_ASCII);
    }

    /**
     * Starts it.
     *
     * @param jvmOptions such as the size of the heap
     * @param classPath where the contender is, and {@link Contest}
     */
    public static ContestProcess start(List<String> jvmOptions, String classPath, String contender, Task task)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmOptions);
        command.addAll(List.of("-cp", classPath, Contest.class.getName(), contender));
        command.addAll(task.arguments());
        return new ContestProcess(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    /** Lets the contender get vectors for that many texts. */
    public Round run(int texts) throws IOException {
        in.write(texts + "\n");
        in.flush();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (Round.isLine(line)) {
                return Round.parsed(line);
            }
        }
        throw new IOException("the contender's process has ended");
    }

    @Override
    public void close() throws IOException {
        in.close();
        process.onExit()
                .orTimeout(30, TimeUnit.SECONDS)
                .exceptionally(late -> process.destroyForcibly())
                .join();
    }
}
