package dev.evervec.examples;

import dev.evervec.pipeline.source.RecordKey;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;

/** A file of record ids: UTF-8, one a line, blank lines passed over. */
final class IdsFile {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private IdsFile() {}

    private static final Path STANDARD_INPUT = Path.of("-");

    static Set<String> read(Path named, Shell shell) {
        if (named.equals(STANDARD_INPUT)) {
            return read(shell.in(), "(standard input)");
        }
        Path file = shell.file(named);
        try (InputStream bytes = Files.newInputStream(file)) {
            return read(bytes, file.toString());
        } catch (IOException e) {
            throw unreadable(file.toString(), Files.isDirectory(file) ? "it is a folder" : IoReason.of(e), e);
        }
    }

    private static Set<String> read(InputStream bytes, String name) {
        Set<String> ids = new LinkedHashSet<>();
        int number = 0;
        // A decoder of its own refuses what is no UTF-8; the reader's would put question marks there.
        BufferedReader lines = new BufferedReader(new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()));
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                String id = number == 1 && line.startsWith(BYTE_ORDER_MARK) ? line.substring(1) : line;
                if (!id.isBlank()) {
                    ids.add(checked(id, name, number));
                }
            }
        } catch (IOException e) {
            throw unreadable(name + (number > 0 ? " after line " + number : ""), IoReason.of(e), e);
        }
        if (ids.isEmpty()) {
            throw new UsageException("the ids file " + name + " has no id: write one on each line");
        }
        return ids;
    }

    private static UsageException unreadable(String name, String why, IOException e) {
        return new UsageException("cannot read the ids file " + name + ": " + why, e);
    }

    private static String checked(String id, String name, int line) {
        try {
            return new RecordKey(RecordKey.DEFAULT_SOURCE, id).id();
        } catch (IllegalArgumentException e) {
            throw new UsageException("the ids file " + name + ", line " + line + ": " + e.getMessage(), e);
        }
    }
}
