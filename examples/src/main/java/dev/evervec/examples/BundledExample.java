package dev.evervec.examples;

import dev.evervec.config.LlmConfig;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;

/** What the program works on without {@code --config}: a configuration and sample records that come with it. */
final class BundledExample {
    static final String SAMPLES = "evervec-samples.jsonl";

    private BundledExample() {}

    static LlmConfig config(Path folder) {
        try (InputStream toml = resource("example.toml")) {
            return LlmConfig.parse(
                    new String(toml.readAllBytes(), StandardCharsets.UTF_8), "the bundled configuration", folder);
        } catch (IOException e) {
            throw new IllegalStateException("the bundled configuration cannot be read", e);
        }
    }

    /**
     * Writes the samples into the folder, unless they are there already: in a file of their own they can be looked at and
     * changed, to see what a second build makes of it.
     */
    static void provideSamples(Path folder) {
        Path file = folder.resolve(SAMPLES);
        if (Files.exists(file)) {
            return;
        }
        Path unfinished = folder.resolve(SAMPLES + ".tmp");
        try (InputStream samples = resource("samples.jsonl")) {
            Files.copy(samples, unfinished, StandardCopyOption.REPLACE_EXISTING);
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UsageException(
                    "the sample records cannot be written to " + file + " (" + IoReason.of(e)
                            + "): start the program in a folder that it may write to, or give --config",
                    e);
        }
    }

    private static InputStream resource(String name) {
        return Objects.requireNonNull(BundledExample.class.getResourceAsStream(name), name);
    }
}
