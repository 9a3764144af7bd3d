package dev.evervec.benchmarks.contest;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A folder of one contender, with a file of records for each number of them and a new store for each run. */
final class Workplace implements AutoCloseable {
    private final Path folder;
    private final int characters;
    private int stores;

    Workplace(int characters) throws IOException {
        this.folder = Files.createTempDirectory("evervec-contest");
        this.characters = characters;
    }

    /** That many records as JSON Lines. */
    Path records(int count) throws IOException {
        Path file = folder.resolve(count + ".jsonl");
        if (!Files.exists(file)) {
            try (BufferedWriter lines = Files.newBufferedWriter(file)) {
                for (int i = 0; i < count; i++) {
                    lines.write("{\"id\":\"id-" + i + "\",\"content\":\"" + Prose.text(i, characters) + "\"}\n");
                }
            }
        }
        return file;
    }

    /** A file that is not there yet; the one before is removed. */
    Path newStore() throws IOException {
        for (String part : List.of("", "-wal", "-shm", ".lock")) {
            Files.deleteIfExists(folder.resolve(stores + ".db" + part));
        }
        return folder.resolve(++stores + ".db");
    }

    /** A file for the host's own tables. */
    Path hostDatabase() {
        return folder.resolve("host.db");
    }

    /** For logs. */
    Path logs() {
        return folder.resolve("logs");
    }

    @Override
    public void close() throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.delete(path);
        }
    }
}
