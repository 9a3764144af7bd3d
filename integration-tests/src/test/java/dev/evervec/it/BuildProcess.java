package dev.evervec.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A {@link KilledBuild} in a process of its own, with a provider of its own. Closing kills it. */
final class BuildProcess implements AutoCloseable {
    /** Shorter than a lease: a build that waits for a dead one's leases does not end in time. */
    private static final int PATIENCE_SECONDS = 50;

    private static final List<String> OPTIONS = List.of(
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "--enable-native-access=ALL-UNNAMED");

    private final String jobId;
    private final Traffic traffic;
    private final LoopbackServer server;
    private final Process process;
    private final BufferedReader output;

    private BuildProcess(String jobId, Traffic traffic, LoopbackServer server, Process process) {
        this.jobId = jobId;
        this.traffic = traffic;
        this.server = server;
        this.process = process;
        this.output = process.inputReader(StandardCharsets.UTF_8);
    }

    /**
     * Starts a process, which does nothing before {@link #go}.
     *
     * @param options more options for its virtual machine
     */
    static BuildProcess start(
            Path folder, KillStore store, KilledBuild.Mode mode, String jobId, Traffic traffic, List<String> options)
            throws IOException {
        LoopbackServer server = LoopbackServer.start(traffic);
        return start(
                jobId,
                traffic,
                server,
                Java.of(
                        KilledBuild.class,
                        all(options),
                        folder.toString(),
                        server.url(),
                        mode.name(),
                        jobId,
                        store.url(),
                        Long.toString(store.lease().toMillis())));
    }

    /** Starts a worker of a job, which does nothing before {@link #go}; what it logs goes to this file. */
    static BuildProcess start(SharedBuild.Settings settings, Traffic traffic, Path log) throws IOException {
        LoopbackServer server = LoopbackServer.start(traffic);
        return start(
                settings.name(),
                traffic,
                server,
                Java.of(SharedBuild.class, all(List.of()), settings.arguments(server.url()))
                        .redirectError(log.toFile()));
    }

    private static BuildProcess start(String jobId, Traffic traffic, LoopbackServer server, ProcessBuilder command)
            throws IOException {
        Process process = command.start();
        process.onExit().thenRun(traffic::end);
        return new BuildProcess(jobId, traffic, server, process);
    }

    private static List<String> all(List<String> options) {
        List<String> all = new ArrayList<>(OPTIONS);
        String logging = System.getProperty("logback.configurationFile");
        if (logging != null) {
            all.add("-Dlogback.configurationFile=" + logging);
        }
        all.addAll(options);
        return all;
    }

    /** Waits until the process has started. */
    BuildProcess awaitReady() throws IOException {
        if (!KilledBuild.READY.equals(output.readLine())) {
            throw new IllegalStateException("the process did not start");
        }
        return this;
    }

    /** Lets the build begin, at once or as soon as its process has started. */
    BuildProcess go() {
        try {
            process.getOutputStream().write('\n');
            process.getOutputStream().flush();
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends the process a signal by its name. */
    void signal(String name) throws IOException, InterruptedException {
        int code = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                .inheritIO()
                .start()
                .waitFor();
        if (code != 0) {
            throw new IOException("kill -" + name + " ended with " + code);
        }
    }

    /** SIGKILL. Afterwards {@link #traffic} changes no more. */
    void kill() {
        process.destroyForcibly();
        process.onExit().join();
        endServer();
    }

    /** The exit code; afterwards {@link #traffic} changes no more. */
    int exitCode() throws InterruptedException {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            kill();
            throw new AssertionError("a build had not ended after " + PATIENCE_SECONDS + " s");
        }
        endServer();
        return process.exitValue();
    }

    /** What it has printed until its end, or since the last call. */
    String output() throws IOException {
        StringBuilder all = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            all.append(line).append('\n');
        }
        return all.toString();
    }

    String jobId() {
        return jobId;
    }

    Traffic traffic() {
        return traffic;
    }

    /** Completes when the process has ended. */
    CompletableFuture<BuildProcess> onExit() {
        return process.onExit().thenApply(ended -> this);
    }

    /** A request that is on its way into the server is in the traffic when this returns. */
    private void endServer() {
        traffic.release();
        server.close();
    }

    @Override
    public void close() {
        kill();
    }
}
