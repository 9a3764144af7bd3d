package dev.evervec.examples.admin;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The files that the pages are made of, as they are in the repository. */
final class PageFiles {
    private static final Path MAIN = Path.of("src/main");
    private static final String PACKAGE = "dev/evervec/examples/admin";

    private PageFiles() {}

    /** Files of this ending. */
    static List<Path> list(String ending) throws IOException {
        return files(MAIN.resolve("resources").resolve(PACKAGE), ending);
    }

    /** Their texts, one after the other. */
    static String all(String ending) throws IOException {
        return texts(list(ending));
    }

    /** The Java code beside them. */
    static String java() throws IOException {
        return texts(files(MAIN.resolve("java").resolve(PACKAGE), ".java"));
    }

    private static List<Path> files(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .sorted()
                    .toList();
        }
    }

    private static String texts(List<Path> files) throws IOException {
        StringBuilder all = new StringBuilder();
        for (Path file : files) {
            all.append(Files.readString(file)).append('\n');
        }
        return all.toString();
    }
}
