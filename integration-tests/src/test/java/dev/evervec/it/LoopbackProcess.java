package dev.evervec.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A {@link LoopbackServer} in a process of its own, so that its memory is not the build's. */
final class LoopbackProcess implements AutoCloseable {
    private final Process process;
    private final BufferedReader output;
    private final int port;

    private LoopbackProcess() throws IOException {
        process = Java.of(LoopbackServer.class, List.of("-Xmx256m")).start();
        output = process.inputReader(StandardCharsets.UTF_8);
        port = Integer.parseInt(output.readLine());
    }

    static LoopbackProcess start() throws IOException {
        return new LoopbackProcess();
    }

    String url() {
        return "http://127.0.0.1:" + port;
    }

    /** Ends the process and says how many requests it answered. */
    long stop() throws IOException {
        process.getOutputStream().close();
        return Long.parseLong(output.readLine().split(" ")[0]);
    }

    @Override
    public void close() throws IOException {
        process.getOutputStream().close();
        process.onExit().completeOnTimeout(process, 10, TimeUnit.SECONDS).join();
        process.destroyForcibly();
    }
}
