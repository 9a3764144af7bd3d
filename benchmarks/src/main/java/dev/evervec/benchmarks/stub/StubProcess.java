package dev.evervec.benchmarks.stub;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A {@link StubServer} in a process of its own, which ends when this is closed, or with this process. */
public final class StubProcess implements AutoCloseable {
    private final Process process;
    private final int port;
    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /**
     * What the server was asked for since it began or was told to count anew.
     *
     * @param requests all of them, refused ones too
     * @param latencyMillis that accepted requests took, all together
     * @param mostAtOnce accepted requests under way at once
     * @param unitsBySecond what counted against the quota of requests, second by second
     */
    public record Stats(
            long requests,
            long refused,
            long texts,
            long tokens,
            long latencyMillis,
            long connections,
            long mostAtOnce,
            List<Long> unitsBySecond,
            List<Long> tokensBySecond,
            List<Long> refusedBySecond) {
        static Stats parsed(String told) throws IOException {
            Properties values = new Properties();
            values.load(new StringReader(told));
            return new Stats(
                    number(values, "requests"),
                    number(values, "refused"),
                    number(values, "texts"),
                    number(values, "tokens"),
                    number(values, "latencyMillis"),
                    number(values, "connections"),
                    number(values, "mostAtOnce"),
                    numbers(values, "unitsBySecond"),
                    numbers(values, "tokensBySecond"),
                    numbers(values, "refusedBySecond"));
        }

        private static long number(Properties values, String name) {
            return Long.parseLong(values.getProperty(name));
        }

        private static List<Long> numbers(Properties values, String name) {
            return Arrays.stream(values.getProperty(name).split(",", -1))
                    .filter(number -> !number.isEmpty())
                    .map(Long::valueOf)
                    .toList();
        }
    }

    private StubProcess(Process process, int port) {
        this.process = process;
        this.port = port;
    }

    /**
     * Starts a server; what the settings are, says {@link StubServer}.
     *
     * @throws IOException if it does not start
     */
    public static StubProcess start(Map<String, String> settings) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                StubServer.class.getName()));
        settings.forEach((name, value) -> command.add("--" + name + "=" + value));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        String port = out.readLine();
        if (port == null) {
            throw new IOException("the stub server does not start");
        }
        return new StubProcess(process, Integer.parseInt(port));
    }

    public int port() {
        return port;
    }

    /** The base URL of its OpenAI form. */
    public String openAiUrl() {
        return "http://127.0.0.1:" + port + "/v1";
    }

    /** The base URL of its Gemini form. */
    public String geminiUrl() {
        return "http://127.0.0.1:" + port;
    }

    /** Processor time that it has taken so far, in seconds. */
    public double cpuSeconds() {
        return process.info()
                .totalCpuDuration()
                .map(time -> time.toNanos() / 1e9)
                .orElse(0.0);
    }

    /** What it was asked for. */
    public Stats stats() throws IOException, InterruptedException {
        return Stats.parsed(send(HttpRequest.newBuilder(uri("/stats")).build()));
    }

    /** Changes settings while it runs. */
    public void control(Map<String, String> settings) throws IOException, InterruptedException {
        String query = settings.entrySet().stream()
                .map(setting -> setting.getKey() + "=" + setting.getValue())
                .collect(Collectors.joining("&"));
        send(HttpRequest.newBuilder(uri("/control?" + query))
                .POST(BodyPublishers.noBody())
                .build());
    }

    /** Lets it count anew. */
    public void reset() throws IOException, InterruptedException {
        control(Map.of("reset", "true"));
    }

    private String send(HttpRequest request) throws IOException, InterruptedException {
        var response = client.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) {
            throw new IOException("the stub server answers " + response.statusCode());
        }
        return response.body();
    }

    private URI uri(String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    @Override
    public void close() {
        process.destroy();
        process.onExit()
                .orTimeout(10, TimeUnit.SECONDS)
                .exceptionally(late -> process.destroyForcibly())
                .join();
    }
}
