package dev.evervec.browser;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.evervec.examples.Main;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * An admin page of its own for each test: a folder with configuration, records and store, a model to embed with, and the
 * program's {@code serve} in a process that can be killed.
 */
final class Site implements BeforeEachCallback, AfterEachCallback {
    static final String SECRET = "correct-horse-battery-staple";
    private static final int BATCH = 2;
    private static final int SECONDS = 60;
    private static final Pattern ADDRESS = Pattern.compile("http://127\\.0\\.0\\.1:(\\d+)");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<Process> processes = new ArrayList<>();
    private @Nullable Path folder;
    private @Nullable HouseModel model;
    private @Nullable Process server;
    private volatile int port; // 0 before the first start
    private StringBuffer output = new StringBuffer();

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        folder = Files.createTempDirectory("evervec-site");
        model = HouseModel.start();
        Files.createFile(folder.resolve("records.jsonl"));
        configure(BATCH, "");
    }

    @Override
    public void afterEach(ExtensionContext context) throws Exception {
        if (model != null) {
            model.close();
        }
        for (Process process : processes) {
            process.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        }
        if (context.getExecutionException().isPresent()) {
            System.err.println("What the server said:\n" + output);
        }
        deleteFolder();
    }

    private void deleteFolder() throws IOException {
        if (folder == null) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }

    HouseModel model() {
        if (model == null) {
            throw new IllegalStateException("no test runs");
        }
        return model;
    }

    private Path folder() {
        if (folder == null) {
            throw new IllegalStateException("no test runs");
        }
        return folder;
    }

    String origin() {
        return "http://127.0.0.1:" + port;
    }

    String url(String path) {
        return origin() + path;
    }

    /** Requests of so many texts instead of two. */
    void configureBatches(int texts) {
        configure(texts, "");
    }

    /** One request at a time. */
    private void configure(int texts, String tables) {
        write("config.toml", """
                [llm]
                provider = "openai"
                base_url = "%s"

                [llm.models.embedding]
                name = "house-model"
                dim = %d
                max_in_flight = 1
                batch_size = %d
                usd_per_million_tokens = 20

                [records]
                jsonl = "records.jsonl"

                [store]
                url = "jdbc:sqlite:embeddings.db"

                [serve]
                secret = "%s"

                %s
                """.formatted(model().url(), model().dimension(), texts, SECRET, tables));
    }

    /** Texts are rewritten before they are embedded, one at a time. */
    void configureRewriting() {
        configure(BATCH, """
                [llm.models.rewrite]
                name = "house-chat"
                workers = 1
                max_retries = 0
                usd_per_million_tokens = 20
                usd_per_million_output_tokens = 40
                """);
    }

    /** More records of a source, with ids of that name and numbers from 1. */
    void addRecords(String source, int count) {
        for (int i = 1; i <= count; i++) {
            addRecord(source, source + "-" + i, "text " + i + " of " + source);
        }
    }

    void addRecord(String source, String id, String content) {
        Map<String, String> row = new LinkedHashMap<>();
        row.put("source", source);
        row.put("id", id);
        row.put("content", content);
        try {
            Files.writeString(
                    folder().resolve("records.jsonl"), JSON.writeValueAsString(row) + "\n", StandardOpenOption.APPEND);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void write(String name, String text) {
        try {
            Files.writeString(folder().resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts the server, again on the port that it had, and waits until it says where it is. */
    void serve() {
        CompletableFuture<Void> up = new CompletableFuture<>();
        server = start("serve", "--port", Integer.toString(port));
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
        Thread reader = new Thread(() -> read(lines, up), "output of the server");
        reader.setDaemon(true);
        reader.start();
        try {
            up.get(SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new AssertionError("the server did not come up:\n" + output, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private void read(BufferedReader lines, CompletableFuture<Void> up) {
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                output.append(line).append('\n');
                Matcher address = ADDRESS.matcher(line);
                if (address.find()) {
                    port = Integer.parseInt(address.group(1));
                    up.complete(null);
                }
            }
        } catch (IOException e) {
            output.append(e).append('\n');
        }
        up.completeExceptionally(new IllegalStateException("it ended"));
    }

    /** SIGKILL: no word to anybody. The requests that it had under way are never answered. */
    void kill() throws InterruptedException {
        Process killed = server;
        if (killed == null) {
            throw new IllegalStateException("no server runs");
        }
        killed.destroyForcibly();
        if (!killed.waitFor(SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the server outlived SIGKILL");
        }
        model().rewrites().drop();
        model().embeddings().drop();
    }

    /** A build of the command line over the same folder, in a process of its own. */
    Process buildElsewhere() {
        Process build = start("build");
        try {
            build.getOutputStream().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return build;
    }

    /** Runs a build of the command line to its end. */
    void build() throws InterruptedException {
        Process build = buildElsewhere();
        if (!build.waitFor(SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the build did not end");
        }
    }

    private Process start(String command, String... options) {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                command,
                "--config",
                "config.toml"));
        line.addAll(List.of(options));
        ProcessBuilder builder =
                new ProcessBuilder(line).directory(folder().toFile()).redirectErrorStream(true);
        if (!command.equals("serve")) {
            builder.redirectOutput(
                    folder().resolve(command + "-" + processes.size() + ".txt").toFile());
        }
        builder.environment().keySet().removeIf(name -> name.startsWith("EVERVEC_") || name.endsWith("_API_KEY"));
        try {
            Process process = builder.start();
            processes.add(process);
            return process;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
