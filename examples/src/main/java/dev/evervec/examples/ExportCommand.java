package dev.evervec.examples;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.evervec.pipeline.source.RecordKey;
import dev.evervec.pipeline.store.EmbeddingStore;
import dev.evervec.pipeline.store.Fingerprint;
import dev.evervec.pipeline.store.StoredVector;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes the stored vectors to a file. */
@Command(
        name = "export",
        description = {
            "Writes the stored vectors as JSON Lines, in the order of source and id.",
            "A line is {\"source\":...,\"id\":...,\"model\":...,\"dim\":...,\"text_hash\":...,\"embedding\":[...]}",
            "The file appears only when it is complete; one that is there already is replaced. Numbers read back as exactly"
                    + " the stored 32-bit floats."
        },
        footer = ExitCode.HELP)
final class ExportCommand implements Callable<Integer> {
    private final Shell shell;

    @Mixin
    private ConfigOption config = new ConfigOption();

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "The file to write.")
    private Path out = Path.of("");

    @Option(
            names = "--source",
            paramLabel = "SOURCE",
            description = "Only this source. Without it, or with all: every source.")
    private @Nullable String source;

    ExportCommand(Shell shell) {
        this.shell = shell;
    }

    @Override
    public Integer call() {
        Path file = shell.file(out);
        try (Wiring wiring = Wiring.of(config.load(shell))) {
            EmbeddingStore store = wiring.existingStore();
            Fingerprint fingerprint = wiring.fingerprint();
            var known = StatsCommand.of(source, store.stats(fingerprint));
            String wanted = source == null || source.equals(RecordKey.ALL_SOURCES)
                    ? null
                    : known.get(0).source();
            long vectors = write(file, store, fingerprint, wanted);
            shell.out()
                    .println("Exported " + SourceTable.count(vectors, "vector") + " of generation "
                            + fingerprint.generation() + " to " + file);
        }
        return ExitCode.OK;
    }

    private static long write(Path file, EmbeddingStore store, Fingerprint fingerprint, @Nullable String source) {
        if (Files.isDirectory(file)) {
            throw new UsageException("cannot write " + file + ": it is a folder");
        }
        Path unfinished = file.resolveSibling(file.getFileName() + ".evervec-tmp");
        try {
            try {
                long vectors = writeLines(unfinished, store, fingerprint, source);
                Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                return vectors;
            } finally {
                Files.deleteIfExists(unfinished);
            }
        } catch (IOException e) {
            throw failed(file, e);
        } catch (UncheckedIOException e) {
            throw failed(file, Objects.requireNonNull(e.getCause()));
        }
    }

    private static UsageException failed(Path file, IOException e) {
        return new UsageException("cannot write " + file + ": " + IoReason.of(e), e);
    }

    private static long writeLines(Path file, EmbeddingStore store, Fingerprint fingerprint, @Nullable String source)
            throws IOException {
        AtomicLong vectors = new AtomicLong();
        try (BufferedWriter writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
            store.forEachVector(fingerprint, source, vector -> {
                writeLine(writer, fingerprint.embedding().model(), vector);
                vectors.incrementAndGet();
            });
        }
        return vectors.get();
    }

    private static void writeLine(Writer writer, String model, StoredVector vector) {
        try (JsonGenerator json = Json.generator(writer)) {
            json.writeStartObject();
            json.writeStringField("source", vector.key().source());
            json.writeStringField("id", vector.key().id());
            json.writeStringField("model", model);
            json.writeNumberField("dim", vector.embedding().dimension());
            json.writeStringField("text_hash", vector.textHash().hex());
            json.writeFieldName("embedding");
            Json.writeComponents(json, vector.embedding());
            json.writeEndObject();
            json.writeRaw('\n');
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
