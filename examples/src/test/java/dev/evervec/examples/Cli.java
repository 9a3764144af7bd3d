package dev.evervec.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Runs commands in a folder of their own, as a shell would, and holds what came out. */
final class Cli {
    static final ObjectMapper JSON = new ObjectMapper();
    private static final String SUMMARY = "EMBEDDING_SUMMARY:";

    private final Path folder;

    Cli(Path folder) {
        this.folder = folder;
    }

    /** What a command left behind. */
    record Result(int code, String out, String err) {
        List<String> outLines() {
            return out.lines().toList();
        }

        /** The last line of standard output, as a program would read it. */
        JsonNode summary() {
            List<String> lines = outLines();
            String last = lines.get(lines.size() - 1);
            assertThat(last).startsWith(SUMMARY);
            return parse(last.substring(SUMMARY.length()));
        }

        /** Standard output, if it is one line of JSON. */
        JsonNode json() {
            assertThat(outLines()).hasSize(1);
            return parse(out);
        }
    }

    static JsonNode parse(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new AssertionError("no JSON: " + json, e);
        }
    }

    /** A command line with {@code config.toml} of the folder. */
    static String[] withConfig(String command, String... rest) {
        return Stream.concat(Stream.of(command, "--config", "config.toml"), Arrays.stream(rest))
                .toArray(String[]::new);
    }

    Path folder() {
        return folder;
    }

    /** No terminal, no variables. Whatever goes wrong, a person never sees a stack trace. */
    Result run(String... args) {
        return run(false, Map.of(), args);
    }

    Result onTerminal(Map<String, String> environment, String... args) {
        return run(true, environment, args);
    }

    /** What a command finds on its standard input. */
    Result withInput(String input, String... args) {
        return run(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), false, Map.of(), args);
    }

    private Result run(boolean terminal, Map<String, String> environment, String... args) {
        return run(InputStream.nullInputStream(), terminal, environment, args);
    }

    private Result run(InputStream in, boolean terminal, Map<String, String> environment, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code;
        try (PrintStream outStream = new PrintStream(out, true, StandardCharsets.UTF_8);
                PrintStream errStream = new PrintStream(err, true, StandardCharsets.UTF_8)) {
            code = Main.run(args, new Shell(in, outStream, errStream, folder, environment, terminal));
        }
        Result result = new Result(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        assertThat(result.out() + result.err()).doesNotContain("\tat ", "Exception", "unexpected ");
        return result;
    }

    /** Refused before anything was begun: a message on standard error and nothing else. */
    Result refused(String... args) {
        Result result = run(args);
        assertThat(result.code()).as(result.err()).isEqualTo(2);
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).startsWith("evervec: ");
        return result;
    }

    Path file(String name, String text) {
        try {
            return Files.writeString(folder.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A configuration over {@code records.jsonl} with vectors of this dimension; logs and store beside it. */
    Path config(int dimension) {
        return file("config.toml", config(dimension, "jsonl = \"records.jsonl\""));
    }

    static String config(int dimension, String records) {
        return """
                [llm]
                provider = "local"

                [llm.models.embedding]
                name = "hashing-v1"
                dim = %d

                [records]
                %s

                [store]
                url = "jdbc:sqlite:embeddings.db"
                """.formatted(dimension, records);
    }

    /** So many records with ids {@code r0}, {@code r1} and so on, in {@code records.jsonl}. */
    Path records(int count) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            lines.append("{\"id\":\"r")
                    .append(i)
                    .append("\",\"content\":\"text number ")
                    .append(i)
                    .append("\"}\n");
        }
        return file("records.jsonl", lines.toString());
    }
}
