package dev.evervec.examples;

import dev.evervec.pipeline.source.RecordKey;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;

/** A file of record ids: UTF-8, one a line, blank lines passed over. */
final class IdsFile {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private IdsFile() {}

    static Set<String> read(Path file) {
        Set<String> ids = new LinkedHashSet<>();
        int number = 0;
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                String id = number == 1 && line.startsWith(BYTE_ORDER_MARK) ? line.substring(1) : line;
                if (!id.isBlank()) {
                    ids.add(checked(id, file, number));
                }
            }
        } catch (IOException e) {
            throw new UsageException(
                    "cannot read the ids file " + file + (number > 0 ? " after line " + number : "") + ": "
                            + (Files.isDirectory(file) ? "it is a folder" : IoReason.of(e)),
                    e);
        }
        if (ids.isEmpty()) {
            throw new UsageException("the ids file " + file + " has no id: write one on each line");
        }
        return ids;
    }

    private static String checked(String id, Path file, int line) {
        try {
            return new RecordKey(RecordKey.DEFAULT_SOURCE, id).id();
        } catch (IllegalArgumentException e) {
            throw new UsageException("the ids file " + file + ", line " + line + ": " + e.getMessage(), e);
        }
    }
}
